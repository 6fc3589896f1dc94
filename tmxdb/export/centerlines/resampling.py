"""Resamples positions to points at equal distances, as `extract_cp_distance_interval` in linesight and rulka does.

docs/facts/training.md#virtual-checkpoints. Pure numbers; the results are equal to theirs after rounding to 4 decimals.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import isfinite, sqrt

from tmxdb.errors import InvalidInput

Point = tuple[float, float, float]
SUB_STEPS = 100
"""Linear interpolation between two positions."""
_SHIFT = 0.0001
"""Added to the sum of the weights by the original, which moves each point back a little."""


def sample_count(race_time_ms: int, period_ms: int) -> int:
    """Return how many positions of a ghost belong to the race; the rest are after the finish."""
    return round(race_time_ms / period_ms)


def centerline(positions: Sequence[Point], distance_m: float) -> list[Point]:
    """Return points about `distance_m` apart along `positions`, rounded to 4 decimals.

    The first point is the first position. The last one lies half a distance behind the last position, so that this is
    midway between the last two points. Raise InvalidInput if the path is not longer than `distance_m`.
    """
    path = list(_interpolated(positions))
    sums = [0.0]
    for before, after in pairwise(path):
        sums.append(sums[-1] + _length(before, after))
    length_m = sums[-1]
    zones = round(length_m / distance_m - 0.5) + 0.5 if isfinite(length_m) else 0.0
    if zones < 1:
        raise InvalidInput(f"the path is not longer than {distance_m:g} m.", code="input.no_line")
    zone_m = length_m / zones
    points = [path[0]]
    for i in range(1, len(path)):
        if sums[i] // zone_m > sums[i - 1] // zone_m:
            weight, next_weight = 1 - (sums[i - 1] % zone_m) / zone_m, (sums[i] % zone_m) / zone_m
            share = weight / (_SHIFT + weight + next_weight)
            points.append(_between(path[i - 1], path[i], share))
    points.append(_beyond(points[-1], path[-1]))
    return [_rounded(point) for point in points]


def _interpolated(positions: Sequence[Point]) -> Iterator[Point]:
    for begin, end in pairwise(positions):
        for step in range(SUB_STEPS):
            share = step / SUB_STEPS
            yield (
                (1 - share) * begin[0] + share * end[0],
                (1 - share) * begin[1] + share * end[1],
                (1 - share) * begin[2] + share * end[2],
            )
    yield from positions[-1:]


def _length(a: Point, b: Point) -> float:
    return sqrt((b[0] - a[0]) ** 2 + (b[1] - a[1]) ** 2 + (b[2] - a[2]) ** 2)


def _between(a: Point, b: Point, share: float) -> Point:
    return a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share, a[2] + (b[2] - a[2]) * share


def _beyond(last_point: Point, last_position: Point) -> Point:
    x, y, z = (2 * position - point for point, position in zip(last_point, last_position, strict=True))
    return x, y, z


def _rounded(point: Point) -> Point:
    x, y, z = (round(value * 10_000) / 10_000 for value in point)  # as numpy rounds: scaled, half to even
    return x, y, z
