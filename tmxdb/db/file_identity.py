"""Whether a database is still the one that was opened.

Open connections to a SQLite file go on working after it was deleted, replaced or overwritten in place, by another
database or by a backup of the same one. Another one has another id. A backup is older: each worker counts up a number
in the database with every heartbeat, and in a backup it is smaller. A file that is only half copied, or into which the
log of a running program was written afterwards, has no id that can be read: what it is or will be is not known.

While a reader keeps SQLite from copying all of its write-ahead log, the file itself is a mixture of older and newer
pages, because a page that changed again is copied later (https://sqlite.org/wal.html, section 3.4). It proves nothing
then.
"""

from __future__ import annotations

import os
import re
import sqlite3
import threading
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from tmxdb.db.engines.sqlite_uri import sqlite_uri
from tmxdb.errors import DatabaseError

ID_SETTING = "database_id"
"""The key of the database's id in the settings."""
_ID = re.compile(r"[0-9a-f]{16}")
HEARTBEATS_SETTING = "heartbeats"
"""The key of the number of heartbeats of all workers so far."""
READS, READ_PAUSE_S = 50, 0.02
"""How many times in a row the file must look wrong: another process may be copying its log there, or a whole database.
While a copy is half written, an index may lead to the value of another setting."""
WITHOUT_ID_S = 5.0
"""How long the file may be without a readable id, as it is while another program copies a database over it."""
DAMAGE_READS, DAMAGE_PAUSE_S = 10, 0.1
"""How many times to look who overwrote a file that SQLite calls damaged, and how long to wait before each time."""
ANOTHER, OLDER = " by another one", " by an older copy of itself"
"""By what a database was overwritten; nothing is said where it cannot be known."""
_NO_DATABASE = (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
"""Results of SQLite that are about the content of the file: no such table, or damage. Others are about reading it."""


@dataclass(frozen=True, slots=True)
class _Content:
    """The id in the file, None if it has none, and the number of heartbeats."""

    id: str | None = None
    heartbeats: int = 0


class FileIdentity:
    """Device and inode of a SQLite file, remembered at the first check, and the id in it.

    PostgreSQL has no file: `path` is None. A database that was found to be another one stays so: nothing more is
    written to it.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = None if path is None else path.absolute()
        self._first: tuple[int, int] | None = None
        self._id: str | None = None
        self._was_in_file = False
        self._heartbeats = 0
        self._without_id_since_s: float | None = None
        self._trouble: DatabaseError | None = None
        self._lock = threading.Lock()

    def check(self) -> None:
        """Raise DatabaseError if the file is missing or another one since the first call, or has just lost its id."""
        self._check_file()
        if self._without_id_since_s is not None:
            self._check_content()

    def expect(self, database_id: str) -> bool:
        """Remember the id of the database. Return whether it is in the file, not only in the write-ahead log."""
        self._id = database_id
        found = self._in_file()
        self._was_in_file = found is not None and found.id == database_id
        return self._was_in_file

    def check_id(self) -> None:
        """Raise DatabaseError if the file has another id than the one that was expected, or has lost it.

        Also if fewer heartbeats are in the file than were there before: it is a backup then. A file that has just lost
        its id raises the code `db.changing`: look again later. One that cannot be read now proves nothing.
        """
        self._check_file()
        self._check_content()

    def check_lost(self) -> None:
        """Look for a second who overwrote a file in which a transaction found damage, or a table missing.

        Raise DatabaseError as `check_id` does; also for a file without the id that a reader keeps the log from being
        copied into. Return if the id is there: the damage is not about another database then.
        """
        if self._id is None or self._path is None:
            return
        for _ in range(DAMAGE_READS):
            self.check_id()
            time.sleep(DAMAGE_PAUSE_S)
        found = self._in_file()
        if found is not None and found.id is None:
            self._wait_for_id()

    def compare(self, database_id: str | None) -> None:
        """Raise DatabaseError if `database_id`, as read in a transaction, is not the one that was expected."""
        if self._id is None or database_id == self._id:
            return
        found = _readable_id(database_id)
        if self._path is None:
            self._overwritten("" if found is None else ANOTHER)
        self._check_content()
        if found is not None:
            self._overwritten(ANOTHER)
        self._wait_for_id()

    def _check_file(self) -> None:
        if self._trouble is not None:
            raise self._trouble
        if self._path is None:
            return
        try:
            found = os.stat(self._path)
        except (FileNotFoundError, NotADirectoryError):
            if self._first is None:  # about to be created
                return
            raise DatabaseError(
                f"{self._path}: the database file was deleted or moved while this command was using it. Put it back"
                f" before another command uses it: {self._path.name}-wal belongs to it. If you put back a backup, or"
                f" the file was used meanwhile, first delete {self._path.name}-wal and {self._path.name}-shm. Then run"
                " the same command again.",
                code="db.replaced",
            ) from None
        except OSError as error:
            raise DatabaseError(
                f"{self._path}: {error.strerror or error}. Check the disk and the permissions of its folder, then run"
                " the same command again: nothing is lost.",
                code="db.disk",
            ) from error
        now = (found.st_dev, found.st_ino)
        with self._lock:
            if self._first is None:
                self._first = now
        if now != self._first:
            raise DatabaseError(
                f"{self._path}: the database file was replaced by another one while this command was using it."
                " What was written since is lost. Run the same command again to continue with the new file.",
                code="db.replaced",
            )

    def _check_content(self) -> None:
        if self._id is None or self._path is None:
            return
        found = self._in_file()
        for _ in range(READS - 1):
            if found is None or not self._looks_wrong(found):
                break
            if found.id in (None, self._id) and not _wal_checkpoint(self._path):
                return
            time.sleep(READ_PAUSE_S)
            found = self._in_file()
        if found is None:
            return
        if found.id is None:
            if self._was_in_file:
                self._wait_for_id()
            return
        if found.id != self._id:
            self._check_file()  # it may have been deleted meanwhile
            self._overwritten(ANOTHER)
        if found.heartbeats < self._heartbeats:
            self._overwritten(OLDER)
        self._was_in_file, self._heartbeats, self._without_id_since_s = True, found.heartbeats, None

    def _looks_wrong(self, found: _Content) -> bool:
        if found.id is None:
            return self._was_in_file
        return found.id != self._id or found.heartbeats < self._heartbeats

    def _wait_for_id(self) -> NoReturn:
        """Raise `db.changing` for WITHOUT_ID_S, then say that the file was overwritten."""
        self._check_file()
        now_s = time.monotonic()
        with self._lock:
            if self._without_id_since_s is None:
                self._without_id_since_s = now_s
            waited_s = now_s - self._without_id_since_s
        if waited_s >= WITHOUT_ID_S:
            self._overwritten("")
        raise DatabaseError(
            f"{self._path}: the database file has no readable id now; another program may be writing to it. Let that"
            " program end, then run the same command again.",
            code="db.changing",
        )

    def _overwritten(self, by: str) -> NoReturn:
        where = "the database" if self._path is None else f"{self._path}: the database file"
        self._trouble = DatabaseError(
            f"{where} was overwritten{by} while this command was using it, and may be damaged now. Stop"
            " all other tmxdb commands on it, copy the right database there again, then run the same command again.",
            code="db.replaced",
        )
        raise self._trouble

    def _in_file(self) -> _Content | None:
        """Return what is in the file itself; None if it cannot be read now, for example with too many open files.

        Open connections would answer from their cache or the write-ahead log: `immutable` uses neither. Opening the
        file without SQLite would drop this process's locks when it is closed (https://sqlite.org/howtocorrupt.html,
        section 2.2).
        """
        if self._path is None:
            return None
        keys = (ID_SETTING, HEARTBEATS_SETTING)
        try:
            with closing(sqlite3.connect(f"{sqlite_uri(self._path)}?mode=ro&immutable=1", uri=True)) as file:
                found = dict(file.execute("SELECT key, value FROM settings WHERE key IN (?, ?)", keys).fetchall())
            return _Content(_readable_id(found.get(ID_SETTING)), int(found.get(HEARTBEATS_SETTING, 0)))
        except ValueError:  # half of another page
            return _Content()
        except sqlite3.Error as error:
            result = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
            cut = result == sqlite3.SQLITE_IOERR_SHORT_READ
            return _Content() if cut or result & 0xFF in _NO_DATABASE else None


def _wal_checkpoint(path: Path) -> bool:
    """Copy the write-ahead log into the file, without waiting. Return whether all of it is there.

    Also return True if the file is no database: nothing can be copied, and what it contains is not a mixture.
    """
    try:
        if path.stat().st_size == 0:  # SQLite deletes its log, which running programs use; Windows refuses that
            return True
    except OSError:
        return False
    try:
        with closing(sqlite3.connect(f"{sqlite_uri(path)}?mode=rw", uri=True, timeout=0)) as file:
            busy, frames, copied = file.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    except sqlite3.Error as error:
        return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF in _NO_DATABASE
    return not busy and frames == copied


def _readable_id(value: str | None) -> str | None:
    """Return `value` if it can be an id: while a copy is half written, an index may lead to another setting."""
    return value if value is not None and _ID.fullmatch(value) else None
