"""The database as tmxdb uses it: `Database.read()` and `Database.write()` are the only ways to a connection."""

from __future__ import annotations

import logging
import re
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import URL, Connection, exc
from sqlalchemy.engine import make_url

from tmxdb.db.engines import postgresql, sqlite
from tmxdb.db.engines.refusals import IN_URL, not_connected
from tmxdb.db.engines.sqlite_file import WARN_WAL_BYTES, may_write
from tmxdb.db.explained import changed_schema, explained
from tmxdb.db.file_identity import FileIdentity
from tmxdb.db.location import is_url, without_user
from tmxdb.errors import DatabaseError

ABANDON_AFTER_S = 2.0
"""How long the database may take after `abandon_on` was triggered: enough for one that is healthy."""
LAST_TRIES_S = 0.25
"""How long each transaction may wait after that: rows are released, the worker is unregistered, rows are counted."""
_AT_IN_PASSWORD = re.compile(r"://[^:/]*:[^@]*@.*@", re.DOTALL)
"""A URL with another @ after the one that ends the password for SQLAlchemy, which takes the rest for the host."""
_log = logging.getLogger(__name__)


class Database:
    """One database by path or URL.

    `read_only`: nothing can be changed through it, and a SQLite file is read even where it cannot be written.
    """

    def __init__(self, location: str, *, read_only: bool = False) -> None:
        self.location = location
        self.path = sqlite_path(location)
        self.identity = FileIdentity(self.path)
        self._abandon: threading.Event | None = None
        self._abandoned_at: float | None = None
        self._sessions: postgresql.Sessions | None = None
        self._warned_bytes = WARN_WAL_BYTES
        if self.path is None:
            self.engine = postgresql.create(_url(location), shown=shown(location), read_only=read_only)
            self._sessions = postgresql.Sessions(self.engine)
        else:
            self.engine = sqlite.create(self.path, read_only=read_only, deadline=self._wait_s)
        # PostgreSQL would otherwise take a new snapshot for each statement.
        self._reading = {} if self.path is not None else {"isolation_level": "REPEATABLE READ"}

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a read transaction: everything read in it is of the same moment."""
        with self._explained_errors(), self.engine.connect() as plain:
            connection = plain.execution_options(**self._reading)
            with connection.begin():
                yield connection

    def may_write(self) -> bool:
        """Return whether rows can be changed: the file and its folder can be written, or the role may update tables."""
        if self.path is not None:
            return may_write(self.path)
        with self.read() as connection:
            query = "SELECT has_table_privilege('settings', 'UPDATE') AND NOT pg_is_in_recovery()"
            return bool(connection.exec_driver_sql(query).scalar())

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a write transaction, committed at the end of the block and rolled back by an exception.

        Raise DatabaseError if the SQLite file was deleted or replaced since the first one: open connections would
        go on writing to the old file.
        """
        self.identity.check()
        with self._explained_errors(), self.engine.connect() as plain:
            connection = plain.execution_options(tmxdb_writes=True)
            with connection.begin():
                yield connection

    @contextmanager
    def write_without_foreign_keys(self) -> Iterator[Connection]:
        """Open a write transaction for changes of the schema, in which SQLite checks references only at the end.

        Dropping a table that was copied would otherwise delete the rows that refer to it.
        """
        with self._explained_errors(), self.engine.connect() as plain:
            connection = plain.execution_options(tmxdb_writes=True)
            raw = connection.connection.driver_connection
            file = raw if isinstance(raw, sqlite3.Connection) else None
            if file is not None:
                file.execute("PRAGMA foreign_keys = OFF").close()  # has no effect inside a transaction
            try:
                with connection.begin():
                    yield connection
                    if file is not None:
                        self._check_references(connection)
            finally:
                if file is not None:
                    file.execute("PRAGMA foreign_keys = ON").close()

    def _check_references(self, connection: Connection) -> None:
        """Raise RuntimeError if more rows lack the rows they refer to than before the transaction of `connection`.

        Other programs, such as the shell of SQLite, check no references unless asked to.
        """
        query = "PRAGMA foreign_key_check"
        broken = connection.exec_driver_sql(query).fetchall()
        if not broken:
            return
        with self.engine.connect() as before:  # sees what is committed
            if len(broken) > len(before.exec_driver_sql(query).fetchall()):
                raise RuntimeError(f"the schema change left rows without the rows they refer to: {broken[:3]}")

    def enable_wal(self) -> None:
        """Switch a SQLite file to write-ahead logging; do nothing on PostgreSQL."""
        with self._explained_errors(), self.engine.connect() as connection:
            raw = connection.connection.driver_connection
            if isinstance(raw, sqlite3.Connection):
                sqlite.enable_wal(raw)

    def expect_id(self, database_id: str) -> None:
        """Remember the id of the database; `identity.check_id` raises DatabaseError if the file gets another one."""
        if self.identity.expect(database_id):
            return
        self.wal_checkpoint()
        self.identity.expect(database_id)

    def wal_checkpoint(self) -> None:
        """Copy what is in SQLite's write-ahead log into the file, as far as no reader needs it; waits for no one."""
        with self._explained_errors(), self.engine.connect() as connection:
            raw = connection.connection.driver_connection
            if isinstance(raw, sqlite3.Connection):
                sqlite.wal_checkpoint(raw)

    def checkpoint_unchanged(self) -> None:
        """Copy SQLite's write-ahead log into the file, and truncate a long one.

        Raise DatabaseError if the file has become another database, before anything is copied into it or after.
        """
        self.identity.check_id()  # the copy would overwrite the id of another database
        self.wal_checkpoint()  # the heartbeat must be in the file at the next check
        self.identity.check_id()  # which compares it with what is there now
        self.truncate_wal()

    def truncate_wal(self) -> None:
        """Truncate SQLite's write-ahead log if it has grown. Log a warning if a long reader prevents it."""
        if self.path is None or sqlite.wal_bytes(self.path) < sqlite.LONG_WAL_BYTES:
            return
        with self._explained_errors(), self.engine.connect() as connection:
            raw = connection.connection.driver_connection
            if isinstance(raw, sqlite3.Connection) and sqlite.truncate_wal(raw):
                self._warned_bytes = WARN_WAL_BYTES
                return
        size = sqlite.wal_bytes(self.path)
        if size >= self._warned_bytes:
            self._warned_bytes = 2 * size
            _log.warning(
                "The write-ahead log %s-wal has grown to %s MB, because a program has been reading the database for a"
                " long time or is suspended. Close that program to free the space.",
                self.path,
                f"{size / 1e6:,.0f}",
            )

    def blocking_session(self) -> str | None:
        """Return a sentence about the session of a server that others wait for. None on SQLite, or if unknown."""
        return None if self.path is not None else postgresql.lock_holder(self.engine)

    def end_idle_transactions(self, after_ms: int) -> None:
        """Let a server end each transaction of this process in which nothing happens for `after_ms`.

        On SQLite, the system ends the locks of a process with it.
        """
        if self._sessions is not None:
            self._sessions.end_idle_transactions(after_ms)

    def abandon_on(self, event: threading.Event) -> None:
        """Once `event` is set, wait at most ABANDON_AFTER_S in total for the database.

        After that, each transaction may still wait LAST_TRIES_S; then it raises DatabaseError.
        """
        self._abandon, self._abandoned_at = event, None
        if self._sessions is not None:
            self._sessions.abandon_on(event, ABANDON_AFTER_S, LAST_TRIES_S)

    def close(self) -> None:
        """Close all connections and end the thread that `abandon_on` started."""
        if self._sessions is not None:
            self._sessions.close()
        self.engine.dispose()

    @contextmanager
    def _explained_errors(self) -> Iterator[None]:
        """Raise DatabaseError for errors that a user can cause or repair; first of all for another database."""
        try:
            with _explained_errors(self.location):
                yield
        except (DatabaseError, exc.DatabaseError, sqlite3.DatabaseError) as error:
            self.identity.check_id()
            if getattr(error, "code", None) in ("db.broken", "db.foreign", "db.schema"):
                self.identity.check_lost()
            raise

    def _wait_s(self) -> float:
        """Return how long a writer may wait for its turn on SQLite.

        A waiting writer calls this every few milliseconds, so the event is noticed without a thread that waits for it.
        """
        if self._abandon is None or not self._abandon.is_set():
            return sqlite.BUSY_TIMEOUT_S
        if self._abandoned_at is None:
            self._abandoned_at = time.monotonic()
        return max(self._abandoned_at + ABANDON_AFTER_S - time.monotonic(), LAST_TRIES_S)


