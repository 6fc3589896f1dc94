"""Wall time: integer milliseconds since 1970 in code, fixed-width ISO 8601 UTC text in rows.

The width is fixed so that the text sorts by time: `finished_at < '2026-11-22T10:00:00.000Z'`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], int]
"""A function that returns the current time in milliseconds since 1970-01-01 UTC."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# The exchange writes 2009-02-20T16:57:38 or 2024-08-03T17:04:02.12: UTC without a zone, up to three fractional digits
# (docs/facts/tmx-api.md#conventions). More digits, a Z or an offset are accepted too.
_SITE_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:?\d\d)?", re.ASCII)

# Nearly all times. Python reads the hour 24 only since 3.13.
_USUAL_SITE_TIME = re.compile(r"\d{4}-\d\d-\d\dT(?!24)\d\d:\d\d:\d\d(?:\.\d{1,3})?", re.ASCII)
_TO_MILLISECONDS = {19: ".000Z", 21: "00Z", 22: "0Z", 23: "Z"}
"""Suffix that completes a usual time, by the length of the time."""


def wall_clock() -> int:
    """Return the system time in milliseconds since 1970-01-01 UTC."""
    return time.time_ns() // 1_000_000


def iso(at_ms: int) -> str:
    """Return `at_ms` as stored in rows, such as 2026-11-22T10:00:00.000Z."""
    moment = _EPOCH + timedelta(milliseconds=at_ms)
    return moment.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def from_iso(text: str) -> int:
    """Return the milliseconds since 1970-01-01 UTC of a stored time."""
    return round((datetime.fromisoformat(text) - _EPOCH).total_seconds() * 1000)


def site_time(text: str) -> str:
    """Convert a time of the exchange into the stored form. Raise ValueError if it is not a time."""
    if _USUAL_SITE_TIME.fullmatch(text):
        datetime.fromisoformat(text)
        return text + _TO_MILLISECONDS[len(text)]
    match = _SITE_TIME.fullmatch(text)
    if not match:
        raise ValueError(f"not a time: {text[:40]!r}")
    seconds, fraction, zone = match.groups()
    milliseconds = ((fraction or "") + "000")[:3]
    try:
        # Parsed even without a zone: this rejects a 13th month, and newer Pythons accept the hour 24.
        return iso(from_iso(seconds + (zone or "Z")) + int(milliseconds))
    except OverflowError:
        raise ValueError(f"not a time: {text!r}") from None


def span(seconds: float) -> str:
    """Return a duration for people to read: 12 s, 3 min 05 s, 4 h 10 min, 6 d 3 h."""
    total = round(seconds)
    if total < 60:
        return f"{total} s"
    if total < 3600:
        return f"{total // 60} min {total % 60:02d} s"
    if total < 48 * 3600:
        return f"{total // 3600} h {total % 3600 // 60:02d} min"
    return f"{total // 86400} d {total % 86400 // 3600} h"
