"""The files below a folder, in a fixed order, and what the older scripts left beside them.

The older scripts wrote `track_id/posN_user_time.replay.gbx` below their replay folder, `track_ids.txt` with the tracks
to download, and `.replay_progress` with the index of the next track in it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tmxdb.storage import PARTIAL, disk_errors

PROGRESS, TRACK_IDS = ".replay_progress", "track_ids.txt"
_MAX_PROGRESS_BYTES = 64


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

    Raise DiskError if a folder cannot be listed.
    """
    root = Path(os.path.abspath(root))
    if root.is_dir():
        yield from _below(root, (root.name,))
    else:
        with disk_errors(str(root), reading=True):
            found = os.stat(root)
        yield Candidate(str(root), (root.parent.name,), found.st_size, found.st_mtime_ns)


def _below(folder: Path, names: tuple[str, ...]) -> Iterator[Candidate]:
    with disk_errors(str(folder), reading=True), os.scandir(folder) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        with disk_errors(entry.path, reading=True):
            if entry.is_dir(follow_symlinks=False):
                if entry.name != PARTIAL:
                    yield from _below(folder / entry.name, (*names, entry.name))
            elif entry.is_file():
                facts = entry.stat()
                yield Candidate(entry.path, names, facts.st_size, facts.st_mtime_ns)


def find_track_ids(root: Path) -> Path | None:
    """Return the older scripts' list of tracks, in `root` or in its parent. Return None if neither has one."""
    absolute = Path(os.path.abspath(root))
    return next((path for path in (absolute / TRACK_IDS, absolute.parent / TRACK_IDS) if path.is_file()), None)


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
