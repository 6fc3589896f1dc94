"""How long a row waits before its next attempt. Pure functions; the numbers are in `failure_policy.py`."""

from __future__ import annotations

from tmxdb.failure_policy import FailurePolicy

MAX_BACKOFF_S = 3600.0
"""Longest wait without a request from the other side, whatever the policy says."""
MAX_REQUESTED_WAIT_S = 24 * 3600.0
"""Longest wait that the other side can ask for."""


def backoff_s(policy: FailurePolicy, attempt: int, *, jitter: float, asked_s: float | None = None) -> float:
    """Return the seconds until attempt `attempt + 1`, for `jitter` in [0, 1).

    Usually 2, 6, 18, 54 s ... up to an hour, each longer by up to one half, so that rows that failed together are not
    retried together. The wait is never shorter than `asked_s`, of which at most one day counts.
    """
    longest_s = min(policy.longest_s or MAX_BACKOFF_S, MAX_BACKOFF_S)
    wait_s = min(policy.first_s * policy.growth ** min(max(attempt - 1, 0), 20), longest_s)
    wait_s *= 1 + jitter / 2
    return max(wait_s, min(asked_s, MAX_REQUESTED_WAIT_S)) if asked_s is not None else wait_s


def snooze_s(policy: FailurePolicy, asked_s: float | None) -> float:
    """Return the seconds of a snooze: `asked_s`, else the policy's first wait."""
    return min(policy.first_s, MAX_BACKOFF_S) if asked_s is None else min(asked_s, MAX_REQUESTED_WAIT_S)
