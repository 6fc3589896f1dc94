"""Locks on paths of the data folder, held while a file is moved to its final name.

A worker can be suspended between checking its claim and renaming its file. Another one takes the row over meanwhile,
and must not publish a file that the first one then replaces. So both steps are done under a lock of the path, and the
other worker waits for it. It is a lock of the operating system and ends with its process.
"""

from __future__ import annotations

import errno
import os
import struct
import sys
import time
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from tmxdb.errors import RetryLater
from tmxdb.storage.folder_identity import MARKER

WAIT_S, POLL_S = 1.0, 0.005
"""How long to wait for the lock. Its holder needs milliseconds unless it is stopped or its disk hangs."""
_FIRST_BYTE = 2**20
"""Bytes from here on stand for paths. Nothing is stored there: the marker file has some 40 bytes."""


@contextmanager
def path_locks(root: str, paths: Collection[str]) -> Iterator[None]:
    """Hold the locks of `paths` in the data folder `root`, across threads, processes and machines.

    Each is a lock on one byte of the marker file, so that no file needs to be created. Without a marker, and on a file
    system without locks, nothing is locked. Raise RetryLater (disk.locked) if one is not free within WAIT_S.
    """
    try:
        file = os.open(os.path.join(root, MARKER), os.O_RDWR | getattr(os, "O_BINARY", 0))
    except OSError:
        yield
        return
    try:
        deadline_s = time.monotonic() + WAIT_S
        for byte, path in sorted(
            {_byte_of(path): path for path in paths}.items()
        ):  # sorted: no two wait for each other
            while not _try_lock(file, byte):
                if time.monotonic() > deadline_s:
                    raise RetryLater(
                        f"{path}: another tmxdb process is about to publish this file and does not continue. If you"
                        " have stopped one (Ctrl-Z), continue or end it.",
                        code="disk.locked",
                    )
                time.sleep(POLL_S)
        yield
    finally:
        os.close(file)  # which also unlocks them


def _byte_of(path: str) -> int:
    return _FIRST_BYTE + zlib.crc32(path.encode()) % (2**31 - 2 * _FIRST_BYTE)


if sys.platform == "win32":
    import msvcrt

    def _try_lock(file: int, byte: int) -> bool:
        os.lseek(file, byte, os.SEEK_SET)
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            return error.errno not in (0, errno.EACCES, errno.EDEADLK)  # Wine says 0 for a byte that is locked
        return True

else:
    import fcntl

    _OPEN_FILE_LOCK = getattr(fcntl, "F_OFD_SETLK", None)
    """Linux: a lock of the open file, which also keeps other threads out (man 2 fcntl, "Open file description locks").
    Elsewhere the whole marker is locked, and files are published one by one."""

    def _try_lock(file: int, byte: int) -> bool:
        try:
            if _OPEN_FILE_LOCK is None:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            else:
                wanted = struct.pack("@hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, byte, 1, 0)
                fcntl.fcntl(file, _OPEN_FILE_LOCK, wanted)
        except (BlockingIOError, PermissionError):
            return False
        except OSError:
            pass
        return True
