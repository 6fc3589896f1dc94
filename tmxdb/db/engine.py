"""Connections as tmxdb needs them: come here to read or write the database.

SQLite takes one writer at a time. A transaction that begins by reading and then writes fails at once with
"database is locked" when somebody else wrote in between, whatever the timeout; so writers say BEGIN
IMMEDIATE and wait their turn, readers say BEGIN, and the driver's own guessing is off.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, exc
from sqlalchemy.engine import make_url
from sqlalchemy.pool import QueuePool

from tmxdb.errors import DatabaseTrouble

BUSY_TIMEOUT_S = 30
_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    # A power cut may take back the last transactions, never break the file; and a row taken back is only
    # done again: its file is adopted (promise 4 of the design).
    "PRAGMA synchronous = NORMAL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA journal_size_limit = 67108864",
    "PRAGMA cache_size = -65536",
    "PRAGMA temp_store = MEMORY",
)


class Database:
    """One database by path or URL. `write()` and `read()` are the only ways to a connection."""

    def __init__(self, location: str, *, read_only: bool = False) -> None:
        self.location = location
        self.path = sqlite_path(location)
        self.engine = _engine(location, self.path, read_only=read_only)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection in a reading transaction; everything seen in it is of one moment."""
        with _plain_errors(self.location), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A connection in a writing transaction, committed at the end of the block, rolled back by an exception."""
        with _plain_errors(self.location), self.engine.connect() as plain:
            connection = plain.execution_options(tmxdb_writes=True)
            with connection.begin():
                yield connection

    def close(self) -> None:
        """Give all connections back to the system."""
        self.engine.dispose()


def sqlite_path(location: str) -> Path | None:
    """The file of a SQLite database; None for another engine."""
    if "://" not in location:
        return Path(location)
    url = make_url(location)
    return Path(url.database or "") if url.get_backend_name() == "sqlite" else None


def shown(location: str) -> str:
    """`location` as it may be printed: without a password."""
    return make_url(location).render_as_string(hide_password=True) if "://" in location else location


def _engine(location: str, path: Path | None, *, read_only: bool) -> Engine:
    if path is None:
        try:
            engine = create_engine(location, pool_size=4, max_overflow=4, pool_pre_ping=True)
        except (exc.ArgumentError, exc.NoSuchModuleError) as error:
            raise DatabaseTrouble(
                f"{location}: not a database. Give a file name, or postgresql+psycopg://user@host/name.",
                code="db.foreign",
            ) from error
        except ModuleNotFoundError as error:
            raise DatabaseTrouble(
                f"{shown(location)}: needs {error.name}. Install it with: pip install 'tmxdb[postgres]'",
                code="db.driver",
            ) from error
        return engine
    uri = path.absolute().as_uri() + ("?mode=ro" if read_only else "")
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
        cursor = connection.cursor()
        for pragma in _PRAGMAS if not read_only else ("PRAGMA query_only = ON",):
            cursor.execute(pragma)
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("tmxdb_writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


@contextmanager
def _plain_errors(location: str) -> Iterator[None]:
    """Turn the engine's errors that a user can cause or mend into one sentence."""
    try:
        yield
    except exc.OperationalError as error:
        raise _explained(shown(location), error) from error
    except exc.DatabaseError as error:
        if "file is not a database" in str(error.orig):
            raise _explained(shown(location), error) from error
        raise


def _explained(name: str, error: exc.DatabaseError) -> Exception:
    reason = str(error.orig).strip().splitlines()[0] if str(error.orig).strip() else type(error.orig).__name__
    for sign, code, advice in (
        ("database is locked", "db.busy", "Another program has held it for a long time: close it and run again."),
        ("disk is full", "disk.full", "Make room, then run the same command again: nothing is lost."),
        ("readonly database", "db.read_only", "Check the permissions of the file and its folder."),
        ("unable to open", "db.unwritable", "Check that its folder exists and can be written."),
        ("not a database", "db.foreign", "Choose another file with --db."),
        ("disk I/O error", "db.disk", "Check the disk; a database on a network share is not safe."),
    ):
        if sign in reason:
            return DatabaseTrouble(f"{name}: {reason}. {advice}", code=code)
    if error.connection_invalidated or not error.statement:
        advice = "Check that the server runs and that the address is right."
        return DatabaseTrouble(f"{name}: can not be reached: {reason}. {advice}", code="db.unreachable")
    return error
