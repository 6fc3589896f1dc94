"""Whether the data folder is still the one the run began with: a disk can be unmounted and a folder moved meanwhile.

New files would otherwise be written below the empty mount point, and their rows would say `done`.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

from tmxdb.errors import DiskError
from tmxdb.storage.os_errors import disk_errors

MARKER = ".tmxdb"
"""A file in the data folder with the id of the database that first used it."""


class FolderIdentity:
    """Device and inode of the data folder, and its marker file. Nothing is checked until `remember` was called."""

    def __init__(self, root: Path) -> None:
        self._root, self._marker = str(root), str(root / MARKER)
        self._first: tuple[int, int, int, int] | None = None
        self._lock = threading.Lock()

    def remember(self, database_id: str) -> None:
        """Create the marker if there is none, and remember the folder as it is now. Raise DiskError."""
        with disk_errors(self._marker):
            try:
                descriptor = os.open(self._marker, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
            except FileExistsError:
                pass
            else:
                with open(descriptor, "w", encoding="ascii") as file:
                    file.write(f"{database_id}\n")
            with self._lock:
                self._first = self._found()

    def check(self) -> None:
        """Raise DiskError if the folder or its marker is missing, or another one."""
        if self._first is None:
            return
        with disk_errors(self._marker, reading=True):
            is_same = self._is_same()
        if not is_same:
            raise DiskError(
                f"{self._root}: the data folder was moved, replaced or unmounted during the run. Put it back or mount"
                " its disk, then run the same command again: nothing is lost.",
                code="disk.moved",
            )

    def _is_same(self) -> bool:
        try:
            return self._found() == self._first
        except (FileNotFoundError, NotADirectoryError):
            return False

    def _found(self) -> tuple[int, int, int, int]:
        folder, marker = os.stat(self._root), os.stat(self._marker)
        return folder.st_dev, folder.st_ino, marker.st_dev, marker.st_ino
