"""Paused kinds: a person writes a pause, and every worker reads it once a second.

The end of a pause is a time of the database's clock (`db/database_clock.py`), by which each worker compares it.
Expired pauses are not deleted: that clock may be set back.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, delete, select

from tmxdb.clock import iso
from tmxdb.db.bulk import NewRows, upsert
from tmxdb.db.models import PauseRow, table_of
from tmxdb.queue.paused import ALL, Paused
from tmxdb.storable_text import storable

__all__ = ["ALL", "MAX_REASON", "Paused", "pause", "pause_of", "pauses", "resume"]

MAX_REASON = 200
"""Characters of a reason that are kept."""
_pauses = table_of(PauseRow)


def pause(connection: Connection, kind: str, *, until_ms: int | None, reason: str | None, now_ms: int) -> None:
    """Pause `kind` from now on. Replaces an earlier pause of the same kind."""
    row = {
        "kind": kind,
        "since": iso(now_ms),
        "until": None if until_ms is None else iso(until_ms),
        "reason": storable(reason)[:MAX_REASON] if reason else None,
    }
    upsert(connection, NewRows(_pauses, [row], update=("since", "until", "reason")))


def resume(connection: Connection, kind: str, now_ms: int) -> tuple[list[str], Paused | None]:
    """End the pause of `kind`; `all` ends every pause.

    Return the kinds whose pause ended, and the pause that still applies to `kind`, if any.
    """
    before = pauses(connection, now_ms)
    connection.execute(delete(_pauses) if kind == ALL else delete(_pauses).where(_pauses.c.kind == kind))
    ended = [row.kind for row in before if kind in (row.kind, ALL)]
    return ended, pause_of(pauses(connection, now_ms), kind)


def pauses(connection: Connection, now_ms: int) -> list[Paused]:
    """Return the pauses that apply now, sorted by kind."""
    now = iso(now_ms)
    rows = [Paused(*row) for row in connection.execute(select(_pauses).order_by(_pauses.c.kind))]
    return [row for row in rows if row.until is None or row.until > now]


def pause_of(active: Iterable[Paused], kind: str) -> Paused | None:
    """Return the pause in `active` that applies to `kind`; of two, the one that ends last."""
    applicable = [row for row in active if row.kind in (kind, ALL)]
    return max(applicable, key=lambda row: (row.until is None, row.until), default=None)
