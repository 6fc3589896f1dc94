"""The recorded runs that the stand-in knows: replays in folders, found by the uid of their map."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tmxdb.gbx import GbxError, Replay, read_replay
from tmxdb.sandbox.game.car.controls import Timeline
from tmxdb.sandbox.game.car.motion import Motion
from tmxdb.sandbox.game.car.recorded import recorded_changes

_SUFFIX = ".gbx"


@dataclass(frozen=True)
class Run:
    """One finished run, as its file tells it."""

    name: str
    map_uid: str
    race_time_ms: int
    checkpoints_ms: tuple[int, ...]
    """Every crossing of every lap, the finish last."""
    replay: Replay

    @cached_property
    def driven(self) -> Timeline:
        return Timeline(recorded_changes(self.replay.inputs, self.race_time_ms))

    @cached_property
    def motion(self) -> Motion:
        return Motion(list(self.replay.samples or ()))


class Runs:
    """Looks into its folders again whenever asked: files come while the game runs."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders
        self._uids: dict[Path, tuple[tuple[int, int], str | None]] = {}

    def of_map(self, map_uid: str) -> list[Run]:
        """All readable, finished runs on a map, in the order of their paths."""
        self._look()
        paths = sorted(path for path, (_, uid) in self._uids.items() if uid == map_uid)
        return [run for path in paths if (run := read_run(path)) is not None and run.map_uid == map_uid]

    def _look(self) -> None:
        there: set[Path] = set()
        for folder in self._folders:
            for path in folder.rglob("*"):
                with contextlib.suppress(OSError):  # gone again meanwhile
                    if path.suffix.lower() == _SUFFIX and path.is_file():
                        self._note(path)
                        there.add(path)
        for gone in set(self._uids) - there:
            del self._uids[gone]

    def _note(self, path: Path) -> None:
        stat = path.stat()
        mark = (stat.st_mtime_ns, stat.st_size)
        if self._uids.get(path, (None, None))[0] != mark:
            self._uids[path] = mark, _map_uid(path)


def _map_uid(path: Path) -> str | None:
    try:
        replay = read_replay(path.read_bytes())
        return replay.header.map_uid or replay.map_uid  # of most files without unpacking them
    except (GbxError, OSError):
        return None


def read_run(path: Path) -> Run | None:
    """The run in a file; None if there is none that was finished and can be read."""
    try:
        replay = read_replay(path.read_bytes())
        uid, race_time_ms = replay.map_uid, replay.race_time_ms
        if not uid or not race_time_ms:
            return None
        run = Run(path.name, uid, race_time_ms, _crossings(replay.checkpoints_ms or (), race_time_ms), replay)
        replay.inputs, replay.samples  # noqa: B018  # damage in there makes it no run
    except (GbxError, OSError):
        return None
    return run


def _crossings(stored: Sequence[int], race_time_ms: int) -> tuple[int, ...]:
    """Ascending, and the finish once, at the end."""
    before = sorted(time_ms for time_ms in stored if 0 <= time_ms < race_time_ms)
    return (*before, race_time_ms)
