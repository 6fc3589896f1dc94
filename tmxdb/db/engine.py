"""Connections as tmxdb needs them: come here to read or write the database.

SQLite takes one writer at a time. A transaction that begins by reading and then writes fails at once with
"database is locked" when somebody else wrote in between, whatever the timeout; so writers say BEGIN
IMMEDIATE and wait their turn, readers say BEGIN, and the driver's own guessing is off.

SQLite knows no queue of writers: each asks again and again, and the longer it has waited the less often, up to
100 ms. So among eight busy processes one got 7 % of its share, and waited 6 s. Here all ask every few
milliseconds, whoever has waited longest most often: 90 % and 0.3 s, without a lock file that could be in anybody's way.
"""

from __future__ import annotations

import os
import random
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, exc
from sqlalchemy.engine import make_url
from sqlalchemy.pool import QueuePool

from tmxdb.errors import DatabaseTrouble

BUSY_TIMEOUT_S = 30
ASK_AGAIN_S, PATIENCE_S, SOONEST_S = 0.010, 0.02, 0.001
"""How long a writer waits before it asks again for its turn: at first, when it halves that, and at least. Whoever asks
looks at the log for a moment, and it begins anew only when nobody does: asking every 0.3 ms let it grow to 360 MB."""
LONG_LOG, TRIM_MS, TRIM_TRIES = 32_000_000, 10, 20
"""Bytes of the write-ahead log from which on it is emptied by hand; how long others may be kept waiting for that, each
of so many times."""
OLDEST_SQLITE = (3, 38)
"""The first with `->>`, which the views need."""
# WAL is a property of the file and set when that is made (`write_ahead`): to open a file must not change it.
_PRAGMAS = (
    # A power cut may take back the last transactions, never break the file; and a row taken back is only
    # done again: its file is adopted (promise 4 of the design).
    "PRAGMA synchronous = NORMAL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA journal_size_limit = 16777216",  # what a long reader has let the log grow to is cut off after it
    "PRAGMA cache_size = -65536",
    "PRAGMA temp_store = MEMORY",
)


class Database:
    """One database by path or URL. `write()` and `read()` are the only ways to a connection."""

    def __init__(self, location: str, *, read_only: bool = False) -> None:
        self.location = location
        self.path = sqlite_path(location)
        self.engine = _engine(location, self.path, read_only=read_only)
        # PostgreSQL would else see each statement at a moment of its own.
        self._reading = {} if self.path is not None else {"isolation_level": "REPEATABLE READ"}

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection in a reading transaction; everything seen in it is of one moment."""
        with _plain_errors(self.location), self.engine.connect() as plain:
            connection = plain.execution_options(**self._reading)
            with connection.begin():
                yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A connection in a writing transaction, committed at the end of the block, rolled back by an exception."""
        with _plain_errors(self.location), self.engine.connect() as plain:
            connection = plain.execution_options(tmxdb_writes=True)
            with connection.begin():
                yield connection

    @contextmanager
    def write_unreferenced(self) -> Iterator[Connection]:
        """For changes of the schema: `write()` in which SQLite looks after references only at the end.

        A table that is copied and dropped would else take along the rows that refer to it.
        """
        with _plain_errors(self.location), self.engine.connect() as plain:
            connection = plain.execution_options(tmxdb_writes=True)
            self._pragma(connection, "foreign_keys = OFF")  # has no effect inside a transaction
            try:
                with connection.begin():
                    yield connection
                    self._check_references(connection)
            finally:
                self._pragma(connection, "foreign_keys = ON")

    def write_ahead(self) -> None:
        """Have a SQLite file written ahead (WAL) from now on: readers and the writer do not wait for each other."""
        deadline = time.monotonic() + BUSY_TIMEOUT_S
        with _plain_errors(self.location), self.engine.connect() as connection:
            while True:
                try:
                    self._pragma(connection, "journal_mode = WAL")
                    return
                except sqlite3.OperationalError as error:  # this one does not wait for others by itself
                    if "locked" not in str(error) or time.monotonic() > deadline:
                        raise exc.OperationalError(None, None, error) from error
                    time.sleep(0.02)

    def trim_log(self) -> None:
        """Empty SQLite's write-ahead log if it has grown and nobody looks at it. By itself it begins anew only when a
        writer happens to find nobody there: among eight busy processes that is seldom."""
        if self.path is None or log_bytes(self.path) < LONG_LOG:
            return
        with _plain_errors(self.location), self.engine.connect() as connection:
            try:
                self._pragma(connection, f"busy_timeout = {TRIM_MS}")
                for _ in range(TRIM_TRIES):
                    ((busy, *_),) = self._pragma(connection, "wal_checkpoint(TRUNCATE)") or ((0,),)
                    if not busy:
                        return
                    time.sleep(random.uniform(0.001, 0.005))
            except sqlite3.OperationalError as error:
                raise exc.OperationalError("wal_checkpoint", None, error) from error
            finally:
                self._pragma(connection, f"busy_timeout = {int(BUSY_TIMEOUT_S * 1000)}")

    def close(self) -> None:
        """Give all connections back to the system."""
        self.engine.dispose()

    def _pragma(self, connection: Connection, setting: str) -> list[tuple[Any, ...]]:
        """Past SQLAlchemy, which would begin a transaction first."""
        raw = connection.connection.driver_connection
        if isinstance(raw, sqlite3.Connection):
            return raw.execute(f"PRAGMA {setting}").fetchall()
        return []

    def _check_references(self, connection: Connection) -> None:
        if self.path is not None:
            broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
            if broken:
                raise RuntimeError(f"the change of the schema left rows without what they refer to: {broken[:3]}")


