"""Bulk statements for SQLite and PostgreSQL: insert new rows, update known ones.

Statements that run all the time bypass SQLAlchemy's processing of each value, which makes them 3 times as fast. They
must be kept objects, because each is compiled once.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from itertools import chain, islice
from operator import itemgetter
from typing import Any, Protocol

from sqlalchemy import Connection, CursorResult, Dialect, Executable, Table, Update, func

from tmxdb.db.dialect import ROWS, engine_name, insert_many, packed_rows, update_many

Row = Mapping[str, Any]
KEY = "key_of_row"
"""In the rows of `updating`: the primary key."""
STREAM_BATCH = 1000
"""Rows of streams that are in memory at the same time."""
ROWS_AT_ONCE = 250
"""Rows of one INSERT on SQLite; the rest is inserted row by row.

Each row takes less work, and other threads run meanwhile: the driver gives up Python's global lock for each statement,
and may wait 5 ms to get it back.
"""
MAX_VALUES = 32_766
"""Values that a statement of SQLite may have (https://www.sqlite.org/limits.html#max_variable_number)."""


@dataclass(frozen=True, slots=True)
class NewRows:
    """Rows for `table`. Where a row with the same key exists, its columns `update` take the new values.

    All rows have the same columns. Rows without the key are new: the database numbers them. Without `update` the
    existing row stays as it is. `keep_known`: columns in which a NULL in the new row does not overwrite the existing
    value.
    """

    table: Table
    rows: Sequence[Row]
    update: tuple[str, ...] = ()
    keep_known: tuple[str, ...] = ()


class Rereadable(Protocol):
    """Rows that are made while they are read, and can be read again."""

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[Sequence[Any]]: ...


@dataclass(frozen=True, slots=True)
class RowStream:
    """Rows as in `NewRows` that may be too many to hold in memory: they are made while they are written.

    `rows`: values of the columns `names`, in the order of the first one, which is the key if the rows have one. `same`:
    columns with one value for all rows.
    """

    table: Table
    names: tuple[str, ...]
    rows: Rereadable
    same: Mapping[str, Any]
    update: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        same = tuple(self.same.values())
        return ((*row, *same) for row in self.rows) if same else map(tuple, self.rows)


def upsert(connection: Connection, new: NewRows) -> None:
    """Write `new` in the transaction of `connection`. If a key occurs twice, its last row wins."""
    if not new.rows:
        return
    keys, names, engine = _keys(new.table), tuple(new.rows[0]), engine_name(connection)
    if keys[0] not in names:
        execute_many(connection, inserting(new.table, names, engine), new.rows)
        return
    key_of = itemgetter(*keys)
    rows = {key_of(row): row for row in new.rows}
    statement = _upserting(new.table, keys, names, new.update, new.keep_known, engine)
    # Sorted by key: inserts touch each page of the table once, and two writers lock rows in the same order.
    execute_many(connection, statement, [rows[key] for key in sorted(rows)])


def upsert_streams(connection: Connection, streams: Sequence[RowStream]) -> None:
    """Write streams for the same columns of one table, as `upsert` does. If a key occurs twice, its last row wins."""
    table, names, update = streams[0].table, (*streams[0].names, *streams[0].same), streams[0].update
    keys, engine = _keys(table), engine_name(connection)
    # One stream after the other where keys are equal.
    rows = iter(streams[0]) if len(streams) == 1 else heapq.merge(*streams, key=itemgetter(0))
    if keys[0] not in names:
        statement = inserting(table, names, engine)
        while batch := list(islice(rows, STREAM_BATCH)):
            _execute_values(connection, statement, names, batch)
        return
    statement, key_of = _upserting(table, keys, names, update, (), engine), itemgetter(*map(names.index, keys))
    while batch := list(islice(rows, STREAM_BATCH)):
        _execute_values(connection, statement, names, list({key_of(row): row for row in batch}.values()))


def portions(streams: Sequence[RowStream], n: int) -> Iterator[list[RowStream]]:
    """Cut streams with a common key, their first column, into portions of at least `n` rows; the last may have fewer.

    Rows of the same key are in the same portion, so each portion is consistent without those that follow.
    """
    portion: list[list[Sequence[Any]]] = [[] for _ in streams]
    count, last = 0, None
    for key, number, row in heapq.merge(*map(_numbered, range(len(streams)), streams), key=itemgetter(0)):
        if count >= n and key != last:
            yield _with_rows(streams, portion)
            portion, count = [[] for _ in streams], 0
        portion[number].append(row)
        count, last = count + 1, key
    yield _with_rows(streams, portion)


def _numbered(number: int, stream: RowStream) -> Iterator[tuple[Any, int, Sequence[Any]]]:
    return ((row[0], number, row) for row in stream.rows)


def _with_rows(streams: Sequence[RowStream], portion: Sequence[Sequence[Sequence[Any]]]) -> list[RowStream]:
    return [replace(stream, rows=rows) for stream, rows in zip(streams, portion, strict=True) if rows]


def execute_many(connection: Connection, statement: Executable, rows: Sequence[Row]) -> None:
    """Run a statement that `insert_many` or `update_many` returned, for `rows`.

    All rows have the same columns, with numbers and texts as values.
    """
    if not rows:
        return
    sql, order, _ = _compiled(statement, connection.dialect)
    if order is None:
        for packed in packed_rows(rows):
            connection.exec_driver_sql(sql, {ROWS: packed})
        return
    _execute_on_sqlite(connection, sql, _picked(rows, order), len(rows), len(order))


def _execute_values(
    connection: Connection, statement: Executable, names: tuple[str, ...], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Run a statement as `execute_many` does; `rows` are the values of the columns `names`."""
    sql, order, _ = _compiled(statement, connection.dialect)
    if order is None:
        for packed in packed_rows(dict(zip(names, row, strict=True)) for row in rows):
            connection.exec_driver_sql(sql, {ROWS: packed})
        return
    values = iter(rows) if order == names else _picked(rows, tuple(map(names.index, order)))
    _execute_on_sqlite(connection, sql, values, len(rows), len(order))


def _picked(rows: Sequence[Any], keys: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    pick = itemgetter(*keys)
    return map(pick, rows) if len(keys) > 1 else ((pick(row),) for row in rows)


def _execute_on_sqlite(
    connection: Connection, sql: str, rows: Iterator[tuple[Any, ...]], n_rows: int, n_columns: int
) -> None:
    longer = _for_many_rows(sql, n_columns)
    if longer is not None:
        for _ in range(n_rows // ROWS_AT_ONCE):
            connection.exec_driver_sql(longer, tuple(chain.from_iterable(islice(rows, ROWS_AT_ONCE))))
    if rest := list(rows):
        connection.exec_driver_sql(sql, rest)


def execute_once(connection: Connection, statement: Executable, parameters: Row) -> None:
    """Run a statement once, for one set of parameters."""
    _run(connection, statement, parameters).close()


def fetch(connection: Connection, statement: Executable, parameters: Row) -> Sequence[Any]:
    """Return all rows of a statement with the driver's own values: on SQLite a boolean is 0 or 1."""
    return _run(connection, statement, parameters).fetchall()


def _run(connection: Connection, statement: Executable, parameters: Row) -> CursorResult[Any]:
    sql, order, constants = _compiled(statement, connection.dialect)
    values = {**constants, **parameters}
    given = values if order is None else tuple(values[name] for name in order)
    return connection.exec_driver_sql(sql, given)


@lru_cache(maxsize=256)
def _for_many_rows(sql: str, columns: int) -> str | None:
    """Return SQLite's INSERT of one row as one of ROWS_AT_ONCE rows. None for another statement, or too many values."""
    row = f"({', '.join('?' * columns)})"
    before, found, after = sql.partition(f" VALUES {row}")
    if not found or columns * ROWS_AT_ONCE > MAX_VALUES:
        return None
    return f"{before} VALUES {', '.join([row] * ROWS_AT_ONCE)}{after}"


def _keys(table: Table) -> tuple[str, ...]:
    return tuple(column.name for column in table.primary_key)


@cache
def inserting(table: Table, names: tuple[str, ...], engine: str) -> Executable:
    """Return the statement that inserts new rows with the columns `names`, for `execute_many`."""
    statement: Executable = insert_many(table, names, engine)
    return statement


@cache
def updating(table: Table, names: tuple[str, ...], engine: str) -> Update:
    """Return the statement that updates rows with the columns `names` and the primary key KEY, for `execute_many`.

    `names` may contain KEY. No two rows may have the same key.
    """
    (key,) = table.primary_key.columns
    return update_many(table, {KEY: key}, [name for name in names if name != KEY], engine)


@cache
def _upserting(
    table: Table,
    keys: tuple[str, ...],
    names: tuple[str, ...],
    update: tuple[str, ...],
    keep: tuple[str, ...],
    engine: str,
) -> Executable:
    new = insert_many(table, names, engine)
    if not update:
        ignoring: Executable = new.on_conflict_do_nothing(index_elements=keys)
        return ignoring
    values: dict[str, Any] = {name: new.excluded[name] for name in update}
    values |= {name: func.coalesce(new.excluded[name], table.c[name]) for name in keep}
    updating: Executable = new.on_conflict_do_update(index_elements=keys, set_=values)
    return updating


@lru_cache(maxsize=256)
def _compiled(statement: Any, dialect: Dialect) -> tuple[str, tuple[str, ...] | None, dict[str, Any]]:
    """Return the SQL, the order of its parameters (None where the driver takes them by name) and its own values."""
    compiled = statement.compile(dialect=dialect)
    order = compiled.positiontup
    return str(compiled), None if order is None else tuple(order), dict(compiled.params)
