"""What `Reader` does on PostgreSQL, through SQLAlchemy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from tmxdb.db.database import Database, shown, sqlite_path
from tmxdb.db.database_clock import time_of
from tmxdb.db.migrate import ensure_current


def path_of(location: str) -> Path | None:
    """Return the file of a SQLite URL; None for a server."""
    return sqlite_path(location)


class ServerReader:
    """A server's database, opened for reading."""

    def __init__(self, location: str) -> None:
        self.database = Database(location, read_only=True)
        self.shown = shown(location)
        self.connection: Connection | None = None
        try:
            ensure_current(self.database)
        except BaseException:
            self.database.close()
            raise

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Open one read transaction for the block."""
        with self.database.read() as connection:
            self.connection = connection
            try:
                yield
            finally:
                self.connection = None

    def rows(self, sql: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the rows that `sql` selects."""
        if self.connection is None:
            with self.database.read() as connection:
                return _rows(connection, sql, parameters)
        return _rows(self.connection, sql, parameters)

    def now_ms(self) -> int:
        """Return the server's time in ms since 1970."""
        if self.connection is not None:
            return time_of(self.connection)
        with self.database.read() as connection:
            return time_of(connection)

    def close(self) -> None:
        """Close all connections."""
        self.database.close()


def _rows(connection: Connection, sql: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.execute(text(sql), dict(parameters)).mappings()]
