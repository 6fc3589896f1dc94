"""The files below a folder, in a fixed order, and what the older scripts left beside them.

The older scripts wrote `track_id/posN_user_time.replay.gbx` below their replay folder, `track_ids.txt` with the tracks
to download, and `.replay_progress` with the index of the next track in it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tmxdb.errors import InvalidInput
from tmxdb.storage import PARTIAL, disk_errors, walk

PROGRESS, TRACK_IDS = ".replay_progress", "track_ids.txt"
_MAX_PROGRESS_BYTES = 64
_INSTEAD = "name another folder to adopt"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file that may be a replay or a map, as the system lists it. `folders`: names between the root and the file."""

    path: str
    folders: tuple[str, ...]
    file_bytes: int
    modified_ns: int

    @property
    def key(self) -> str:
        """The path as text that a database can store: names of files need not be valid UTF-8."""
        return self.path.encode("utf-8", "backslashreplace").decode()


@dataclass(frozen=True, slots=True)
class OlderProgress:
    """What the older scripts had passed. `skipped`: tracks before their position of which no replay is on disk."""

    index: int
    listed: int
    skipped: tuple[int, ...]


def files_below(root: Path) -> Iterator[Candidate]:
    """Yield every file below `root`, or `root` itself. Links to folders are not followed: they may form a loop.

    A folder below `root` that cannot be listed is yielded as a file that cannot be read. Raise DiskError if `root`
    cannot be listed, and InvalidInput if it is neither a folder nor a file.
    """
    root = Path(os.path.abspath(root))
    with disk_errors(str(root), instead=_INSTEAD, reading=True):
        found = os.stat(root)
        if stat.S_ISDIR(found.st_mode):
            for entry in walk(str(root), skip=PARTIAL):
                yield _candidate(entry.path, (root.name, *entry.folders), entry.facts)
        elif stat.S_ISREG(found.st_mode):
            yield _candidate(str(root), (root.parent.name,), found)
        else:
            raise InvalidInput(f"{root} is neither a folder nor a file. Name the folder to adopt.", code="input.adopt")


def _candidate(path: str, folders: tuple[str, ...], facts: os.stat_result | None) -> Candidate:
    size, modified_ns = (0, 0) if facts is None else (facts.st_size, facts.st_mtime_ns)
    return Candidate(path, folders, size, modified_ns)


def find_track_ids(root: Path) -> Path | None:
    """Return the older scripts' list of tracks, in `root` or in its parent. Return None if neither has one."""
    absolute = Path(os.path.abspath(root))
    return next((path for path in (absolute / TRACK_IDS, absolute.parent / TRACK_IDS) if os.path.isfile(path)), None)


def older_progress(root: Path, track_ids: Sequence[int], with_replays: set[int]) -> OlderProgress | None:
    """Return which of `track_ids` the older scripts had passed without any replay; None if they left no position."""
    try:
        with open(root / PROGRESS, "rb") as file:
            text = file.read(_MAX_PROGRESS_BYTES).decode("ascii", "replace").strip()
    except OSError:
        return None
    if not text.isdigit():
        return None
    index = min(int(text), len(track_ids))
    skipped = tuple(track_id for track_id in track_ids[:index] if track_id not in with_replays)
    return OlderProgress(index, len(track_ids), skipped)
