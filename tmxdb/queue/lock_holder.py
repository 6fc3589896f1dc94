"""Find the process that holds the database lock, to name it in messages.

PostgreSQL lists its sessions. For a SQLite file, only Linux has such a list: /proc/locks (man 5 proc_locks). In WAL
mode the writer locks byte 120 of the `-shm` file, else byte 0x40000001 of the database file
(https://sqlite.org/walformat.html, section 2.3; https://sqlite.org/lockingv3.html). On other systems, name a worker of
this machine that is stopped: it may hold the lock for long.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from tmxdb.db.database import Database
from tmxdb.db.models import WorkerRow, table_of
from tmxdb.errors import DatabaseError
from tmxdb.process_identity import has_ended, this_machine

LOCKS, MOUNTS = Path("/proc/locks"), Path("/proc/self/mountinfo")
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
                f"Process {self.pid} ({self.name}) holds the lock and is stopped:"
                f" continue it with `kill -CONT {self.pid}`."
            )
        return f"Process {self.pid} ({self.name}) holds the lock."


def lock_holder(database: Database) -> str | None:
    """Return a sentence about the process that holds the lock on `database`; None if that cannot be found out."""
    if database.path is None:
        return database.blocking_session()
    if sys.platform == "linux" and LOCKS.exists():  # Wine shows the file of Linux, too
        holder = file_lock_holder(database.path)
        return None if holder is None else str(holder)
    return stopped_worker(database)


def file_lock_holder(path: Path) -> LockHolder | None:
    """Return the process that holds the write lock of the SQLite file at `path`, as Linux lists it."""
    lock_bytes: dict[tuple[int, int, int], int] = {}
    for file, byte in ((path.with_name(path.name + "-shm"), WAL_WRITE_LOCK), (path, RESERVED_LOCK)):
        with suppress(OSError, ValueError, IndexError):
            lock_bytes[_listed_as(file)] = byte
    with suppress(OSError, ValueError, IndexError):
        for line in LOCKS.read_text("ascii").splitlines():
            fields = line.split()  # 1: POSIX ADVISORY WRITE 1234 08:01:5678 120 120
            if fields[1] != "POSIX" or fields[3] != "WRITE":  # "->" in 1: a process that waits
                continue
            major, minor, inode = fields[5].split(":")
            pid, first, last = int(fields[4]), int(fields[6]), fields[7]
            wanted = lock_bytes.get((int(major, 16), int(minor, 16), int(inode)))
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
                    f"The tmxdb worker with process ID {pid} is stopped and may hold the lock:"
                    " continue or end that process."
                )
    return None


def _listed_as(file: Path) -> tuple[int, int, int]:
    """Return the major and minor device number and the inode under which /proc/locks lists locks on `file`.

    The device is the one in the table of mounts (man 5 proc_pid_mountinfo). `st_dev` can differ on btrfs and overlayfs:
    Linux 6.18 reported 00:2b there, and 00:29 in both lists. It is used only if the mount is not listed, as in a
    chroot. No answer is better than a guess: workers wait without limit for a process that is named. Only files with
    the same inode in two subvolumes of one btrfs are still confused.
    """
    if sys.platform != "linux":
        raise OSError("only Linux lists file locks")
    # Closing a file drops this process's locks on it, but not if it was opened with O_PATH.
    descriptor = os.open(file, os.O_PATH)
    try:
        status = os.fstat(descriptor)
        details = Path(f"/proc/self/fdinfo/{descriptor}").read_text("ascii")
    finally:
        os.close(descriptor)
    mount = dict(line.split(":", 1) for line in details.splitlines()).get("mnt_id", "").strip()
    for line in MOUNTS.read_text("utf-8", "replace").splitlines():
        fields = line.split()  # 27 1 254:0 / / rw,relatime - ext4 /dev/vda rw
        if fields[0] == mount:
            major, minor = fields[2].split(":")
            return int(major), int(minor), status.st_ino
    return os.major(status.st_dev), os.minor(status.st_dev), status.st_ino
