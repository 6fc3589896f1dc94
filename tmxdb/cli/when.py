"""Moments as people type them: a span from now, a time of day, or a date and time."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo

from tmxdb.errors import WrongUsage

_UNITS_S = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400}
_SPAN = re.compile(r"(?:\d{1,9}(?:min|[smhd]))+", re.ASCII)
_PART = re.compile(r"(\d+)(min|[smhd])", re.ASCII)
_TIME_OF_DAY = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d))?", re.ASCII)
LONGEST_D = 3660


def moment(text: str, now_ms: int, *, zone: tzinfo | None = None) -> int:
    """The milliseconds since 1970 that `text` means: `30m`, `1h30m`, `18:30` (the next one), `2026-11-25T18:30`.

    A time without Z or an offset is of `zone`; None: of this computer. Raises WrongUsage for anything else, for a
    moment that is over, and for one more than ten years away.
    """
    try:
        at = _moment(text.strip(), datetime.fromtimestamp(now_ms / 1000, UTC), zone)
        at_ms = round(at.timestamp() * 1000)
    except (ValueError, OverflowError, OSError):
        raise WrongUsage(
            f"--until {text[:40]!r} is no time: give a span (30m, 2h, 1d), a time of day (18:30),"
            " or a date and time (2030-12-31T18:30, in UTC with a Z at the end).",
            code="input.time",
        ) from None
    if at_ms <= now_ms:
        raise WrongUsage(f"--until {text}: that is over already.", code="input.time")
    if at_ms - now_ms > LONGEST_D * 86_400_000:
        raise WrongUsage(f"--until {text}: that is more than ten years away; leave it out instead.", code="input.time")
    return at_ms


def _moment(text: str, now: datetime, zone: tzinfo | None) -> datetime:
    if _SPAN.fullmatch(text):
        return now + timedelta(seconds=sum(int(n) * _UNITS_S[unit] for n, unit in _PART.findall(text)))
    if time_of_day := _TIME_OF_DAY.fullmatch(text):
        hour, minute, second = (int(part or 0) for part in time_of_day.groups())
        today = now.astimezone(zone).replace(tzinfo=zone, hour=hour, minute=minute, second=second, microsecond=0)
        # The same time tomorrow, not 24 hours later: a night on which clocks are changed is shorter or longer.
        at = today if today.timestamp() > now.timestamp() else today + timedelta(days=1)
        return at if zone else at.astimezone()
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=zone) if zone else at.astimezone()