def sqlite_path(location: str) -> Path | None:
    """The file of a SQLite database; None for another engine."""
    if "://" not in location:
        return Path(location)
    url = _url(location)
    return Path(url.database or "") if url.get_backend_name() == "sqlite" else None


def log_bytes(path: Path) -> int:
    """The size of a SQLite file's write-ahead log."""
    with suppress(OSError):
        return os.path.getsize(f"{path}-wal")
    return 0


def shown(location: str) -> str:
    """`location` as it may be printed: without a password."""
    if "://" not in location:
        return location
    try:
        url = make_url(location)
    except (exc.ArgumentError, ValueError):
        return re.sub(r"://.*@", "://***@", location).partition("?")[0]
    hidden = {name: "***" for name in url.query if "pass" in name.lower()}  # libpq takes it there, too
    return url.update_query_dict(hidden).render_as_string(hide_password=True).replace("%2A", "*")


def _engine(location: str, path: Path | None, *, read_only: bool) -> Engine:
    if path is None:
        try:
            return create_engine(_url(location), pool_size=4, max_overflow=4, pool_pre_ping=True)
        except ModuleNotFoundError as error:
            raise DatabaseTrouble(
                f"{shown(location)}: needs {error.name}. Install it with: pip install 'tmxdb[postgres]'",
                code="db.driver",
            ) from error
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise DatabaseTrouble(
            f"this Python brings SQLite {sqlite3.sqlite_version}; tmxdb needs {'.'.join(map(str, OLDEST_SQLITE))}"
            " or newer. Use a newer Python, for example one that `uv` installs.",
            code="db.driver",
        )
    # A reader opens the file for writing, too, where it may: only so can it take away the write-ahead log and its index
    # when it was the last one. `query_only` keeps it from changing anything.
    may_tidy = os.access(path, os.W_OK) and os.access(path.absolute().parent, os.W_OK)
    uri = path.absolute().as_uri() + ("" if not read_only else "?mode=rw" if may_tidy else "?mode=ro")
    engine = create_engine(
        "sqlite+pysqlite://",
        creator=lambda: sqlite3.connect(
            uri, uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
        ),
        poolclass=QueuePool,
        pool_size=4,
        max_overflow=4,
    )

    @event.listens_for(engine, "connect")
    def _set_pragmas(connection: sqlite3.Connection, _record: Any) -> None:
        if read_only:  # attaching a file that is not there would make it
            connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
        cursor = connection.cursor()
        for pragma in _PRAGMAS if not read_only else ("PRAGMA query_only = ON",):
            cursor.execute(pragma)
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        raw = connection.connection.driver_connection
        if connection.get_execution_options().get("tmxdb_writes", False) and isinstance(raw, sqlite3.Connection):
            _begin_writing(raw)
        else:
            connection.exec_driver_sql("BEGIN")

    return engine


