"""A lock on the folder of an export: two exports into one place would write the same files."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from pathlib import Path

from tmxdb.errors import InvalidInput
from tmxdb.storage import disk_errors
from tmxdb.storage.file_lock import file_lock
from tmxdb.storage.os_errors import CHOOSE_OUT

LOCK = "export.lock"


class ExportLock:
    """The operating system's lock on a file in the folder, so it ends with its process."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._held: ExitStack | None = None
        self._created = False

    def acquire(self, *, wait_s: float = 0) -> None:
        """Create the folder and lock it. Raise InvalidInput if another process exports into it after `wait_s`."""
        if self._out.exists() and not self._out.is_dir():
            raise InvalidInput(f"{self._out} is a file, not a folder. Choose another OUT.", code="input.file")
        self._created = not self._out.exists()
        with ExitStack() as stack:
            with disk_errors(str(self._out), instead=CHOOSE_OUT):
                self._out.mkdir(parents=True, exist_ok=True)
                held = stack.enter_context(file_lock(self._out / LOCK, wait_s=wait_s))
            if not held:
                raise InvalidInput(
                    f"{self._out}: another export is writing here. Wait until it ends, or choose another OUT.",
                    code="input.busy",
                )
            self._held = stack.pop_all()

    def release(self) -> None:
        """Unlock the folder, and remove it again if `acquire` created it and nothing was written."""
        if self._held is None:
            return
        held, self._held = self._held, None
        with suppress(OSError):  # the folder may be gone, and then so is the lock
            held.close()
        if self._created:
            with suppress(OSError):
                self._out.rmdir()
