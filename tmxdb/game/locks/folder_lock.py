"""A lock on a game folder, held by one process at a time. It is the system's file lock, so it ends with its holder.

Notes that processes leave for each other do not suffice: between reading that an owner is dead and acting on it, a
live process may have taken the name. Four processes killed at random lost a file that way. Only this module uses
filelock.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tmxdb.errors import GameError

NAME = "tmxdb-lock"
TIMEOUT_S = 30.0
_POLL_S = 0.01


@contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """Hold the lock of `folder`, across processes and threads.

    Raise GameError (game.folder_busy) if it is not free within TIMEOUT_S. The lock file is removed afterwards. If the
    holder is killed, the file stays, but its lock has ended, and the next holder removes it.
    """
    from filelock import FileLock, Timeout

    path = folder / NAME
    # A FileLock object for each block, which keeps other threads out. Its fallback for file systems without locks is
    # refused: whether a file exists says nothing about whether its holder lives.
    lock = FileLock(path, timeout=TIMEOUT_S, poll_interval=_POLL_S, fallback_to_soft=False)
    try:
        held = lock.acquire()
    except Timeout as busy:
        raise GameError(
            f"{folder}: another tmxdb process has kept this folder locked for {TIMEOUT_S:.0f} s. Trying again later.",
            code="game.folder_busy",
        ) from busy
    with held:
        try:
            yield
        finally:
            # Windows cannot delete an open file: there filelock deletes it after unlocking if no process waits.
            # Elsewhere it leaves the file. Deleting it while it is locked is safe: the next process to lock it sees
            # that it has no name any more and starts over (filelock 3.21).
            if os.name != "nt":
                path.unlink(missing_ok=True)
