"""The history of progress: a row of `past_progress` for each kind and minute, thinned to hours and days later."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

from tmxdb.clock import from_iso, iso
from tmxdb.db.advisory_lock import AdvisoryLock
from tmxdb.db.dialect import try_lock_for_transaction

MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
EVERY_MS = MINUTE_MS
LAST_MS = 10_000
"""The counts at the end of a worker replace those that are younger than this."""
_LATEST = text("SELECT max(at) FROM past_progress WHERE at <= :now")
_REPLACE = text("DELETE FROM past_progress WHERE at > :after AND at <= :now")
_WRITE = text("""
INSERT INTO past_progress (at, kind, done, failed, skipped, open, bytes)
SELECT CAST(:now AS TEXT), kind, sum(CASE WHEN status = 'done' THEN n ELSE 0 END),
       sum(CASE WHEN status = 'failed' THEN n ELSE 0 END), sum(CASE WHEN status = 'skipped' THEN n ELSE 0 END),
       sum(CASE WHEN status IN ('pending', 'running', 'retry') THEN n ELSE 0 END),
       sum(CASE WHEN status = 'done' THEN bytes ELSE 0 END)
FROM tally GROUP BY kind HAVING sum(n) <> 0""")
# `iso` has one width, so the first characters of a time tell its hour or its day.
_THIN = text("""
DELETE FROM past_progress WHERE at >= :since AND at < :until AND past_progress_id NOT IN (
  SELECT max(past_progress_id) FROM past_progress
  WHERE at >= :since AND at < :until GROUP BY kind, substr(at, 1, :width))""")


@dataclass(frozen=True, slots=True)
class Thinning:
    """Of rows older than `age_ms`, keep the last one of each span. `width`: characters of a time that name its span."""

    age_ms: int
    span_ms: int
    width: int


THINNING = (Thinning(2 * DAY_MS, HOUR_MS, 13), Thinning(60 * DAY_MS, DAY_MS, 10))


def record_progress(connection: Connection, now_ms: int, *, is_last: bool = False) -> None:
    """Write how many rows of each kind are done, failed, skipped and open now, unless that is known for this minute.

    `is_last`: the worker ends; write the counts also if the minute has some. One worker at a time does so: on
    PostgreSQL, the others neither wait for it nor write.
    """
    now = iso(now_ms)
    latest = connection.execute(_LATEST, {"now": now}).scalar()
    age_ms = 0 if is_last else EVERY_MS
    if latest is not None and latest > iso(now_ms - age_ms):
        return
    if not try_lock_for_transaction(connection, AdvisoryLock.PROGRESS):
        return
    latest = connection.execute(_LATEST, {"now": now}).scalar()  # the holder of the lock may have been faster
    if latest is not None and latest > iso(now_ms - age_ms):
        return
    if is_last:
        connection.execute(_REPLACE, {"after": iso(now_ms - LAST_MS), "now": now})
    connection.execute(_WRITE, {"now": now})
    if latest is not None:
        _thin(connection, latest, now_ms)


def _thin(connection: Connection, latest: str, now_ms: int) -> None:
    """Thin the spans that became old since `latest`, when progress was written before. Usually there are none."""
    for rule in THINNING:
        since = iso((from_iso(latest) - rule.age_ms) // rule.span_ms * rule.span_ms)
        until = iso((now_ms - rule.age_ms) // rule.span_ms * rule.span_ms)
        if since < until:
            connection.execute(_THIN, {"since": since, "until": until, "width": rule.width})
