"""The speed to drive again at if a game could not send all frames in time. Pure arithmetic."""

from __future__ import annotations

import math

LOWEST_SPEED = 0.1
"""The slowest speed to try: that of capture settings."""
_STEP = 0.05
_MOST, _LEAST = 0.85, 0.4
"""How much of the present speed the next one is, at most and at least."""
_RESERVE = 0.95


def slower_speed(speed: float, stored: int, missed: int) -> float | None:
    """Return the next speed to try, a multiple of 0.05; None if none is below `speed`.

    At least 0.4 of `speed`: the frames that a race has missed so far may come from a single delay.
    """
    return _slower(speed, max(_LEAST, _share(stored, missed)))


def speed_for_all(speed: float, stored: int, missed: int) -> float | None:
    """Return the speed at which the game may send all frames, a multiple of 0.05; None if none is below `speed`.

    `stored` and `missed` are those of a whole race.
    """
    return _slower(speed, _share(stored, missed))


def _share(stored: int, missed: int) -> float:
    return _RESERVE * stored / max(1, stored + missed)


def _slower(speed: float, share: float) -> float | None:
    wanted = math.floor(speed * min(_MOST, share) / _STEP + 1e-9) * _STEP
    slower = round(max(LOWEST_SPEED, wanted), 2)
    return slower if slower < speed else None
