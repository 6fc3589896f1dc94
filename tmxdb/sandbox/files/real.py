"""Real files from a folder, served as the replays and maps of as many tracks as wanted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tmxdb.errors import BadInput, GbxError
from tmxdb.gbx import Challenge, read_challenge, read_replay
from tmxdb.gbx import Replay as ReplayFile
from tmxdb.sandbox.catalogue.board import Replay
from tmxdb.sandbox.catalogue.scenery import STORED_ENVIRONMENTS, RealMap, RealRun
from tmxdb.sandbox.catalogue.track import Track


@dataclass
class _Found:
    """The files of one map."""

    name: str = ""
    environment: str = ""
    medals_ms: tuple[int, int, int, int] = (0, 0, 0, 0)
    challenge: bytes = b""
    runs: list[tuple[RealRun, bytes]] = field(default_factory=list)


class RealShelf:
    """Maps in the order of their uids, each with its replays in the order of their file names.

    Files that are no replay or map, or can not be read, are left out; so are maps without a replay and
    replays that did not finish.
    """

    scenery: Sequence[RealMap]

    def __init__(self, folder: str) -> None:
        """Raises BadInput if there is no replay in `folder`."""
        found: dict[str, _Found] = {}
        for path in _files(folder):
            try:
                _sort_in(found, path.read_bytes())
            except GbxError:
                continue
        self._maps = [(uid, found[uid]) for uid in sorted(found) if found[uid].runs]
        if not self._maps:
            raise BadInput(f"no replay that can be read in {folder}: --gbx-dir wants a folder with .Replay.Gbx files.")
        self.scenery = [
            RealMap(uid, one.name, _number(one.environment), one.medals_ms, tuple(run for run, _ in one.runs))
            for uid, one in self._maps
        ]

    def replay(self, replay: Replay) -> bytes:
        runs = self._of(replay.track).runs
        return runs[replay.n % len(runs)][1]

    def challenge(self, track: Track) -> bytes:
        """The map file of the folder; without one, the map embedded in the first replay."""
        return self._of(track).challenge

    def _of(self, track: Track) -> _Found:
        return self._maps[track.index % len(self._maps)][1]


def _files(folder: str) -> list[Path]:
    try:
        return sorted(path for path in Path(folder).rglob("*") if path.suffix.lower() == ".gbx" and path.is_file())
    except OSError as error:
        raise BadInput(f"can not read the folder {folder}: {error.strerror}.") from error


def _sort_in(found: dict[str, _Found], data: bytes) -> None:
    """Puts one file to its map; GbxError if it is neither a whole replay nor a map."""
    try:
        replay = read_replay(data)
    except GbxError as error:
        if error.code != "gbx.wrong_class":
            raise
        challenge = read_challenge(data)
        _of_map(found, challenge).challenge = data
        return
    if replay.race_time_ms is None:
        return
    run = _run(replay, replay.race_time_ms)
    one = _of_map(found, replay.challenge)
    one.challenge = one.challenge or replay.map_bytes
    one.runs.append((run, data))


def _of_map(found: dict[str, _Found], challenge: Challenge) -> _Found:
    one = found.setdefault(challenge.uid or "", _Found())
    one.name = challenge.name or one.name
    one.environment = challenge.environment or one.environment
    medals = (challenge.author_ms, challenge.gold_ms, challenge.silver_ms, challenge.bronze_ms)
    author_ms, gold_ms, silver_ms, bronze_ms = (time_ms or 0 for time_ms in medals)  # a map in the making has none
    one.medals_ms = author_ms, gold_ms, silver_ms, bronze_ms
    return one


def _run(replay: ReplayFile, race_time_ms: int) -> RealRun:
    return RealRun(
        race_time_ms, replay.respawns or 0, replay.stunt_score or 0, replay.login or "", replay.nickname or ""
    )


def _number(environment: str) -> int:
    return (
        STORED_ENVIRONMENTS.index(environment) if environment in STORED_ENVIRONMENTS else len(STORED_ENVIRONMENTS) - 1
    )
