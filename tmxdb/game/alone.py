"""One process at a time in a folder of the game: the system's own lock on a file, which ends with its holder.

Notes that processes leave for each other do not do: between reading that an owner is dead and acting on it, the name
can have passed to a living one. Four processes killed at random lost a file that way.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tmxdb.errors import GameTrouble

NAME = "tmxdb-lock"
PATIENCE_S = 30.0
_LOOK_S = 0.01

if sys.platform == "win32":
    import msvcrt

    def _taken(handle: int) -> bool:
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
else:
    import fcntl

    def _taken(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Inside the block no other process, and no other thread, is in such a block for this folder.

    Raises GameTrouble (game.folder_busy) if it can not be had for PATIENCE_S. The file is gone afterwards.
    """
    path = folder / NAME
    deadline = time.monotonic() + PATIENCE_S
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT)
        try:
            # Its last holder may have deleted the file that we have opened: then it locks nobody out.
            if _taken(handle) and _same(path, handle):
                break
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)
        if time.monotonic() > deadline:
            raise GameTrouble(f"{folder}: another tmxdb is at work in it for too long.", code="game.folder_busy")
        time.sleep(_LOOK_S)
    try:
        yield
    finally:
        if os.name != "nt":
            path.unlink(missing_ok=True)
        os.close(handle)
        if os.name == "nt":  # which deletes no file that somebody has open
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)


def _same(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(handle))
    except FileNotFoundError:
        return False
