"""Paused kinds: a person writes a pause, and every worker reads it once a second.

The end of a pause is a wall time, and each worker uses its own clock: a machine whose clock is five minutes fast ends
the pause five minutes before the others. Expired pauses are not deleted, because by another clock they may still apply.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, delete, select

from tmxdb.clock import iso
from tmxdb.db.bulk import NewRows, upsert
from tmxdb.db.models import PauseRow, table_of
from tmxdb.queue.paused import ALL, Paused

__all__ = ["ALL", "Paused", "pause", "pause_of", "pauses", "resume"]

_pauses = table_of(PauseRow)


def pause(connection: Connection, kind: str, *, until_ms: int | None, reason: str | None, now_ms: int) -> None:
    """Pause `kind` from now on. Replaces an earlier pause of the same kind."""
    row = {
        "kind": kind,
        "since": iso(now_ms),
        "until": None if until_ms is None else iso(until_ms),
        "reason": reason,
    }
    upsert(connection, NewRows(_pauses, [row], update=("since", "until", "reason")))


def resume(connection: Connection, kind: str) -> None:
    """End the pause of `kind`; `all` ends every pause."""
    connection.execute(delete(_pauses) if kind == ALL else delete(_pauses).where(_pauses.c.kind == kind))


def pauses(connection: Connection, now_ms: int) -> list[Paused]:
    """Return the pauses that apply now, sorted by kind."""
    now = iso(now_ms)
    rows = [Paused(*row) for row in connection.execute(select(_pauses).order_by(_pauses.c.kind))]
    return [row for row in rows if row.until is None or row.until > now]


def pause_of(active: Iterable[Paused], kind: str) -> Paused | None:
    """Return the pause in `active` that applies to `kind`; of two, the one that ends last."""
    applicable = [row for row in active if row.kind in (kind, ALL)]
    return max(applicable, key=lambda row: (row.until is None, row.until), default=None)