def sqlite_path(location: str) -> Path | None:
    """Return the file of a SQLite database, or None for another engine."""
    if not is_url(location):
        return Path(location)
    url = _url(location)
    return Path(url.database or "") if url.get_backend_name() == "sqlite" else None


def shown(location: str) -> str:
    """Return `location` without its password, for messages."""
    if not is_url(location):
        return location
    try:
        url = make_url(location)
    except (exc.ArgumentError, ValueError):
        return without_user(location)
    if _AT_IN_PASSWORD.search(location):
        return without_user(location)
    hidden = {name: "***" for name in url.query if "pass" in name.lower()}  # libpq accepts a password there, too
    return url.update_query_dict(hidden).render_as_string(hide_password=True).replace("%2A", "*")


def _url(location: str) -> URL:
    """Return the parsed URL with tmxdb's driver. Raise DatabaseError for any other engine."""
    if _AT_IN_PASSWORD.search(location):
        raise DatabaseError(f"{shown(location)}: the password contains an @. {IN_URL}", code="db.url")
    with suppress(exc.ArgumentError, ValueError):
        url = make_url(location)
        (url.host or "").encode("idna")  # raises UnicodeError, a ValueError, for what cannot be the name of a host
        if url.drivername in ("postgresql", "postgres"):
            url = url.set(drivername="postgresql+psycopg")
        if url.drivername in ("sqlite", "sqlite+pysqlite", "postgresql+psycopg"):
            return url
    raise DatabaseError(
        f"{shown(location)}: not a database. Give a file name, or postgresql+psycopg://user@host/name.",
        code="db.foreign",
    )


