"""The SQL function `ago('2 days')`: a time before now as text that compares with the columns of times.

PostgreSQL has it as a function of the database (migrations/sql/); on SQLite tmxdb adds it to its own connections.
"""

from __future__ import annotations

import calendar
import re
from datetime import UTC, datetime, timedelta

from tmxdb.clock import iso

_PART = re.compile(r"\s*(\d{1,9})\s*([a-z]+)\s*", re.ASCII | re.I)
_SECONDS = {"s": 1, "sec": 1, "second": 1, "m": 60, "min": 60, "minute": 60, "h": 3600, "hour": 3600, "d": 86_400,
            "day": 86_400, "w": 604_800, "week": 604_800}  # fmt: skip
_MONTHS = {"mon": 1, "month": 1, "y": 12, "year": 12}


def ago(span: str, now_ms: int) -> str:
    """Return the time `span` before now: `2 days`, `1 week 12 hours`, `3 months`, `90m`.

    Raise ValueError if `span` is not one, or reaches back before the year 1.
    """
    months, seconds, at = 0, 0, 0
    while match := _PART.match(span, at):
        n, unit = int(match[1]), match[2].lower()
        unit = unit.removesuffix("s") or unit
        if unit in _MONTHS:
            months += n * _MONTHS[unit]
        elif unit in _SECONDS:
            seconds += n * _SECONDS[unit]
        else:
            break
        at = match.end()
    if at == 0 or at < len(span):
        raise ValueError(f"{span[:40]!r} is not a span of time such as '2 days', '3 hours' or '1 month'")
    try:
        return iso(_months_before(now_ms, months) - 1000 * seconds)
    except (OverflowError, ValueError):
        raise ValueError(f"{span[:40]!r} ago is before the year 1") from None


def _months_before(now_ms: int, months: int) -> int:
    now = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=now_ms)
    year, month = divmod(now.year * 12 + now.month - 1 - months, 12)
    day = min(now.day, calendar.monthrange(year, month + 1)[1]) if year > 0 else 1
    return now_ms - round((now - now.replace(year=year, month=month + 1, day=day)).total_seconds() * 1000)
