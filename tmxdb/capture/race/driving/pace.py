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
    """Return a speed at which the game may send all frames, a multiple of 0.05; None if none is below `speed`."""
    share = _RESERVE * stored / max(1, stored + missed)
    wanted = math.floor(speed * min(_MOST, max(_LEAST, share)) / _STEP + 1e-9) * _STEP
    slower = round(max(LOWEST_SPEED, wanted), 2)
    return slower if slower < speed else None
