"""The recorded runs of the stand-in: replays in folders, found by the uid of their map."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tmxdb.gbx import GbxError, Replay, read_replay
from tmxdb_sandbox.game.car.controls import Timeline
from tmxdb_sandbox.game.car.motion import Motion
from tmxdb_sandbox.game.car.recorded_inputs import recorded_changes

_SUFFIX = ".gbx"


@dataclass(frozen=True)
class RecordedRun:
    """One finished run, as stored in its file."""

    name: str
    map_uid: str
    race_time_ms: int
    checkpoints_ms: tuple[int, ...]
    """All crossings of all laps, the finish last."""
    replay: Replay

    @cached_property
    def driven(self) -> Timeline:
        return Timeline(recorded_changes(self.replay.inputs, self.race_time_ms))

    @cached_property
    def motion(self) -> Motion:
        return Motion(list(self.replay.samples or ()))


class RecordedRuns:
    """The replays of some folders, which are scanned at each request: files may appear while the game runs."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders
        self._uids: dict[Path, tuple[tuple[int, int], str | None]] = {}

    def of_map(self, map_uid: str) -> list[RecordedRun]:
        """Return all readable, finished runs on a map, in the order of their paths."""
        self._scan()
        paths = sorted(path for path, (_, uid) in self._uids.items() if uid == map_uid)
        return [run for path in paths if (run := read_run(path)) is not None and run.map_uid == map_uid]

    def _scan(self) -> None:
        present: set[Path] = set()
        for folder in self._folders:
            for path in folder.rglob("*"):
                with contextlib.suppress(OSError):  # deleted meanwhile
                    if path.suffix.lower() == _SUFFIX and path.is_file():
                        self._update(path)
                        present.add(path)
        for path in set(self._uids) - present:
            del self._uids[path]

    def _update(self, path: Path) -> None:
        stat = path.stat()
        version = (stat.st_mtime_ns, stat.st_size)
        if self._uids.get(path, (None, None))[0] != version:
            self._uids[path] = version, _map_uid(path)


def _map_uid(path: Path) -> str | None:
    try:
        replay = read_replay(path.read_bytes())
        return replay.header.map_uid or replay.map_uid  # most files have it in the header
    except (GbxError, OSError):
        return None


def read_run(path: Path) -> RecordedRun | None:
    """Return the run in a file; None if it is not readable or not finished."""
    try:
        replay = read_replay(path.read_bytes())
        uid, race_time_ms = replay.map_uid, replay.race_time_ms
        if not uid or not race_time_ms:
            return None
        run = RecordedRun(path.name, uid, race_time_ms, _crossings(replay.checkpoints_ms or (), race_time_ms), replay)
        replay.inputs, replay.samples  # noqa: B018  # raises if they are damaged
    except (GbxError, OSError):
        return None
    return run


def _crossings(stored: Sequence[int | None], race_time_ms: int) -> tuple[int, ...]:
    """Return the crossings in ascending order, with the finish once, at the end."""
    before = sorted(time_ms for time_ms in stored if time_ms is not None and 0 <= time_ms < race_time_ms)
    return (*before, race_time_ms)
