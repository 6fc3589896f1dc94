"""Rows by kind and status, from the tally: the same moment for all of them, whatever the size."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, func, select

from tmxdb.db.models import STATUSES, Tally

KINDS = ("list", "download", "extract", "capture")


def counts(connection: Connection) -> dict[str, dict[str, int]]:
    """For every kind, for every status: how many rows."""
    return _sums(connection, Tally.n)


def file_bytes(connection: Connection) -> dict[str, dict[str, int]]:
    """For every kind, for every status: how large the files of its rows are together."""
    return _sums(connection, Tally.bytes)


def open_rows(connection: Connection) -> int:
    """Rows of all kinds that are not finished."""
    return sum(sum(row[status] for status in ("pending", "running", "retry")) for row in counts(connection).values())


def _sums(connection: Connection, column: Any) -> dict[str, dict[str, int]]:
    table: dict[str, dict[str, int]] = {kind: dict.fromkeys(STATUSES, 0) for kind in KINDS}
    query = select(Tally.kind, Tally.status, func.sum(column)).group_by(Tally.kind, Tally.status)
    for kind, status, total in connection.execute(query):
        table[kind][status] = int(total)
    return table
