"""Read the database in plain SQL: SQLite without SQLAlchemy, which takes 0.25 s to import, PostgreSQL with it.

For commands that only look: `status`, `query` and the pages about a track or a driver. SQL here has parameters as
`:name` and is the same on both engines.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tmxdb.clock import Clock, wall_clock
from tmxdb.db import revision
from tmxdb.db.engines.sqlite_file import check_version, open_reader, restrict
from tmxdb.db.explained import changed_schema, explained
from tmxdb.db.location import is_url
from tmxdb.errors import DatabaseError

Row = dict[str, Any]


class Reader:
    """A database opened for reading. Nothing can be changed through it.

    Raise DatabaseError if it does not exist or is not of the current revision.
    """

    def __init__(self, location: str) -> None:
        self.location = location
        self.path: Path | None = None
        self._identity: tuple[int, int] | None = None
        self._file: sqlite3.Connection | None = None
        self._server: Any = None
        if is_url(location):
            self._open_url()
        else:
            self._open_file(Path(location))

    @property
    def name(self) -> str:
        """The location without a password, for messages."""
        return self.location if self._server is None else str(self._server.shown)

    @property
    def file(self) -> sqlite3.Connection | None:
        """The connection to a SQLite file; None for a server."""
        return self._file

    @property
    def server_connection(self) -> Any:
        """SQLAlchemy's connection to a server, inside a `snapshot`."""
        return self._server.connection

    def is_current(self) -> bool:
        """Return whether the location still leads to the database that was opened, at a revision that tmxdb reads.

        An open connection goes on reading a file that was deleted or replaced.
        """
        if self.path is not None and _identity(self.path) != self._identity:
            return False
        try:
            return bool(self.value("SELECT version_num FROM alembic_version") == revision.HEAD)
        except DatabaseError:
            return False

    def explained(self, error: Exception) -> DatabaseError | None:
        """Return an error of the driver as one sentence; None for a mistake in the SQL."""
        return explained(self.name, error)

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Let everything that is read in the block be of one moment."""
        if self._file is None:
            with self._server.snapshot():
                yield
            return
        with self._explained():
            self._file.execute("BEGIN").close()
        try:
            yield
        finally:
            if self._file.in_transaction:
                self._file.execute("ROLLBACK").close()

    def rows(self, sql: str, **parameters: Any) -> list[Row]:
        """Return the rows that `sql` selects."""
        if self._file is None:
            found: list[Row] = self._server.rows(sql, parameters)
            return found
        with self._explained():
            cursor = self._file.execute(sql, parameters)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def row(self, sql: str, **parameters: Any) -> Row | None:
        """Return the first row that `sql` selects, or None."""
        found = self.rows(sql, **parameters)
        return found[0] if found else None

    def value(self, sql: str, **parameters: Any) -> Any:
        """Return the first value of the first row, or None."""
        found = self.row(sql, **parameters)
        return next(iter(found.values())) if found else None

    def now_ms(self, clock: Clock = wall_clock) -> int:
        """Return the time of the database in ms since 1970, as `database_clock.time_of` does."""
        return clock() if self._server is None else int(self._server.now_ms())

    def close(self) -> None:
        """Close the connection."""
        if self._file is not None:
            self._file.close()
        if self._server is not None:
            self._server.close()

    def _open_url(self) -> None:
        from tmxdb.db.reading.server import ServerReader, path_of

        path = path_of(self.location)
        if path is not None:
            self._open_file(path)
            return
        self._server = ServerReader(self.location)

    def _open_file(self, path: Path) -> None:
        self.path = path
        check_version()
        revision.check_file(path, self.location)
        self._identity = _identity(path)
        with self._explained():
            self._file = open_reader(path)
            restrict(self._file)
            try:
                self._check_revision()
            except BaseException:
                self._file.close()
                raise

    def _check_revision(self) -> None:
        tables = {row["name"] for row in self.rows("SELECT name FROM sqlite_master WHERE type = 'table'")}
        try:
            found = self.value("SELECT version_num FROM alembic_version") if revision.is_ours(tables) else None
        except DatabaseError as error:
            if error.code != "db.foreign":
                raise
            raise DatabaseError(f"{self.location}: {error}", code=error.code) from None
        revision.check_known(found, self.location, revision.KNOWN, revision.HEAD)
        revision.check_current(found, self.location, revision.HEAD)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            known = self.explained(error) or changed_schema(self.name, error)
            if known is None:
                raise
            raise known from error


def _identity(path: Path) -> tuple[int, int] | None:
    """Return device and inode of a file; None if it is missing or cannot be looked at."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
