"""Run a user's SQL so that it can read the database and do nothing else, for `tmxdb query` and the web page."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tmxdb.db.engines.sqlite_file import INTERRUPT_STEPS
from tmxdb.db.explained import first_line
from tmxdb.db.reading.reader import Reader
from tmxdb.errors import DatabaseError, InvalidInput
from tmxdb.reports.parameters import check_parameters, numbers, with_driver_marks

TIMEOUT_S = 600
"""How long a statement may run on PostgreSQL. On SQLite, which runs in this process, Ctrl-C ends it."""
_FETCHED_ROWS = 1000
_READING = ("select", "with", "values", "table", "explain", "show")
_SKIPPED = re.compile(r"\A(?:\s|\(|--[^\n]*(?:\n|\Z)|/\*.*?\*/)+", re.DOTALL)
"""White space, comments and parentheses in front of the first word."""
_SELECTING = (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE)


@dataclass(frozen=True, slots=True)
class QueryLimits:
    """What a statement may cost. `value_bytes`: of one value, on SQLite only."""

    seconds: float
    value_bytes: int


@dataclass(frozen=True, slots=True)
class QueryResult:
    """The columns of a result, and its rows, which are fetched while they are iterated over."""

    columns: list[str]
    rows: Iterator[Sequence[Any]]


def distinct_names(columns: Sequence[str]) -> list[str]:
    """Return the columns as the keys of an object: of columns with the same name the second is `name_2`."""
    names: dict[str, None] = {}
    for column in columns:
        name, n = column, 1
        while name in names:
            n += 1
            name = f"{column}_{n}"
        names[name] = None
    return list(names)


@contextmanager
def run_query(
    reader: Reader, sql: str, parameters: Mapping[str, Any] | None = None, *, limits: QueryLimits | None = None
) -> Iterator[QueryResult]:
    """Run one reading statement; yield its result. `parameters`: values for `:name` in it.

    With `limits`, nothing but SELECT is possible, and the reader is for this statement only: close it afterwards.
    Raise InvalidInput if the SQL is wrong, returns no rows, would change anything or exceeds a limit, and
    KeyboardInterrupt on Ctrl-C.
    """
    statement, given = sql.strip().rstrip(";"), dict(parameters or {})
    check_parameters(statement, given)
    try:
        with reader.snapshot():
            if reader.file is not None:
                if limits is not None:
                    _limit(reader.file, limits)
                yield _on_sqlite(reader.file, statement, given)
            else:
                with _on_server(reader.server_connection, statement, given, limits) as result:
                    yield result
    except DatabaseError as error:
        if error.code != "db.read_only":
            raise
        raise _changes() from None
    except (sqlite3.Error, sqlite3.Warning) as error:
        raise _explained(reader, error, limits) from error


_LIKE_PATTERN = 1000
"""Bytes of a pattern under limits. One comparison cannot be interrupted, and takes the product of both lengths."""


def _limit(file: sqlite3.Connection, limits: QueryLimits) -> None:
    """Let `file` only select, for a limited time and with values of limited size.

    The authorizer also refuses PRAGMA, which could allow writing; the snapshot around the statement ends as usual.
    """
    end_s = time.monotonic() + limits.seconds
    file.set_progress_handler(lambda: time.monotonic() > end_s, INTERRUPT_STEPS)
    file.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, limits.value_bytes)
    file.setlimit(sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH, _LIKE_PATTERN)
    allowed = {*_SELECTING, sqlite3.SQLITE_TRANSACTION}
    file.set_authorizer(lambda action, *_: sqlite3.SQLITE_OK if action in allowed else sqlite3.SQLITE_DENY)


def _on_sqlite(file: sqlite3.Connection, sql: str, given: dict[str, Any]) -> QueryResult:
    cursor = file.execute(sql, numbers(given))
    if cursor.description is None:
        raise InvalidInput("This SQL returns no rows; `tmxdb query` only reads.", code="input.sql")
    return QueryResult([column[0] for column in cursor.description], iter(cursor))


def _explained(reader: Reader, error: Exception, limits: QueryLimits | None) -> BaseException:
    reason = str(error)
    if reason == "interrupted":
        return KeyboardInterrupt() if limits is None else _too_long(limits.seconds)
    if "not authorized" in reason or "prohibited" in reason:
        return InvalidInput(
            "This SQL does something other than SELECT, which is all that is allowed here.", code="input.sql"
        )
    if "user-defined function raised" in reason:
        return _wrong("ago() takes a span of time, such as ago('2 days') or ago('1 month')")
    if "readonly" in reason:
        return _changes()
    return reader.explained(error) or _wrong(reason)


@contextmanager
def _on_server(connection: Any, sql: str, given: dict[str, Any], limits: QueryLimits | None) -> Iterator[QueryResult]:
    """Run `sql` in the extended protocol, which takes one statement: `select 1; commit; update …` is an error there.

    A read-only transaction still allows COPY … TO PROGRAM to a superuser, so only statements that read are sent. Rows
    stay on the server until they are fetched: a result may be larger than the memory.
    """
    from sqlalchemy import text

    first = re.match(r"[a-z]*", _SKIPPED.sub("", sql).lower())
    if first is None or first[0] not in _READING:
        raise InvalidInput(
            f"This SQL does not begin with {', '.join(_READING[:-1])} or {_READING[-1]}; `tmxdb query` only reads.",
            code="input.sql",
        )
    seconds = TIMEOUT_S if limits is None else limits.seconds
    connection.execute(text("SET TRANSACTION READ ONLY"))
    connection.execute(text(f"SET LOCAL statement_timeout = {round(seconds * 1000)}"))
    # Without it the server would plan for the first tenth of the rows.
    connection.execute(text("SET LOCAL cursor_tuple_fraction = 1"))
    connection.execute(text("SELECT 1"))  # after its first query a transaction cannot become writing again
    driver = connection.connection.driver_connection
    has_cursor = first[0] not in ("explain", "show")
    cursor = driver.cursor(name="tmxdb_query") if has_cursor else driver.cursor()
    prepared = {} if has_cursor else {"prepare": True}
    try:
        if given:
            cursor.execute(with_driver_marks(sql), given, **prepared)
        else:
            cursor.execute(sql, **prepared)
        if cursor.description is None:
            raise InvalidInput("This SQL returns no rows; `tmxdb query` only reads.", code="input.sql")
        yield QueryResult([column.name for column in cursor.description], _fetched(cursor))
    except connection.dialect.loaded_dbapi.Error as error:
        reason = str(error)
        if "read-only transaction" in reason or "data-modifying statements" in reason:
            raise _changes() from None
        if "statement timeout" in reason:
            raise _too_long(seconds) from error
        raise _wrong(reason) from error
    finally:
        cursor.close()


def _fetched(cursor: Any) -> Iterator[Sequence[Any]]:
    while page := cursor.fetchmany(_FETCHED_ROWS):
        yield from page


def _too_long(seconds: float) -> InvalidInput:
    return InvalidInput(f"The SQL was cancelled after {seconds:g} s.", code="input.sql")


def _changes() -> InvalidInput:
    return InvalidInput("This SQL would change the database; `tmxdb query` only reads.", code="input.sql")


def _wrong(reason: str) -> InvalidInput:
    line = (first_line(reason) if reason.strip() else "unknown reason").rstrip(".")
    return InvalidInput(f"The SQL cannot be run: {line}.", code="input.sql")
