"""Many rows in one statement: insert what is new, update what is known, on SQLite and PostgreSQL alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, func
from sqlalchemy.dialects import postgresql, sqlite

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class NewRows:
    """Rows for `table`; where a row with the same key is there, its columns `update` take the new values.

    All rows have the same columns. No `update`: the older row stays as it is. `keep_known`: columns where a
    NULL in the new row does not overwrite what is there.
    """

    table: Table
    rows: Sequence[Row]
    update: tuple[str, ...] = ()
    keep_known: tuple[str, ...] = ()


def upsert(connection: Connection, new: NewRows) -> None:
    """Write `new` in the transaction of `connection`. A key that occurs twice: its last row counts."""
    if not new.rows:
        return
    keys = [column.name for column in new.table.primary_key]
    rows = {tuple(row[key] for key in keys): row for row in new.rows}
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    insert = dialect.insert(new.table)
    if new.update:
        updates: dict[str, Any] = {name: insert.excluded[name] for name in new.update}
        for name in new.keep_known:
            known, fresh = new.table.c[name], insert.excluded[name]
            updates[name] = func.coalesce(fresh, known)
        statement = insert.on_conflict_do_update(index_elements=keys, set_=updates)
    else:
        statement = insert.on_conflict_do_nothing(index_elements=keys)
    # Sorted by key: inserts touch each page of the table once, and two writers lock rows in the same order.
    connection.execute(statement, [rows[key] for key in sorted(rows)])
