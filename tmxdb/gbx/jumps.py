"""Where a line of positions was not driven: a respawn moves the car."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import pairwise

MAX_SPEED_KMH = 1500
"""Faster than any car: the games stop at about 1,000 km/h."""
RESPAWN_DELAY_MS = 300
"""The car is moved within this time after the press of Respawn, at the resolution of samples."""


def jumps(times_ms: Sequence[int], distances_m: Sequence[float], respawns_ms: Iterable[int] = ()) -> list[int]:
    """Return the points to which the car was moved, in order.

    `distances_m[i]` is the distance from point i - 1 to point i; the first is ignored. The jump of a respawn is the
    longest step after its press. Steps too long for any car are jumps too, because old replays hold no inputs.
    """
    steps = zip(pairwise(times_ms), distances_m[1:], strict=True)
    found = {
        at
        for at, ((before, after), distance_m) in enumerate(steps, 1)
        if distance_m > MAX_SPEED_KMH / 3600 * max(after - before, 1)
    }
    return sorted(found.union(respawn_jumps(times_ms, distances_m, respawns_ms)))


def respawn_jumps(times_ms: Sequence[int], distances_m: Sequence[float], respawns_ms: Iterable[int]) -> set[int]:
    """Return the points to which the car was moved by respawns; see `jumps`."""
    found = set()
    for press_ms in respawns_ms:
        first = bisect_right(times_ms, press_ms)
        last = bisect_right(times_ms, press_ms + RESPAWN_DELAY_MS)
        steps = range(max(first, 1), min(last + 1, len(times_ms)))
        if steps:
            found.add(max(steps, key=distances_m.__getitem__))
    return found
