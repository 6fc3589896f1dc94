"""Dates as the site writes them: UTC without a zone, in whole seconds or with one to three decimals."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST_UPLOAD_MS = 1_208_332_800_000  # 2008-04-16, the release of TrackMania Nations Forever
DAY_MS = 86_400_000


def date_text(at_ms: int) -> str:
    """Format a date like `2024-08-03T17:04:02.12`. Trailing zeros are dropped, as on the site."""
    day, rest_ms = divmod(at_ms, DAY_MS)
    second, rest_ms = divmod(rest_ms, 1000)
    text = f"{_day_text(day)}T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"
    return f"{text}.{rest_ms:03}".rstrip("0") if rest_ms else text


@lru_cache(maxsize=1 << 13)  # about twenty years
def _day_text(day: int) -> str:
    return (_EPOCH + timedelta(days=day)).date().isoformat()


def parse_date(text: str) -> int:
    """Return an ISO date or time as milliseconds since 1970; without a zone it is UTC. Raise ValueError for others."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(milliseconds=1)
