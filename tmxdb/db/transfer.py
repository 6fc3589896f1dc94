"""Rows from one database into another, of whichever engines: read in order, written in bulk, digested alike.

Between the two a row is a plain tuple: numbers, texts, None; a truth is 0 or 1, which PostgreSQL takes for one.
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
from tmxdb.db.models import JOBS, STATUSES, Base, Tally, table_of
from tmxdb.errors import DatabaseTrouble

BATCH, BATCH_OF_INPUTS = 2000, 200
"""Rows in one transaction; those of `inputs` are some 10 KB each."""
_LARGEST: dict[type[Any], int] = {Integer: 2**31 - 1, BigInteger: 2**63 - 1}
PlainRow = tuple[Any, ...]


@dataclass(slots=True)
class Cleaned:
    """Texts with NUL characters, which PostgreSQL can not hold: U+FFFD stands in their place there."""

    rows: list[str] = field(default_factory=list)


def tables() -> list[Table]:
    """What is carried over, in an order that respects references. The tally follows by itself."""
    return [table for table in Base.metadata.sorted_tables if table is not table_of(Tally)]


def batch_of(table: Table) -> int:
    """How many rows of `table` to take at once."""
    return BATCH_OF_INPUTS if table.name == "inputs" else BATCH


def key_of_row(table: Table, row: PlainRow) -> Any:
    """The value of the primary key in a row of `table`."""
    return row[_key_place(table)]


def read_after(connection: Connection, table: Table, after: Any, n: int) -> list[PlainRow]:
    """Up to `n` rows with a key behind `after` (None: from the first), in the order of keys."""
    values = {"n": n} if after is None else {"n": n, "after": after}
    return [tuple(row) for row in fetch(connection, _reading(table, after is not None), values)]


def put(connection: Connection, table: Table, rows: Sequence[PlainRow], cleaned: Cleaned) -> None:
    """Write `rows` into `table`, where none of them is. Raises DatabaseTrouble for what the engine can not hold."""
    names = ", ".join(column.name for column in table.columns)
    if connection.dialect.name != "postgresql":
        marks = ", ".join("?" * len(table.columns))
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
    """`row` as PostgreSQL can hold it; the very same where nothing is to be done."""
    if "\\x00" not in repr(row):
        return row
    clean = tuple(value.replace("\0", "\ufffd") if isinstance(value, str) else value for value in row)
    return clean if clean != row else row


def digest(
    connection: Connection, table: Table, *, clean: bool, stop: Event, without: frozenset[Any] = frozenset()
) -> tuple[int, str]:
    """How many rows `table` has, and a digest of them all that does not depend on their order or on the engine.

    `clean`: as they are after `clean_row`. `without`: keys of rows that do not count. Worth nothing if `stop` was set.
    """
    n = total = 0
    for rows in _all(connection, table):
        for row in rows:
            if without and key_of_row(table, row) in without:
                continue
            told = repr(clean_row(row) if clean else row).encode("utf-8", "surrogatepass")
            total += int.from_bytes(hashlib.blake2b(told, digest_size=16).digest())
            n += 1
        if stop.is_set():
            break
    return n, f"{total % 2**128:032x}"


def set_counters(connection: Connection) -> None:
    """On PostgreSQL: ids that are given by the database go on behind the highest that was carried over."""
    if connection.dialect.name != "postgresql":
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
    """The tally as it must be, counted afresh: only while nobody else writes."""
    rows = [row for kind, table in JOBS.items() for row in _counted(connection, kind, table)]
    connection.execute(table_of(Tally).delete())
    connection.execute(table_of(Tally).insert(), rows)


def _counted(connection: Connection, kind: str, table: Table) -> list[dict[str, Any]]:
    code = func.coalesce(table.c.error_code, literal_column("''"))
    size = func.coalesce(func.sum(table.c.file_bytes), 0) if "file_bytes" in table.c else literal(0)
    query = select(table.c.status, code, func.count(), size).group_by(table.c.status, code)
    # SQLite's triggers take it that each status has its place, also where nothing is counted.
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
def _reading(table: Table, behind: bool) -> Select[Any]:
    columns = [cast(column, Integer) if isinstance(column.type, Boolean) else column for column in table.columns]
    (key,) = table.primary_key.columns  # every table has just one; a test would notice
    query = select(*columns).order_by(key).limit(bindparam("n"))
    return query.where(key > bindparam("after")) if behind else query


@cache
def _key_place(table: Table) -> int:
    (key,) = table.primary_key.columns
    return list(table.columns).index(key)


def _copy(connection: Connection, table: Table, sql: str, rows: Sequence[PlainRow]) -> None:
    import psycopg

    raw: Any = connection.connection.driver_connection
    try:
        with raw.cursor() as cursor, cursor.copy(sql) as copy:
            for row in rows:
                copy.write_row(row)
    except psycopg.DataError as error:
        raise DatabaseTrouble(_unfit(table, rows, error), code="db.unfit") from error
    except psycopg.Error as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise DatabaseTrouble(f"{table.name}: {reason}. Run the same command again.", code="db.copy") from error


def _unfit(table: Table, rows: Sequence[PlainRow], error: Exception) -> str:
    """Which value it was: SQLite takes any value in any column, PostgreSQL does not."""
    for row in rows:
        for column, value in zip(table.columns, row, strict=True):
            most = _LARGEST.get(type(column.type))
            if most is not None and value is not None and not (isinstance(value, int) and -most - 1 <= value <= most):
                item = f"{table.name} {key_of_row(table, row)}"
                shown = repr(value)[:60]
                return f"{item}: {column.name} is {shown}, which PostgreSQL can not hold there. Put it right first."
    return f"{table.name}: {str(error).strip().splitlines()[0]}"
