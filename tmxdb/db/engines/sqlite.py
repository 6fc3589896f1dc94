"""SQLite: open a file, begin a write transaction, keep the write-ahead log short.

SQLite takes one writer at a time. A transaction that reads first and then writes fails immediately with "database is
locked" if another writer came in between, whatever the timeout. So writers say BEGIN IMMEDIATE and wait, readers say
BEGIN, and the driver's automatic BEGIN is off.

SQLite has no queue of writers: each retries at intervals that grow to 100 ms. Among eight busy processes one got 7 %
of its share and waited up to 6 s. Here every writer retries after a few milliseconds, and the longer it has waited the
sooner: the slowest of eight gets 90 % of its share and waits at most 0.3 s, without a lock file.
"""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, exc
from sqlalchemy.pool import QueuePool

from tmxdb.db.engines.pool import POOL
from tmxdb.db.engines.sqlite_file import (
    BUSY_TIMEOUT_S,
    LONG_WAL_BYTES,
    check_version,
    connect,
    open_reader,
    restrict,
    wal_bytes,
)
from tmxdb.db.engines.sqlite_uri import sqlite_uri

__all__ = ["BUSY_TIMEOUT_S", "LONG_WAL_BYTES", "open_reader", "wal_bytes"]
RETRY_S, RETRY_HALVES_S, RETRY_MIN_S = 0.010, 0.02, 0.001
"""How long a writer waits before it tries to begin again: at first; after which wait that is halved; at least. Each try
reads the log for a moment, and the log restarts only when no one reads it: at 0.3 ms it grew to 360 MB."""
TRUNCATE_MS, TRUNCATE_TRIES = 10, 20
"""How long one try to truncate the write-ahead log may make others wait; how many tries."""
# WAL is a property of the file and set when it is created (`Database.enable_wal`): opening a file must not change it.
_PRAGMAS = (
    # A power cut may take back the last transactions but never breaks the file. A row that was taken back is done
    # again and its file adopted (promise 4 of the design).
    "PRAGMA synchronous = NORMAL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA journal_size_limit = 16777216",  # a log that grew during a long read is cut back to 16 MB
    "PRAGMA cache_size = -65536",
    "PRAGMA temp_store = MEMORY",
)


def create(path: Path, *, read_only: bool, deadline: Callable[[], float]) -> Engine:
    """Return an engine for the file `path`. `deadline` returns how many seconds a writer may wait for its turn."""
    check_version()
    uri, mode = sqlite_uri(path.absolute()), "rwc"

    def open_writer() -> sqlite3.Connection:
        """Open the file. Only the first connection may create it: a file that is deleted meanwhile stays deleted."""
        nonlocal mode
        connection = connect(f"{uri}?mode={mode}")
        mode = "rw"
        return connection

    engine = create_engine(
        "sqlite+pysqlite://",
        creator=(lambda: open_reader(path)) if read_only else open_writer,
        poolclass=QueuePool,
        **POOL,
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _record: Any) -> None:
        if read_only:
            restrict(connection)
            return
        cursor = connection.cursor()
        for pragma in _PRAGMAS:
            cursor.execute(pragma)
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        raw = connection.connection.driver_connection
        if connection.get_execution_options().get("tmxdb_writes", False) and isinstance(raw, sqlite3.Connection):
            _begin_writing(raw, deadline)
        else:
            connection.exec_driver_sql("BEGIN")

    return engine


def _begin_writing(raw: sqlite3.Connection, deadline: Callable[[], float]) -> None:
    """Become the one writer, or try again in a moment."""
    began = time.monotonic()
    raw.execute("PRAGMA busy_timeout = 0").close()
    try:
        while True:
            try:
                raw.execute("BEGIN IMMEDIATE").close()
                return
            except sqlite3.OperationalError as error:
                waited_s = time.monotonic() - began
                if "locked" not in str(error) or waited_s > deadline():
                    raise exc.OperationalError("BEGIN IMMEDIATE", None, error) from error
            time.sleep(max(RETRY_S / (1 + waited_s / RETRY_HALVES_S), RETRY_MIN_S) * random.uniform(0.5, 1.5))
    finally:
        raw.execute(f"PRAGMA busy_timeout = {int(BUSY_TIMEOUT_S * 1000)}").close()


def wal_checkpoint(raw: sqlite3.Connection) -> None:
    """Copy the write-ahead log into the file, as far as no reader needs it."""
    try:
        raw.execute("PRAGMA wal_checkpoint(PASSIVE)").close()
    except sqlite3.OperationalError as error:
        raise exc.OperationalError("wal_checkpoint", None, error) from error


def truncate_wal(raw: sqlite3.Connection) -> bool:
    """Truncate the write-ahead log; return False if a reader still needs it.

    The log restarts by itself only when a writer finds no reader, which is rare among eight busy processes.
    """
    try:
        raw.execute(f"PRAGMA busy_timeout = {TRUNCATE_MS}").close()
        for _ in range(TRUNCATE_TRIES):
            ((busy, *_),) = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall() or ((0,),)
            if not busy:
                return True
            time.sleep(random.uniform(0.001, 0.005))
    except sqlite3.OperationalError as error:
        raise exc.OperationalError("wal_checkpoint", None, error) from error
    finally:
        raw.execute(f"PRAGMA busy_timeout = {int(BUSY_TIMEOUT_S * 1000)}").close()
    return False


def enable_wal(raw: sqlite3.Connection) -> None:
    """Switch the file to write-ahead logging for good: readers and the writer then do not wait for each other."""
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            raw.execute("PRAGMA journal_mode = WAL").close()
            return
        except sqlite3.OperationalError as error:  # this pragma ignores busy_timeout
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise exc.OperationalError(None, None, error) from error
            time.sleep(0.02)
