"""A lock file, held by one process at a time. It is the system's file lock, so it ends with its holder.

Notes that processes leave for each other do not suffice: between reading that an owner is dead and acting on it, a
live process may have taken the name. Four processes killed at random lost a file that way.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NO_LOCKS = frozenset({errno.ENOSYS, errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP})
"""Numbers of the OSError that `file_lock` raises on a file system without locks."""
_POLL_S = 0.01


@contextmanager
def file_lock(path: Path, *, wait_s: float) -> Iterator[bool]:
    """Hold the lock file `path`, across processes and threads. Yield False if it is not free within `wait_s` seconds.

    The file is removed afterwards. If the holder is killed, the file stays, but its lock has ended, and the next holder
    removes it. Raise OSError.
    """
    from filelock import FileLock, Timeout

    # A FileLock object for each block, which keeps other threads out. Its fallback for file systems without locks is
    # refused: whether a file exists says nothing about whether its holder lives.
    lock = FileLock(path, timeout=wait_s, poll_interval=_POLL_S, fallback_to_soft=False)
    try:
        held = lock.acquire()
    except Timeout:
        yield False
        return
    with held:
        try:
            yield True
        finally:
            # Windows cannot delete an open file: there filelock deletes it after unlocking if no process waits.
            # Elsewhere it leaves the file. Deleting it while it is locked is safe: the next process to lock it sees
            # that it has no name any more and starts over (filelock 3.21).
            if os.name != "nt":
                path.unlink(missing_ok=True)
