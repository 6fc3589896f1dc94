"""Which process holds the lock that others wait for, for their message.

A PostgreSQL server knows its sessions. For a SQLite file, Linux lists all file locks in /proc/locks (man 5
proc_locks). In WAL mode the writer locks byte 120 of the `-shm` file, else byte 0x40000001 of the database file
(https://sqlite.org/walformat.html, section 2.3; https://sqlite.org/lockingv3.html). Other systems do not tell. There,
a worker of this machine that is stopped is named: it may hold the lock for long.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from tmxdb.db.engine import Database
from tmxdb.db.models import WorkerRow, table_of
from tmxdb.errors import DatabaseError
from tmxdb.process_identity import has_ended, this_machine

LOCKS = Path("/proc/locks")
WAL_WRITE_LOCK = 120
RESERVED_LOCK = 0x40000001


@dataclass(frozen=True, slots=True)
class LockHolder:
    """A process that holds the write lock. `is_stopped`: it was stopped, as by Ctrl-Z."""

    pid: int
    name: str
    is_stopped: bool

    def __str__(self) -> str:
        """Return a sentence that says what to do."""
        if self.is_stopped:
            return (
                f"Process {self.pid} ({self.name}) holds it and is stopped: continue it with `kill -CONT {self.pid}`."
            )
        return f"Process {self.pid} ({self.name}) holds it."


def lock_holder(database: Database) -> str | None:
    """Return a sentence about the process that holds the lock on `database`; None if that cannot be found out."""
    if database.path is None:
        return database.blocking_session()
    if LOCKS.exists():
        holder = file_lock_holder(database.path)
        return None if holder is None else str(holder)
    return stopped_worker(database)


def file_lock_holder(path: Path) -> LockHolder | None:
    """Return the process that holds the write lock of the SQLite file at `path`, as Linux lists it."""
    lock_bytes: dict[int, int] = {}
    for file, byte in ((path.with_name(path.name + "-shm"), WAL_WRITE_LOCK), (path, RESERVED_LOCK)):
        with suppress(OSError):
            lock_bytes[file.stat().st_ino] = byte
    with suppress(OSError, ValueError, IndexError):
        for line in LOCKS.read_text("ascii").splitlines():
            fields = line.split()  # 1: POSIX ADVISORY WRITE 1234 08:01:5678 120 120
            if "->" in fields or fields[3] != "WRITE":
                continue
            pid, inode, first, last = int(fields[4]), int(fields[5].rpartition(":")[2]), int(fields[6]), fields[7]
            wanted = lock_bytes.get(inode)
            if wanted is None or pid in (os.getpid(), 0, -1):
                continue
            if first > wanted or (last != "EOF" and int(last) < wanted):
                continue
            name, _, rest = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").partition("(")[2].rpartition(")")
            return LockHolder(pid, name, rest.split()[0] in ("T", "t"))
    return None


def stopped_worker(database: Database) -> str | None:
    """Return a sentence about a worker of this machine that is stopped and so may hold the lock; None if none is."""
    import psutil

    columns = table_of(WorkerRow).c
    query = select(columns.pid, columns.process_started_ms).where(columns.machine == this_machine())
    try:
        with database.read() as connection:
            workers = connection.execute(query).fetchall()
    except DatabaseError:
        return None
    for pid, started_ms in workers:
        with suppress(psutil.Error):
            is_stopped = psutil.Process(pid).status() == psutil.STATUS_STOPPED
            if is_stopped and not has_ended(pid, started_ms):
                return (
                    f"The tmxdb worker with process ID {pid} is stopped and may hold it: continue or end that process."
                )
    return None
