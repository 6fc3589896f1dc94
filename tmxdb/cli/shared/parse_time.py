"""Times as people type them: a span from now, a time of day, or a date and time."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo

from tmxdb.errors import UsageError

_UNITS_S = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400}
_SPAN = re.compile(r"(?:\d{1,9}(?:min|[smhd]))+", re.ASCII)
_PART = re.compile(r"(\d+)(min|[smhd])", re.ASCII)
_TIME_OF_DAY = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d))?", re.ASCII)
MAX_DAYS, MAX_S = 3660, 36_525 * 86_400


def parse_time(text: str, now_ms: int, *, zone: tzinfo | None = None) -> int:
    """Return the time that `text` means, in ms since 1970: `30m`, `1h30m`, `18:30` (the next one), `2026-11-25T18:30`.

    A time without Z or an offset is in `zone`; None is the zone of this computer. Raise UsageError for anything else,
    for a time in the past, and for one more than ten years ahead.
    """
    try:
        at = _parse(text.strip(), datetime.fromtimestamp(now_ms / 1000, UTC), zone)
        at_ms = round(at.timestamp() * 1000)
    except (ValueError, OverflowError, OSError):
        raise UsageError(
            f"--until {text[:40]!r} is not a time. Give a span (30m, 2h, 1d), a time of day (18:30),"
            " or a date and time (2030-12-31T18:30; add Z for UTC).",
            code="input.time",
        ) from None
    if at_ms <= now_ms:
        raise UsageError(f"--until {text} is in the past.", code="input.time")
    if at_ms - now_ms > MAX_DAYS * 86_400_000:
        raise UsageError(f"--until {text} is more than ten years ahead. Leave --until out instead.", code="input.time")
    return at_ms


def parse_past(text: str, now_ms: int, *, zone: tzinfo | None = None) -> int:
    """Return the time that `text` means, in ms since 1970: `2d` (two days ago), `yesterday`, `today`, `2026-11-25`.

    Days begin at midnight in `zone`; None is the zone of this computer. Raise UsageError for anything else and for a
    time in the future.
    """
    word = text.strip().lower()
    now = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(zone)
    try:
        if word in ("today", "yesterday"):
            day = now.replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0, fold=0)
            at = (day if word == "today" else day - timedelta(days=1)).replace(tzinfo=zone)
        elif _SPAN.fullmatch(word):
            at = now - timedelta(seconds=span_s(word))
        else:
            at = datetime.fromisoformat(text.strip())
            at = at if at.tzinfo else at.replace(tzinfo=zone)
        at_ms = round(at.timestamp() * 1000)
    except (ValueError, OverflowError, OSError):
        raise UsageError(
            f"--since {text[:40]!r} is not a time. Give a span (2h, 7d), today, yesterday, or a date and time"
            " (2026-11-25T18:30; add Z for UTC).",
            code="input.time",
        ) from None
    if at_ms > now_ms:
        raise UsageError(f"--since {text} is in the future.", code="input.time")
    return at_ms


def span_s(text: str) -> int:
    """Return the seconds of a span such as `30m`, `2h` or `1d12h`, 100 years at most. Raise ValueError for others."""
    if not _SPAN.fullmatch(text.strip()):
        raise ValueError(f"{text[:40]!r} is not a span")
    seconds = sum(int(n) * _UNITS_S[unit] for n, unit in _PART.findall(text))
    if seconds > MAX_S:
        raise ValueError(f"{text[:40]!r} is longer than 100 years")
    return seconds


def _parse(text: str, now: datetime, zone: tzinfo | None) -> datetime:
    """Return the time that `text` means. Without a zone it is one of this computer, as `timestamp` reads it."""
    if _SPAN.fullmatch(text):
        return now + timedelta(seconds=sum(int(n) * _UNITS_S[unit] for n, unit in _PART.findall(text)))
    if time_of_day := _TIME_OF_DAY.fullmatch(text):
        hour, minute, second = (int(part or 0) for part in time_of_day.groups())
        today = now.astimezone(zone).replace(
            tzinfo=None, hour=hour, minute=minute, second=second, microsecond=0, fold=0
        )
        # In the hour that clocks repeat, the second time counts too. Else the same time tomorrow, not 24 hours later: a
        # day on which clocks change has 23 or 25 hours.
        choices = (today, today.replace(fold=1), today + timedelta(days=1))
        return next(at for at in (one.replace(tzinfo=zone) for one in choices) if at.timestamp() > now.timestamp())
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=zone)
