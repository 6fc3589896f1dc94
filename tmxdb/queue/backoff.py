"""How long a row waits before its next attempt: a pure function, and the numbers behind it."""

from __future__ import annotations

FIRST_S = 2.0
GROWTH = 3.0
LONGEST_S = 3600.0
LONGEST_ASKED_S = 24 * 3600.0


def backoff_s(attempt: int, *, jitter: float, asked_s: float | None = None) -> float:
    """Seconds until attempt `attempt + 1`, for `jitter` in [0, 1).

    2, 6, 18, 54 s … up to an hour, each stretched by up to a half, so that rows that failed together do not
    come back together. What the site asked for is never undercut, but a day is the longest it can ask.
    """
    own_s = min(FIRST_S * GROWTH ** max(attempt - 1, 0), LONGEST_S) if attempt < 20 else LONGEST_S
    own_s *= 1 + jitter / 2
    return max(own_s, min(asked_s, LONGEST_ASKED_S)) if asked_s is not None else own_s
