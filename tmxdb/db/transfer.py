"""Copy rows between databases of any engine: read in key order, written in bulk, compared by digest.

In between a row is a plain tuple of numbers, texts and None. A boolean is 0 or 1, which PostgreSQL accepts in COPY.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from threading import Event
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Integer,
    Select,
    Table,
    bindparam,
    cast,
    func,
    literal,
    literal_column,
    select,
    text,
)

from tmxdb.db.bulk import fetch
from tmxdb.db.dialect import InputsText, is_postgresql
from tmxdb.db.explained import is_too_large
from tmxdb.db.models import JOBS, STATUSES, Base, ReplayInputsRow, TallyRow, table_of
from tmxdb.errors import DatabaseError

BATCH, BATCH_OF_INPUTS = 2000, 200
"""Rows in one transaction; inputs have some 100 KB each while they are copied."""
_LARGEST: dict[type[Any], int] = {Integer: 2**31 - 1, BigInteger: 2**63 - 1}
PlainRow = tuple[Any, ...]
_inputs = table_of(ReplayInputsRow)


@dataclass(slots=True)
class CleanedRows:
    """Rows whose texts had NUL characters, which PostgreSQL cannot store: it gets U+FFFD instead."""

    rows: list[str] = field(default_factory=list)


def tables() -> list[Table]:
    """Return the tables to copy, referenced tables first. Triggers maintain the tally."""
    return [table for table in Base.metadata.sorted_tables if table is not table_of(TallyRow)]


def stored(table: Table) -> list[Column[Any]]:
    """Return the columns of `table` that are not computed from others by the engine."""
    return [column for column in table.columns if column.computed is None]


def batch_of(table: Table) -> int:
    """Return how many rows of `table` to read at a time."""
    return BATCH_OF_INPUTS if table is _inputs else BATCH


def key_of_row(table: Table, row: PlainRow) -> Any:
    """Return the value of the primary key in a row of `table`."""
    return row[_key_index(table)]


def read_after(connection: Connection, table: Table, after: Any, n: int) -> list[PlainRow]:
    """Return up to `n` rows with a key greater than `after` (None: from the first), in key order."""
    values = {"n": n} if after is None else {"n": n, "after": after}
    return [tuple(row) for row in fetch(connection, _reading(table, after is not None), values)]


def put(connection: Connection, table: Table, rows: Sequence[PlainRow], cleaned: CleanedRows) -> None:
    """Insert `rows`, which are not in `table` yet. Raise DatabaseError for values that the engine cannot store."""
    names = ", ".join(column.name for column in stored(table))
    if not is_postgresql(connection):
        marks = ", ".join("packed_inputs(?)" if isinstance(c.type, InputsText) else "?" for c in stored(table))
        connection.exec_driver_sql(f"INSERT INTO {table.name} ({names}) VALUES ({marks})", list(rows))
        return
    clean = [clean_row(row) for row in rows]
    cleaned.rows += [
        f"{table.name} {key_of_row(table, row)}"
        for row, other in zip(rows, clean, strict=True)
        if row is not other
    ]  # fmt: skip
    _copy(connection, table, f"COPY {table.name} ({names}) FROM STDIN", clean)


def clean_row(row: PlainRow) -> PlainRow:
    """Return `row` as PostgreSQL can store it; the same object if nothing has to change."""
    if "\\x00" not in repr(row):
        return row
    clean = tuple(value.replace("\0", "\ufffd") if isinstance(value, str) else value for value in row)
    return clean if clean != row else row


def digest(
    connection: Connection, table: Table, *, clean: bool, stop: Event, without: frozenset[Any] = frozenset()
) -> tuple[int, str]:
    """Return how many rows `table` has, and a digest of them that does not depend on their order or the engine.

    `clean`: as they are after `clean_row`. `without`: keys of rows to leave out. The result is meaningless if `stop`
    was set.
    """
    n = total = 0
    for rows in _all(connection, table):
        for row in rows:
            if without and key_of_row(table, row) in without:
                continue
            content = repr(clean_row(row) if clean else row).encode("utf-8", "surrogatepass")
            total += int.from_bytes(hashlib.blake2b(content, digest_size=16).digest())
            n += 1
        if stop.is_set():
            break
    return n, f"{total % 2**128:032x}"


def set_counters(connection: Connection) -> None:
    """On PostgreSQL, let generated ids continue after the highest that was copied."""
    if not is_postgresql(connection):
        return
    for table in Base.metadata.sorted_tables:
        key = table.primary_key.columns[0]
        if not isinstance(key.type, Integer | BigInteger):
            continue
        sequence = text("SELECT pg_get_serial_sequence(:table, :key)")
        name = connection.execute(sequence, {"table": table.name, "key": key.name}).scalar()
        if name is not None:
            highest = f"SELECT setval('{name}', coalesce(max({key.name}), 1), max({key.name}) IS NOT NULL)"
            connection.execute(text(f"{highest} FROM {table.name}"))


def recount(connection: Connection) -> None:
    """Rewrite the tally from counted rows. Only while no one else writes."""
    rows = [row for kind, table in JOBS.items() for row in _counted(connection, kind, table)]
    connection.execute(table_of(TallyRow).delete())
    connection.execute(table_of(TallyRow).insert(), rows)


def _counted(connection: Connection, kind: str, table: Table) -> list[dict[str, Any]]:
    code = func.coalesce(table.c.error_code, literal_column("''"))
    size = func.coalesce(func.sum(table.c.file_bytes), 0) if "file_bytes" in table.c else literal(0)
    query = select(table.c.status, code, func.count(), size).group_by(table.c.status, code)
    # SQLite's triggers expect a row for each status, also where the count is 0.
    found = {(status, ""): (0, 0) for status in STATUSES}
    found |= {(status, code): (n, int(total)) for status, code, n, total in connection.execute(query)}
    return [
        {"kind": kind, "status": status, "error_code": code, "n": n, "bytes": total}
        for (status, code), (n, total) in found.items()
    ]


def _all(connection: Connection, table: Table) -> Iterator[list[PlainRow]]:
    after, n = None, batch_of(table)
    while rows := read_after(connection, table, after, n):
        yield rows
        after = key_of_row(table, rows[-1])


@cache
def _reading(table: Table, after: bool) -> Select[Any]:
    columns = [cast(column, Integer) if isinstance(column.type, Boolean) else column for column in stored(table)]
    (key,) = table.primary_key.columns  # each table has exactly one; a test checks it
    query = select(*columns).order_by(key).limit(bindparam("n"))
    return query.where(key > bindparam("after")) if after else query


@cache
def _key_index(table: Table) -> int:
    (key,) = table.primary_key.columns
    return stored(table).index(key)


def _copy(connection: Connection, table: Table, sql: str, rows: Sequence[PlainRow]) -> None:
    import psycopg

    raw: Any = connection.connection.driver_connection
    try:
        with raw.cursor() as cursor, cursor.copy(sql) as copy:
            for row in rows:
                copy.write_row(row)
    except (psycopg.DataError, psycopg.errors.ProgramLimitExceeded) as error:
        raise DatabaseError(_unstorable(table, rows, error), code="db.unfit") from error
    except psycopg.Error as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise DatabaseError(f"{table.name}: {reason}. Run the same command again.", code="db.copy") from error


def _unstorable(table: Table, rows: Sequence[PlainRow], error: Exception) -> str:
    """Return a message that names the value: SQLite stores any value in any column, PostgreSQL does not."""
    for row in rows:
        for column, value in zip(stored(table), row, strict=True):
            most = _LARGEST.get(type(column.type))
            if most is not None and value is not None and not (isinstance(value, int) and -most - 1 <= value <= most):
                item = f"{table.name} {key_of_row(table, row)}"
                shown = repr(value)[:60]
                return f"{item}: {column.name} is {shown}, which PostgreSQL cannot store there. Correct it first."
    if is_too_large(error):
        indexed = {column.name for index in table.indexes for column in index.columns}
        texts = [
            (len(value), column.name, key_of_row(table, row))
            for row in rows
            for column, value in zip(stored(table), row, strict=True)
            if column.name in indexed and isinstance(value, str)
        ]
        length, name, key = max(texts)
        what = f"{name} has {length:,} characters, too many for an index of PostgreSQL"
        return f"{table.name} {key}: {what}. Shorten it first."
    return f"{table.name}: {str(error).strip().splitlines()[0]}"
