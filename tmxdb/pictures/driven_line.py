"""The line that a car drove, seen from above."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import dist

from tmxdb.gbx import Replay
from tmxdb.gbx.jumps import MAX_SPEED_KMH, jumps

MAX_POSITION_M = 100_000
"""Far outside every map, which are at most 2,880 m wide."""


@dataclass(frozen=True, slots=True)
class DrivenLine:
    """Positions of a car seen from above: `x` and `z` in metres, speeds in km/h, times on the race clock."""

    name: str
    times_ms: Sequence[int]
    x: Sequence[float]
    z: Sequence[float]
    speed_kmh: Sequence[float]


def ghost_line(replay: Replay) -> DrivenLine | None:
    """Return the line of the best ghost up to its finish; None without samples. Raise GbxError if they are damaged."""
    samples = replay.samples
    if not samples:
        return None
    end_ms = replay.race_time_ms
    rows = [
        (sample.time_ms, sample.x, sample.z, sample.speed_kmh)
        for sample in samples
        if end_ms is None or sample.time_ms <= end_ms
    ]
    return driven_line("ghost", rows)


def driven_line(name: str, rows: Iterable[tuple[int, float, float, float]]) -> DrivenLine:
    """Return a line of (time_ms, x, z, speed_kmh) rows, without positions that are not on any map, such as NaN.

    Speeds are limited to `MAX_SPEED_KMH`, so that one wrong value does not decide the scale of the colours.
    """
    kept = [row for row in rows if abs(row[1]) <= MAX_POSITION_M and abs(row[2]) <= MAX_POSITION_M]
    speeds_kmh = [row[3] if row[3] <= MAX_SPEED_KMH else MAX_SPEED_KMH for row in kept]
    return DrivenLine(name, [row[0] for row in kept], [row[1] for row in kept], [row[2] for row in kept], speeds_kmh)


def strokes(line: DrivenLine, respawns_ms: Sequence[int] = ()) -> list[range]:
    """Return the parts of a line that were driven without interruption, as ranges of points.

    A respawn moves the car: the line ends before it and begins again after it.
    """
    if not line.times_ms:
        return []
    points = list(zip(line.x, line.z, strict=True))
    distances_m = [0.0, *(dist(before, after) for before, after in pairwise(points))]
    edges = [0, *jumps(line.times_ms, distances_m, respawns_ms), len(line.times_ms)]
    return [range(begin, end) for begin, end in pairwise(edges)]
