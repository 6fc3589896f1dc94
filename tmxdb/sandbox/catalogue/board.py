"""The replays of one track, ranked as the site ranks them, with everything that makes a leaderboard untidy.

Older versions of the track, slower runs of the same driver, runs nobody has validated: they are all in the
list, and only `Position` tells.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from tmxdb.sandbox.catalogue.draws import draws, fraction, narrow, wide
from tmxdb.sandbox.catalogue.track import Track
from tmxdb.sandbox.catalogue.users import User, user

_UNCOMPETITIVE = 3  # leaderboards of this type give no points
_BEATEN_PART = 9000  # of 65536: one replay in seven is by the driver of the one before
_UNVALIDATED_PART = 1300
_REMOVED_PART = 700


@dataclass(frozen=True, slots=True)
class Replay:
    """One row of `/api/replays`. `n` counts the track's replays by upload; `position` is 0-based."""

    replay_id: int
    n: int
    track: Track
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
class _Run:
    n: int
    driver: User
    version: int
    race_time_ms: int
    respawns: int
    validated: bool
    removed: bool


class Board:
    """All replays of a track: in the order of the site, and by `n`."""

    def __init__(self, track: Track) -> None:
        self.replays = _ranked(track)
        self.by_n = {replay.n: replay for replay in self.replays}


def _ranked(track: Track) -> list[Replay]:
    """Newest version first, then best time first."""
    runs = sorted(_runs(track), key=lambda run: (-run.version, run.race_time_ms, run.n))
    newest = len(track.versions_ms) - 1
    best_of: dict[int, _Run] = {}
    for run in sorted(runs, key=lambda run: not run.validated):  # stable: a valid run before an invalid one
        best_of.setdefault(run.driver.user_id, run)
    replays, position = [], 0
    for run in runs:
        is_best = best_of[run.driver.user_id] is run
        ranked = is_best and run.validated and run.version == newest
        replays.append(_replay(track, run, is_best, position if ranked else None))
        position += ranked
    return replays


def _runs(track: Track) -> list[_Run]:
    world = track.catalogue
    runs: list[_Run] = []
    versions_ms = track.versions_ms
    stride = 1 + int(fraction(world.seed, "stride", track.index) * (world.drivers - 1))
    start = int(fraction(world.seed, "start", track.index) * world.drivers)
    # The record lies around the author's time: records of much driven tracks are better.
    record_ms = track.author_ms * (0.9 + 0.12 / track.popularity)
    for n in range(track.replay_count):
        gap, beaten, odd, removed, respawns, *_ = draws(world.seed, f"replay {track.index}", n)
        driver = user(world.seed, (start + n * stride) % world.drivers, world.plain)
        if beaten < _BEATEN_PART and runs and not world.plain:
            driver = runs[-1].driver
        replay_ms = track.replay_ms(n)
        run = _Run(
            n,
            driver,
            version=sum(date <= replay_ms for date in versions_ms) - 1,
            race_time_ms=round(record_ms * (1 + 0.5 * wide(gap) ** 2) / 10) * 10,
            respawns=int(narrow(respawns) ** 8 * 6),
            validated=world.plain or odd >= _UNVALIDATED_PART,
            removed=removed < _REMOVED_PART and not world.plain,
        )
        if real := track.real_run(n):
            driver = replace(driver, login=real.login, nickname=real.nickname)
            run = replace(run, driver=driver, race_time_ms=real.race_time_ms, respawns=real.respawns)
        runs.append(run)
    return runs


def _replay(track: Track, run: _Run, is_best: bool, position: int | None) -> Replay:
    world = track.catalogue
    replay_id = world.replay_id(track.index, run.n)
    has_points = position is not None and track.replay_type != _UNCOMPETITIVE
    return Replay(
        replay_id,
        run.n,
        track,
        run.driver,
        run.version,
        track_ms=track.versions_ms[run.version],
        replay_ms=track.replay_ms(run.n),
        race_time_ms=run.race_time_ms,
        # More points for less time keeps one order for both kinds of leaderboard.
        stunt_score=10_000_000 // run.race_time_ms if track.primary_type == 3 else 0,
        respawns=run.respawns,
        validated=run.validated,
        is_best=is_best,
        position=position,
        points=track.track_value // (1 + (position or 0)) if has_points else None,
        removed=run.removed or replay_id in world.changes.deleted_replays,
    )
