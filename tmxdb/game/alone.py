"""One process at a time in a folder of the game: the system's own lock on a file, which ends with its holder.

Notes that processes leave for each other do not do: between reading that an owner is dead and acting on it, the name
can have passed to a living one. Four processes killed at random lost a file that way. The one door to filelock.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tmxdb.errors import GameTrouble

NAME = "tmxdb-lock"
PATIENCE_S = 30.0
_LOOK_S = 0.01


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Inside the block no other process, and no other thread, is in such a block for this folder.

    Raises GameTrouble (game.folder_busy) if it can not be had for PATIENCE_S. The file is gone afterwards, unless its
    holder is killed: then its lock has ended all the same, and the next one takes the file away.
    """
    from filelock import FileLock, Timeout

    path = folder / NAME
    # A lock for each block, which is what keeps threads out. The library's makeshift for file systems without locks is
    # refused: a file that is there or not says nothing of whether its holder lives.
    lock = FileLock(path, timeout=PATIENCE_S, poll_interval=_LOOK_S, fallback_to_soft=False)
    try:
        held = lock.acquire()
    except Timeout as busy:
        raise GameTrouble(f"{folder}: another tmxdb is at work in it for too long.", code="game.folder_busy") from busy
    with held:
        try:
            yield
        finally:
            # Windows deletes no file that somebody has open: there the library does it after the lock, if nobody waits.
            # Elsewhere it leaves the file. To delete it while it is locked is safe, for whoever locks it then sees that
            # it has no name any more, and begins again (filelock 3.21).
            if os.name != "nt":
                path.unlink(missing_ok=True)
