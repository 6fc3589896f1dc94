"""Many rows in one statement: insert what is new, update what is known, on SQLite and PostgreSQL alike.

What runs all the time goes past SQLAlchemy's own way, which treats every value: it is 3 times faster. Such
statements must be ones that are kept, for they are compiled once.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from operator import itemgetter
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Dialect,
    Executable,
    Table,
    bindparam,
    func,
    select,
)
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
    """Run a kept statement once for each row; all rows have the same columns, plain numbers and texts."""
    if not rows:
        return
    sql, order, _ = _compiled(statement, connection.dialect)
    if order is None:
        connection.exec_driver_sql(sql, [dict(row) for row in rows])
    else:
        take = itemgetter(*order)
        connection.exec_driver_sql(sql, [take(row) if len(order) > 1 else (take(row),) for row in rows])


def fetch(connection: Connection, statement: Executable, parameters: Row) -> Sequence[Any]:
    """All rows of a kept statement, with their values as the driver has them: on SQLite a truth is 0 or 1."""
    sql, order, constants = _compiled(statement, connection.dialect)
    values = {**constants, **parameters}
    given = values if order is None else tuple(values[name] for name in order)
    return connection.exec_driver_sql(sql, given).fetchall()


def among(column: Column[Any], parameter: str, dialect: str) -> ColumnElement[bool]:
    """Whether `column` is one of the numbers in the parameter, packed by `packed`: one statement for any count."""
    if dialect == "sqlite":
        return column.in_(select(func.json_each(bindparam(parameter)).table_valued("value").c.value))
    return column == func.any(bindparam(parameter, type_=postgresql.ARRAY(BigInteger)))


def packed(numbers: Iterable[int], dialect: str) -> Any:
    """Numbers as the one value that `among` looks into."""
    return json.dumps(list(numbers)) if dialect == "sqlite" else list(numbers)


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
def _compiled(statement: Any, dialect: Dialect) -> tuple[str, tuple[str, ...] | None, dict[str, Any]]:
    """The SQL of a statement, the order of its parameters (None where the driver takes them by name), and the values
    that it brings along."""
    compiled = statement.compile(dialect=dialect)
    order = compiled.positiontup
    return str(compiled), None if order is None else tuple(order), dict(compiled.params)
