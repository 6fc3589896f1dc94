"""A lock on the folder of an export: two exports into one place would write the same files."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tmxdb.errors import InvalidInput
from tmxdb.storage import disk_errors

if TYPE_CHECKING:
    from filelock import BaseFileLock

LOCK = "export.lock"


class ExportLock:
    """The operating system's lock on a file in the folder, so it ends with its process."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._lock: BaseFileLock | None = None
        self._created = False

    def acquire(self, *, wait_s: float = 0) -> None:
        """Create the folder and lock it. Raise InvalidInput if another process exports into it after `wait_s`."""
        from filelock import FileLock, Timeout

        if self._out.exists() and not self._out.is_dir():
            raise InvalidInput(f"{self._out} is a file, not a folder. Choose another OUT.", code="input.file")
        self._created = not self._out.exists()
        with disk_errors(str(self._out), instead="choose another OUT"):
            self._out.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self._out / LOCK, timeout=wait_s, fallback_to_soft=False)
            try:
                lock.acquire()
            except Timeout as error:
                raise InvalidInput(
                    f"{self._out}: another export is writing here. Wait until it ends, or choose another OUT.",
                    code="input.busy",
                ) from error
        self._lock = lock

    def release(self) -> None:
        """Unlock the folder, and remove it again if `acquire` created it and nothing was written."""
        if self._lock is None:
            return
        if os.name != "nt":  # Windows cannot delete an open file; there filelock deletes it
            with suppress(OSError):
                (self._out / LOCK).unlink()
        self._lock.release()
        self._lock = None
        if self._created:
            with suppress(OSError):
                self._out.rmdir()
