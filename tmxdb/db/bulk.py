"""Many rows in one statement: insert what is new, update what is known, on SQLite and PostgreSQL alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Dialect, Executable, Table, bindparam, func
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
    keys = tuple(column.name for column in new.table.primary_key)
    rows = {tuple(row[key] for key in keys): row for row in new.rows}
    names = tuple(new.rows[0])
    statement = _upserting(new.table, keys, names, new.update, new.keep_known, connection.dialect.name)
    # Sorted by key: inserts touch each page of the table once, and two writers lock rows in the same order.
    execute_many(connection, statement, [rows[key] for key in sorted(rows)])


def execute_many(connection: Connection, statement: Executable, rows: Sequence[Row]) -> None:
    """Run `statement` once for each row; all rows have the same columns.

    The statement must be one that is kept (it is compiled once), and its values plain numbers and texts:
    they go to the driver as they are. That is 3 times faster than SQLAlchemy's own way, which treats every value.
    """
    if not rows:
        return
    sql, order = _compiled(statement, connection.dialect)
    if order is None:
        connection.exec_driver_sql(sql, [dict(row) for row in rows])
    else:
        take = itemgetter(*order)
        connection.exec_driver_sql(sql, [take(row) if len(order) > 1 else (take(row),) for row in rows])


@cache
def _upserting(
    table: Table,
    keys: tuple[str, ...],
    names: tuple[str, ...],
    update: tuple[str, ...],
    keep: tuple[str, ...],
    dialect: str,
) -> Executable:
    insert: Any = (sqlite if dialect == "sqlite" else postgresql).insert(table)
    insert = insert.values({name: bindparam(name) for name in names})
    if not update:
        ignoring: Executable = insert.on_conflict_do_nothing(index_elements=keys)
        return ignoring
    values: dict[str, Any] = {name: insert.excluded[name] for name in update}
    values |= {name: func.coalesce(insert.excluded[name], table.c[name]) for name in keep}
    updating: Executable = insert.on_conflict_do_update(index_elements=keys, set_=values)
    return updating


@lru_cache(maxsize=256)
def _compiled(statement: Any, dialect: Dialect) -> tuple[str, tuple[str, ...] | None]:
    """The SQL of a statement and the order of its parameters; None where the driver takes them by name."""
    compiled = statement.compile(dialect=dialect)
    order = compiled.positiontup
    return str(compiled), None if order is None else tuple(order)