def _begin_writing(raw: sqlite3.Connection) -> None:
    """Take the place of the one writer, or ask again in a moment."""
    began = time.monotonic()
    raw.execute("PRAGMA busy_timeout = 0").close()
    try:
        while True:
            try:
                raw.execute("BEGIN IMMEDIATE").close()
                return
            except sqlite3.OperationalError as error:
                waited_s = time.monotonic() - began
                if "locked" not in str(error) or waited_s > BUSY_TIMEOUT_S:
                    raise exc.OperationalError("BEGIN IMMEDIATE", None, error) from error
            time.sleep(max(ASK_AGAIN_S / (1 + waited_s / PATIENCE_S), SOONEST_S) * random.uniform(0.5, 1.5))
    finally:
        raw.execute(f"PRAGMA busy_timeout = {int(BUSY_TIMEOUT_S * 1000)}").close()


def _url(location: str) -> URL:
    """The parsed URL, with the driver that is ours. Raises DatabaseTrouble unless it is of one of our engines."""
    with suppress(exc.ArgumentError, ValueError):
        url = make_url(location)
        if url.drivername in ("postgresql", "postgres"):
            url = url.set(drivername="postgresql+psycopg")
        if url.drivername in ("sqlite", "sqlite+pysqlite", "postgresql+psycopg"):
            return url
    raise DatabaseTrouble(
        f"{shown(location)}: not a database. Give a file name, or postgresql+psycopg://user@host/name.",
        code="db.foreign",
    )


@contextmanager
def _plain_errors(location: str) -> Iterator[None]:
    """Turn the engine's errors that a user can cause or mend into one sentence."""
    try:
        yield
    except exc.DatabaseError as error:
        trouble = _explained(shown(location), error)
        if trouble is None:
            raise
        raise trouble from error


def _explained(name: str, error: exc.DatabaseError) -> DatabaseTrouble | None:
    """None for what is no trouble of the database but a mistake in what was asked of it."""
    reason = str(error.orig).strip().splitlines()[0] if str(error.orig).strip() else type(error.orig).__name__
    for sign, code, advice in (
        ("database is locked", "db.busy", "Another program has held it for a long time: close it and run again."),
        ("deadlock detected", "db.busy", "Two programs waited for each other: run again."),
        ("No space left", "disk.full", "Make room on the server, then run the same command again: nothing is lost."),
        ("disk is full", "disk.full", "Make room, then run the same command again: nothing is lost."),
        ("readonly database", "db.read_only", "Check the permissions of the file and its folder."),
        ("unable to open", "db.unwritable", "Check that its folder exists and can be written."),
        ("not a database", "db.foreign", "Choose another file with --db."),
        ("malformed", "db.broken", "The file is damaged: go back to a copy, or try sqlite3's `.recover`."),
        ("disk I/O error", "db.disk", "Check the disk; a database on a network share is not safe."),
    ):
        if sign in reason:
            return DatabaseTrouble(f"{name}: {reason}. {advice}", code=code)
    by_server = isinstance(error, exc.OperationalError) and not isinstance(error.orig, sqlite3.Error)
    if by_server and (error.connection_invalidated or not error.statement):
        advice = "Check that the server runs and that the address is right."
        return DatabaseTrouble(f"{name}: can not be reached: {reason}. {advice}", code="db.unreachable")
    return None
