"""The replays of one track, ranked as the site ranks them.

The list also contains what does not count: replays of older versions of the track, slower runs of the same driver,
and unvalidated runs. Only `position` tells them apart.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from tmxdb_sandbox.catalogue.draws import draws, fraction_16, fraction_32
from tmxdb_sandbox.catalogue.draws import fraction as keyed_fraction
from tmxdb_sandbox.catalogue.track import SimulatedTrack
from tmxdb_sandbox.catalogue.users import User, user

_UNCOMPETITIVE = 3  # leaderboards of this type give no points
_SAME_DRIVER_SHARE = 9000  # of 65536: one replay in seven is by the driver of the previous one
_UNVALIDATED_SHARE = 1300
_REMOVED_SHARE = 700


@dataclass(frozen=True, slots=True)
class CatalogueReplay:
    """One row of `/api/replays`. `n` numbers the track's replays by upload; `position` counts from 0."""

    replay_id: int
    n: int
    track: SimulatedTrack
    driver: User
    version: int
    track_ms: int
    replay_ms: int
    race_time_ms: int
    stunt_score: int
    respawns: int
    validated: bool
    is_best: bool
    position: int | None
    points: int | None
    removed: bool


@dataclass(frozen=True, slots=True)
class _UploadedRun:
    n: int
    driver: User
    version: int
    race_time_ms: int
    respawns: int
    validated: bool
    removed: bool


class Leaderboard:
    """All replays of a track: in the order of the site, and by `n`."""

    def __init__(self, track: SimulatedTrack) -> None:
        self.replays = _ranked(track)
        self.by_n = {replay.n: replay for replay in self.replays}


def _ranked(track: SimulatedTrack) -> list[CatalogueReplay]:
    """Return the replays of the newest version first, then by time."""
    withdrawn = track.world.changes.withdrawn_replays
    uploaded = [run for run in _uploaded_runs(track) if track.world.replay_id(track.index, run.n) not in withdrawn]
    runs = sorted(uploaded, key=lambda run: (-run.version, run.race_time_ms, run.n))
    newest = len(track.versions_ms) - 1
    best_of: dict[int, _UploadedRun] = {}
    for run in sorted(runs, key=lambda run: not run.validated):  # stable: valid runs before invalid ones
        best_of.setdefault(run.driver.user_id, run)
    replays, position = [], 0
    for run in runs:
        is_best = best_of[run.driver.user_id] is run
        is_ranked = is_best and run.validated and run.version == newest
        replays.append(_replay(track, run, is_best, position if is_ranked else None))
        position += is_ranked
    return replays


def _uploaded_runs(track: SimulatedTrack) -> list[_UploadedRun]:
    world = track.world
    runs: list[_UploadedRun] = []
    versions_ms = track.versions_ms
    stride = 1 + int(keyed_fraction(world.seed, "stride", track.index) * (world.drivers - 1))
    start = int(keyed_fraction(world.seed, "start", track.index) * world.drivers)
    # The record is close to the author time; popular tracks have better records.
    record_ms = track.author_ms * (0.9 + 0.12 / track.popularity)
    for n in range(track.replay_count):
        gap, same_driver, validity, removal, respawns, *_ = draws(world.seed, f"replay {track.index}", n)
        driver = user(world.seed, (start + n * stride) % world.drivers, world.plain)
        if same_driver < _SAME_DRIVER_SHARE and runs and not world.plain:
            driver = runs[-1].driver
        replay_ms = track.replay_ms(n)
        run = _UploadedRun(
            n,
            driver,
            version=sum(date <= replay_ms for date in versions_ms) - 1,
            race_time_ms=round(record_ms * (1 + 0.5 * fraction_32(gap) ** 2) / 10) * 10,
            respawns=int(fraction_16(respawns) ** 8 * 6),
            validated=world.plain or validity >= _UNVALIDATED_SHARE,
            removed=removal < _REMOVED_SHARE and not world.plain,
        )
        if (track.index, n) in world.changes.records:
            run = replace(run, race_time_ms=min([run.race_time_ms, *(other.race_time_ms for other in runs)]) - 10)
        if real := track.real_run(n):
            driver = replace(driver, login=real.login, nickname=real.nickname)
            run = replace(run, driver=driver, race_time_ms=real.race_time_ms, respawns=real.respawns)
        runs.append(run)
    return runs


def _replay(track: SimulatedTrack, run: _UploadedRun, is_best: bool, position: int | None) -> CatalogueReplay:
    world = track.world
    replay_id = world.replay_id(track.index, run.n)
    has_points = position is not None and track.replay_type != _UNCOMPETITIVE
    return CatalogueReplay(
        replay_id,
        run.n,
        track,
        run.driver,
        run.version,
        track_ms=track.versions_ms[run.version],
        replay_ms=track.replay_ms(run.n),
        race_time_ms=run.race_time_ms,
        # Faster runs get more points, so that both kinds of leaderboard have the same order.
        stunt_score=10_000_000 // run.race_time_ms if track.primary_type == 3 else 0,
        respawns=run.respawns,
        validated=run.validated,
        is_best=is_best,
        position=position,
        points=track.track_value // (1 + (position or 0)) if has_points else None,
        removed=run.removed or replay_id in world.changes.deleted_replays,
    )
