"""Wall time: whole milliseconds since 1970 in code, ISO 8601 UTC text of one fixed width in rows.

The width is fixed so that text compares as time does: `lease_until < '2026-11-22T10:00:00.000Z'`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], int]
"""What tells the time: milliseconds since 1970-01-01 UTC."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# TMX answers like 2009-02-20T16:57:38 or 2024-08-03T17:04:02.12: no zone, 0-3 fractional digits, UTC
# (tmx-api fact sheet, section 2). More digits, a Z or an offset are taken too.
_SITE_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:?\d\d)?", re.ASCII)


def wall_clock() -> int:
    """The computer's time now."""
    return time.time_ns() // 1_000_000


def iso(at_ms: int) -> str:
    """`at_ms` as the rows store it: 2026-11-22T10:00:00.000Z."""
    seconds, milliseconds = divmod(at_ms, 1000)
    moment = _EPOCH + timedelta(seconds=seconds)
    return f"{moment.year:04d}-{moment:%m-%dT%H:%M:%S}.{milliseconds:03d}Z"  # %Y writes the year 1 as 1


def from_iso(text: str) -> int:
    """The milliseconds of a stored time."""
    return round((datetime.fromisoformat(text) - _EPOCH).total_seconds() * 1000)


def site_time(text: str) -> str:
    """A time as the exchange writes it, as the rows store it. Raises ValueError if it is no time."""
    match = _SITE_TIME.fullmatch(text)
    if not match:
        raise ValueError(f"not a time: {text[:40]!r}")
    seconds, fraction, zone = match.groups()
    milliseconds = int(((fraction or "") + "000")[:3])
    try:
        # Parsed also where there is no zone: that refuses a 13th month, and newer Pythons know an hour 24.
        return iso(from_iso(seconds + (zone or "Z")) + milliseconds)
    except OverflowError:
        raise ValueError(f"not a time: {text!r}") from None


def span(seconds: float) -> str:
    """A length of time for a person: 12 s, 3 min 05 s, 4 h 10 min, 6 d 3 h."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    if whole < 48 * 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"
