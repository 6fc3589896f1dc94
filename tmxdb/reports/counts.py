"""Counts of rows by kind and status, of one moment. For all rows they come from the tally, as
fast for millions; for a selection they are counted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, func, select

from tmxdb.db.models import JOBS, STATUSES, TallyRow
from tmxdb.db.selected import Scope, in_selection

KINDS = ("list", "download", "extract", "capture")


def counts(connection: Connection, selection: Scope | None = None) -> dict[str, dict[str, int]]:
    """Return how many rows each kind has in each status; with `selection`, rows of its tracks."""
    return _sums(connection, TallyRow.n) if selection is None else _selected(connection, selection, bytes_=False)


def file_bytes(connection: Connection, selection: Scope | None = None) -> dict[str, dict[str, int]]:
    """Return the total size of the files of each kind's rows in each status."""
    return _sums(connection, TallyRow.bytes) if selection is None else _selected(connection, selection, bytes_=True)


def open_rows(connection: Connection, kinds: Iterable[str], selection: Scope | None = None) -> int:
    """Return how many rows of `kinds` are not finished."""
    table = counts(connection, selection)
    return sum(table[kind][status] for kind in kinds for status in ("pending", "running", "retry"))


def _selected(connection: Connection, selection: Scope, *, bytes_: bool) -> dict[str, dict[str, int]]:
    """Count row by row, from the tracks of the selection to their rows."""
    found: dict[str, dict[str, int]] = {kind: dict.fromkeys(STATUSES, 0) for kind in KINDS}
    for kind, table in JOBS.items():
        value: Any = func.count()
        if bytes_:
            if "file_bytes" not in table.c:
                continue
            value = func.coalesce(func.sum(table.c.file_bytes), 0)
        query = select(table.c.status, value).where(in_selection(table, selection)).group_by(table.c.status)
        found[kind] |= {status: int(n) for status, n in connection.execute(query)}
    return found


def _sums(connection: Connection, column: Any) -> dict[str, dict[str, int]]:
    table: dict[str, dict[str, int]] = {kind: dict.fromkeys(STATUSES, 0) for kind in KINDS}
    query = select(TallyRow.kind, TallyRow.status, func.sum(column)).group_by(TallyRow.kind, TallyRow.status)
    for kind, status, total in connection.execute(query):
        table[kind][status] = int(total)
    return table
