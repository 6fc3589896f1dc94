"""Open a SQLite file for reading, without SQLAlchemy: commands that only read start in half the time."""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from pathlib import Path

from tmxdb.clock import wall_clock
from tmxdb.db.engines.ago import ago
from tmxdb.db.engines.sqlite_uri import sqlite_uri
from tmxdb.db.packed_inputs import inputs_json, packed
from tmxdb.errors import DatabaseError

BUSY_TIMEOUT_S = 30
OLDEST_SQLITE = (3, 38)
"""The first version with `->>`, which the views need."""
LONG_WAL_BYTES = 32_000_000
"""Size of the write-ahead log above which it is truncated."""
WARN_WAL_BYTES = 8 * LONG_WAL_BYTES
"""Size of a write-ahead log that a long reader keeps from being truncated, above which a warning names it."""
INTERRUPT_STEPS = 20_000
"""Virtual machine steps of a read-only connection between two checks for Ctrl-C: a few ms."""


def check_version() -> None:
    """Raise DatabaseError if Python's SQLite is too old."""
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise DatabaseError(
            f"this Python includes SQLite {sqlite3.sqlite_version}; tmxdb needs {'.'.join(map(str, OLDEST_SQLITE))}"
            " or newer. Use a newer Python, for example one that `uv` installs.",
            code="db.driver",
        )


def open_reader(path: Path) -> sqlite3.Connection:
    """Open `path` for reading, also where neither the file nor its folder can be written.

    Where writing is allowed the file is opened for it: only then can the last reader delete the write-ahead log and its
    index. `query_only` keeps it from changing anything. A closed database (without a log) in a place that cannot be
    written is opened as immutable: SQLite would otherwise have to create the index.
    """
    uri = sqlite_uri(path.absolute())
    if may_write(path):
        return connect(f"{uri}?mode=rw")
    reader = connect(f"{uri}?mode=ro")
    try:
        reader.execute("SELECT 1 FROM sqlite_master LIMIT 1").close()
    except sqlite3.OperationalError:
        reader.close()
        if wal_bytes(path):
            raise  # the log holds committed rows that only a writer can recover
        return connect(f"{uri}?mode=ro&immutable=1")
    return reader


def may_write(path: Path) -> bool:
    """Return whether SQLite may write the file `path`, for which it needs to write its folder, too."""
    return os.access(path, os.W_OK) and os.access(path.absolute().parent, os.W_OK)


def restrict(connection: sqlite3.Connection) -> None:
    """Let `connection` read only, and let Ctrl-C interrupt it."""
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)  # attaching a missing file would create it
    # Python runs signal handlers between its own instructions only, so a long query calls one now and then.
    connection.set_progress_handler(lambda: 0, INTERRUPT_STEPS)
    connection.execute("PRAGMA query_only = ON").close()


def connect(uri: str) -> sqlite3.Connection:
    """Open `uri`, with tmxdb's own SQL functions. Transactions begin when they are begun, not by themselves."""
    connection = sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    connection.create_function("ago", 1, _ago)
    connection.create_function("inputs_json", 1, inputs_json, deterministic=True)
    connection.create_function("packed_inputs", 1, packed, deterministic=True)
    return connection


def wal_bytes(path: Path) -> int:
    """Return the size of the write-ahead log of the SQLite file `path`."""
    with suppress(OSError):
        return os.path.getsize(f"{path}-wal")
    return 0


def _ago(span: object) -> str | None:
    return None if span is None else ago(str(span), wall_clock())
