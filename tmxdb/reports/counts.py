"""Rows by kind and status, from the tally: the same moment for all of them, whatever the size."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from tmxdb.db.models import STATUSES, Tally

KINDS = ("list", "download", "extract", "capture")


def counts(connection: Connection) -> dict[str, dict[str, int]]:
    """For every kind, for every status: how many rows."""
    table: dict[str, dict[str, int]] = {kind: dict.fromkeys(STATUSES, 0) for kind in KINDS}
    query = select(Tally.kind, Tally.status, func.sum(Tally.n)).group_by(Tally.kind, Tally.status)
    for kind, status, n in connection.execute(query):
        table[kind][status] = int(n)
    return table


def open_rows(connection: Connection) -> int:
    """Rows of all kinds that are not finished."""
    return sum(sum(row[status] for status in ("pending", "running", "retry")) for row in counts(connection).values())
