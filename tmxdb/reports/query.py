"""Run a user's SQL so that it can read the database and do nothing else, for `tmxdb query`."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from tmxdb.db.explained import first_line
from tmxdb.db.reading.reader import Reader
from tmxdb.errors import DatabaseError, InvalidInput
from tmxdb.reports.parameters import check_parameters, numbers, with_driver_marks

TIMEOUT_S = 600
"""How long a statement may run on PostgreSQL. On SQLite, which runs in this process, Ctrl-C ends it."""
_READING = ("select", "with", "values", "table", "explain", "show")
_SKIPPED = re.compile(r"\A(?:\s|\(|--[^\n]*(?:\n|\Z)|/\*.*?\*/)+", re.DOTALL)
"""White space, comments and parentheses in front of the first word."""


class RowSource(Protocol):
    """The cursor of a driver."""

    def fetchmany(self, size: int = ...) -> Any:
        """Return up to `size` more rows."""

    def fetchone(self) -> Any:
        """Return the next row, or None."""

    def __iter__(self) -> Iterator[Any]:
        """Yield the remaining rows."""


@dataclass(frozen=True, slots=True)
class QueryResult:
    """The columns of a result, and its rows to iterate over or fetch."""

    columns: list[str]
    rows: RowSource


@contextmanager
def run_query(reader: Reader, sql: str, parameters: Mapping[str, str] | None = None) -> Iterator[QueryResult]:
    """Run one reading statement; yield its result. `parameters`: values for `:name` in it.

    Raise InvalidInput if the SQL is wrong, returns no rows or would change anything, and KeyboardInterrupt on Ctrl-C.
    """
    statement, given = sql.strip().rstrip(";"), dict(parameters or {})
    check_parameters(statement, given)
    try:
        with reader.snapshot():
            if reader.file is not None:
                yield _on_sqlite(reader.file, statement, given)
            else:
                yield _on_server(reader.server_connection, statement, given)
    except DatabaseError as error:
        if error.code != "db.read_only":
            raise
        raise _changes() from None
    except (sqlite3.Error, sqlite3.Warning) as error:
        raise _explained(reader, error) from error


def _on_sqlite(file: sqlite3.Connection, sql: str, given: dict[str, str]) -> QueryResult:
    cursor = file.execute(sql, numbers(given))
    if cursor.description is None:
        raise InvalidInput("This SQL returns no rows; `tmxdb query` only reads.", code="input.sql")
    return QueryResult([column[0] for column in cursor.description], cursor)


def _explained(reader: Reader, error: Exception) -> BaseException:
    reason = str(error)
    if reason == "interrupted":
        return KeyboardInterrupt()
    if "user-defined function raised" in reason:
        return _wrong("ago() takes a span of time, such as ago('2 days') or ago('1 month')")
    if "readonly" in reason:
        return _changes()
    return reader.explained(error) or _wrong(reason)


def _on_server(connection: Any, sql: str, given: dict[str, str]) -> QueryResult:
    """Run `sql` in the extended protocol, which takes one statement: `select 1; commit; update …` is an error there.

    A read-only transaction still allows COPY … TO PROGRAM to a superuser, so only statements that read are sent.
    """
    from sqlalchemy import text

    first = re.match(r"[a-z]*", _SKIPPED.sub("", sql).lower())
    if first is None or first[0] not in _READING:
        raise InvalidInput(
            f"This SQL begins with none of {', '.join(_READING)}; `tmxdb query` only reads.", code="input.sql"
        )
    connection.execute(text("SET TRANSACTION READ ONLY"))
    connection.execute(text(f"SET LOCAL statement_timeout = {TIMEOUT_S * 1000}"))
    connection.execute(text("SELECT 1"))  # after its first query a transaction cannot become writing again
    cursor = connection.connection.driver_connection.cursor()
    try:
        if given:
            cursor.execute(with_driver_marks(sql), given, prepare=True)
        else:
            cursor.execute(sql, prepare=True)
    except connection.dialect.loaded_dbapi.Error as error:
        reason = str(error)
        if "read-only transaction" in reason:
            raise _changes() from None
        if "statement timeout" in reason:
            raise InvalidInput(f"The SQL was cancelled after {TIMEOUT_S} s.", code="input.sql") from error
        raise _wrong(reason) from error
    if cursor.description is None:
        raise InvalidInput("This SQL returns no rows; `tmxdb query` only reads.", code="input.sql")
    return QueryResult([column.name for column in cursor.description], cursor)


def _changes() -> InvalidInput:
    return InvalidInput("This SQL would change the database; `tmxdb query` only reads.", code="input.sql")


def _wrong(reason: str) -> InvalidInput:
    line = (first_line(reason) if reason.strip() else "unknown reason").rstrip(".")
    return InvalidInput(f"The SQL cannot be run: {line}.", code="input.sql")