@contextmanager
def _explained_errors(location: str) -> Iterator[None]:
    """Turn errors of the engine that a user can cause or repair into DatabaseError with one sentence.

    What tmxdb asks sqlite3 itself, such as BEGIN IMMEDIATE, raises the errors of sqlite3 and not those of SQLAlchemy.
    """
    try:
        yield
    except exc.TimeoutError as error:
        raise DatabaseError(
            f"{shown(location)}: all connections of this process have been waiting for the database for a long time."
            " Check the server, or close other programs that use the database. Then run the same command again.",
            code="db.busy",
        ) from error
    except (exc.DatabaseError, sqlite3.DatabaseError) as error:
        trouble = _explained(shown(location), error)
        if trouble is None:
            raise
        raise trouble from error


def _explained(name: str, error: exc.DatabaseError | sqlite3.DatabaseError) -> DatabaseError | None:
    """Return None for a bug in tmxdb. The SQL of users is explained where it is run."""
    driver_error = error if isinstance(error, sqlite3.DatabaseError) else error.orig
    known = explained(name, driver_error) or changed_schema(name, driver_error)
    if isinstance(error, sqlite3.DatabaseError):
        return known
    if known is not None:
        return known
    if isinstance(error.orig, sqlite3.Error):
        return None
    # A URL with an option that psycopg does not know is a ProgrammingError, and as all errors of connecting has no SQL.
    connecting = not error.statement and isinstance(error, exc.OperationalError | exc.ProgrammingError)
    return not_connected(name, error.orig) if connecting or error.connection_invalidated else None
