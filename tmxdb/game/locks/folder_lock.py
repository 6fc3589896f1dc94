"""A lock on a game folder, held by one process at a time. It ends with its holder: see `storage/file_lock.py`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tmxdb.errors import GameError
from tmxdb.storage.file_lock import file_lock

NAME = "tmxdb-lock"
TIMEOUT_S = 30.0


@contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """Hold the lock of `folder`, across processes and threads.

    Raise GameError (game.folder_busy) if it is not free within TIMEOUT_S.
    """
    with file_lock(folder / NAME, wait_s=TIMEOUT_S) as is_held:
        if not is_held:
            raise GameError(
                f"{folder}: another tmxdb process has kept this folder locked for {TIMEOUT_S:.0f} s. Trying again"
                " later.",
                code="game.folder_busy",
            )
        yield
