"""Copy a whole SQLite database into another file while other processes read and write it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from threading import Event

from tmxdb.db.engines.sqlite_file import may_write, open_reader
from tmxdb.errors import DatabaseError
from tmxdb.paths import too_long

_STEPS = 10_000
"""Steps of SQLite's virtual machine between two checks of `stop`; a million take some 0.1 s."""

_PAGES = 1000
"""Pages copied between two checks of `stop`."""


def vacuum_into(source: Path, target: Path, stop: Event) -> bool:
    """Write everything committed now to `target`, which is empty or missing; return False if `stop` was set first.

    It is one read transaction: writers do not wait, but the log next to `source` grows until it ends. Raise
    DatabaseError if it fails.
    """
    with _explained(f"{source} into {target}", target), closing(open_reader(source)) as raw:
        if not may_write(source):
            return _copy_pages(raw, target, stop)
        raw.set_progress_handler(stop.is_set, _STEPS)
        try:
            raw.execute("VACUUM INTO ?", (str(target),))
        except sqlite3.OperationalError:
            if not stop.is_set():
                raise
            return False
    return True


def _copy_pages(source: sqlite3.Connection, target: Path, stop: Event) -> bool:
    """Do the same page by page. VACUUM INTO fails for a read-only file with computed columns (seen in SQLite 3.40)."""

    def check(status: int, remaining: int, total: int) -> None:
        if stop.is_set():
            raise InterruptedError

    with closing(sqlite3.connect(target)) as copy, suppress(InterruptedError):
        source.execute("BEGIN").close()  # all pages of one moment
        source.execute("SELECT 1 FROM sqlite_master LIMIT 1").close()
        source.backup(copy, pages=_PAGES, progress=check)
        return True
    return False


def finish_copy(file: Path) -> None:
    """Check `file`, which no one else has open, and switch it to write-ahead logging, with nothing left next to it.

    Raise DatabaseError if the check finds damage.
    """
    with _explained(str(file), file), closing(sqlite3.connect(file)) as raw:
        (result,) = raw.execute("PRAGMA quick_check(1)").fetchone()
        raw.execute("PRAGMA journal_mode = WAL")
    if result != "ok":
        raise DatabaseError(f"{file}: the copy is damaged: {result}. Check the disk.", code="db.broken")


@contextmanager
def _explained(what: str, target: Path) -> Iterator[None]:
    """Turn errors of SQLite into DatabaseError with one sentence."""
    try:
        yield
    except sqlite3.Error as error:
        if "full" in str(error):
            message = f"{what}: {error}. Make room, then run the same command again."
            raise DatabaseError(message, code="disk.full") from error
        if "unable to open" in str(error) and (length := too_long(str(target), room=len("-journal"))):
            raise DatabaseError(f"{target}: {length}. Give a shorter name.", code="db.copy") from error
        raise DatabaseError(f"{what}: {error}. Check the disk and its permissions.", code="db.copy") from error
