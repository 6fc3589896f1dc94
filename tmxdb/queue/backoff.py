"""How long a row waits before its next attempt: pure functions; the numbers are in the table of `retrying.py`."""

from __future__ import annotations

from tmxdb.retrying import Rule

LONGEST_S = 3600.0
"""No row waits longer by itself, whatever its rule says."""
LONGEST_ASKED_S = 24 * 3600.0


def backoff_s(rule: Rule, attempt: int, *, jitter: float, asked_s: float | None = None) -> float:
    """Seconds until attempt `attempt + 1` by `rule`, for `jitter` in [0, 1).

    Mostly 2, 6, 18, 54 s … up to an hour, each stretched by up to a half, so that rows that failed together do not
    come back together. What the site asked for is never undercut, but a day is the longest it can ask.
    """
    longest_s = min(rule.longest_s or LONGEST_S, LONGEST_S)
    own_s = min(rule.first_s * rule.growth ** min(max(attempt - 1, 0), 20), longest_s)
    own_s *= 1 + jitter / 2
    return max(own_s, min(asked_s, LONGEST_ASKED_S)) if asked_s is not None else own_s


def snooze_s(rule: Rule, asked_s: float | None) -> float:
    """Seconds that a row waits uncharged by `rule`: as long as the other side asked for."""
    return min(rule.first_s, LONGEST_S) if asked_s is None else min(asked_s, LONGEST_ASKED_S)
