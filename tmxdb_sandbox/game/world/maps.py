"""The maps in the game's folder, as its index has them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tmxdb.gbx import Challenge, GbxError, read_challenge
from tmxdb_sandbox.game.car.race import TrackLayout
from tmxdb_sandbox.game.car.recorded_runs import RecordedRun, RecordedRuns, read_run

_STYLE = re.compile(r"\$(?:[0-9a-fA-F]{3}|[lhpLHP](?:\[[^\]]*\])?|.)")


@dataclass(frozen=True)
class LoadedMap:
    """A loaded map. `file`: its path below the challenges. `intro_ms`: None without an intro, 0 for an endless one."""

    file: str
    course: TrackLayout
    intro_ms: int | None
    ghosts: Sequence[RecordedRun]


class Maps:
    """`Tracks/Challenges` of a user folder, by lower-case path: Windows ignores case."""

    def __init__(self, tracks: Path, user: str, runs: RecordedRuns) -> None:
        self._challenges = tracks / "Challenges"
        self._autosaves = tracks / "Replays" / "Autosaves"
        self._user = user
        self._runs = runs
        self._index = self._scan()

    def find(self, name: str, *, later_files: bool) -> Path | None:
        """Return the file of this name in the index, or with `later_files` on the disk."""
        if later_files:
            self._index = self._scan()
        return self._index.get(_key(name))

    def next_map(self, name: str) -> Path | None:
        """Return the map after this one in the index; None if there is no other."""
        keys = sorted(self._index)
        later = [key for key in keys if key > _key(name)] + [key for key in keys if key < _key(name)]
        return self._index[later[0]] if later else None

    def load(self, path: Path) -> LoadedMap | str:
        """Return the map, or a line for the console if the file is not a valid map."""
        try:
            challenge = read_challenge(path.read_bytes())
            uid, name = challenge.uid or "", challenge.name or path.stem
            runs = self._runs.of_map(uid)
            course = TrackLayout(name, uid, challenge.laps or 1, _crossings(challenge, runs), runs)
            intro_ms = (challenge.intro_ms or 0) if challenge.has_intro else None
        except (GbxError, OSError) as error:
            return f"cannot load {path.name}: {error}"
        file = path.relative_to(self._challenges).as_posix()
        return LoadedMap(file, course, intro_ms, self._ghosts(uid, name))

    def _ghosts(self, uid: str, name: str) -> list[RecordedRun]:
        """Return the user's own best run, if there is one: `{User}_{MapName}.Replay.gbx`."""
        names = {f"{self._user}_{shown}.replay.gbx".lower() for shown in (name, _STYLE.sub("", name))}
        if not self._autosaves.is_dir():
            return []
        files = [path for path in sorted(self._autosaves.iterdir()) if path.name.lower() in names]
        return [run for path in files if (run := read_run(path)) is not None and run.map_uid == uid]

    def _scan(self) -> dict[str, Path]:
        if not self._challenges.is_dir():
            return {}
        files = [path for path in self._challenges.rglob("*") if path.suffix.lower() == ".gbx" and path.is_file()]
        return {_key(path.relative_to(self._challenges).as_posix()): path for path in files}


def _key(name: str) -> str:
    return name.replace("\\", "/").strip("/").lower()


def _crossings(challenge: Challenge, runs: Sequence[RecordedRun]) -> int:
    if runs:
        return len(runs[0].checkpoints_ms)
    return ((challenge.checkpoint_count or 0) + 1) * (challenge.laps or 1)
