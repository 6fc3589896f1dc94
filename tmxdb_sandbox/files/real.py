"""Real files from a folder, served as the replays and maps of any number of tracks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tmxdb.errors import GbxError, InvalidInput
from tmxdb.gbx import Challenge, Replay, read_challenge, read_replay
from tmxdb_sandbox.catalogue.leaderboard import CatalogueReplay
from tmxdb_sandbox.catalogue.real_maps import STORED_ENVIRONMENTS, RealMap, RealRun
from tmxdb_sandbox.catalogue.track import SimulatedTrack


@dataclass
class _MapFiles:
    """The files of one map."""

    name: str = ""
    environment: str = ""
    medals_ms: tuple[int, int, int, int] = (0, 0, 0, 0)
    challenge: bytes = b""
    runs: list[tuple[RealRun, bytes]] = field(default_factory=list)


class RealFiles:
    """Maps sorted by uid, each with its replays sorted by file name.

    Files that are not readable replays or maps, maps without a replay, and unfinished replays are ignored.
    """

    real_maps: Sequence[RealMap]

    def __init__(self, folder: str) -> None:
        """Read all files in `folder`. Raise InvalidInput if it has no readable replay."""
        found: dict[str, _MapFiles] = {}
        for path in _files(folder):
            try:
                _add_file(found, path.read_bytes())
            except GbxError:
                continue
        self._maps = [(uid, found[uid]) for uid in sorted(found) if found[uid].runs]
        if not self._maps:
            raise InvalidInput(f"no readable replay in {folder}. Pass a folder with .Replay.Gbx files to --gbx-dir.")
        self.real_maps = [
            RealMap(
                uid,
                files.name,
                _environment_number(files.environment),
                files.medals_ms,
                tuple(run for run, _ in files.runs),
            )
            for uid, files in self._maps
        ]

    def replay(self, replay: CatalogueReplay) -> bytes:
        runs = self._map_files(replay.track).runs
        return runs[replay.n % len(runs)][1]

    def challenge(self, track: SimulatedTrack) -> bytes:
        """Return the map file of the folder or else the map embedded in the first replay."""
        return self._map_files(track).challenge

    def _map_files(self, track: SimulatedTrack) -> _MapFiles:
        return self._maps[track.index % len(self._maps)][1]


def _files(folder: str) -> list[Path]:
    try:
        return sorted(path for path in Path(folder).rglob("*") if path.suffix.lower() == ".gbx" and path.is_file())
    except OSError as error:
        raise InvalidInput(f"cannot read the folder {folder}: {error.strerror}.") from error


def _add_file(found: dict[str, _MapFiles], data: bytes) -> None:
    """Add one file to its map. Raise GbxError if it is neither a complete replay nor a map."""
    try:
        replay = read_replay(data)
    except GbxError as error:
        if error.code != "gbx.wrong_class":
            raise
        challenge = read_challenge(data)
        _files_of_map(found, challenge).challenge = data
        return
    if replay.race_time_ms is None:
        return
    run = _run(replay, replay.race_time_ms)
    files = _files_of_map(found, replay.challenge)
    files.challenge = files.challenge or replay.map_bytes
    files.runs.append((run, data))


def _files_of_map(found: dict[str, _MapFiles], challenge: Challenge) -> _MapFiles:
    files = found.setdefault(challenge.uid or "", _MapFiles())
    files.name = challenge.name or files.name
    files.environment = challenge.environment or files.environment
    medals = (challenge.author_ms, challenge.gold_ms, challenge.silver_ms, challenge.bronze_ms)
    author_ms, gold_ms, silver_ms, bronze_ms = (time_ms or 0 for time_ms in medals)  # missing in an unfinished map
    files.medals_ms = author_ms, gold_ms, silver_ms, bronze_ms
    return files


def _run(replay: Replay, race_time_ms: int) -> RealRun:
    return RealRun(
        race_time_ms, replay.respawns or 0, replay.stunt_score or 0, replay.login or "", replay.nickname or ""
    )


def _environment_number(environment: str) -> int:
    return (
        STORED_ENVIRONMENTS.index(environment) if environment in STORED_ENVIRONMENTS else len(STORED_ENVIRONMENTS) - 1
    )
