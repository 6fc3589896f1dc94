"""One file being written: in memory or under a temporary name until it is complete."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import IO

from tmxdb.errors import PermanentError, RetryLater
from tmxdb.paths import plain
from tmxdb.storage import durable
from tmxdb.storage.os_errors import CHOOSE_DATA, disk_errors

PARTIAL = ".partial"
IN_MEMORY = 2**17
"""Bytes of a new file kept in memory. Few replays are larger, and hundreds of files are written at the same time."""


class NewFile:
    """A file that does not exist under its final name until it is published.

    Up to 128 KB stay in memory until then; more goes to a temporary file. So an error page creates no file: creating
    one costs more than fetching its bytes.
    """

    def __init__(
        self,
        partial: str,
        final: str,
        path: str,
        make_folders: Callable[[], None],
        *,
        knows_folders: Callable[[], bool] = lambda: False,
        check: Callable[[], None] = lambda: None,
        lock: Callable[[], AbstractContextManager[None]] = nullcontext,
        instead: str = CHOOSE_DATA,
    ) -> None:
        """`check` is called before the file gets its final name, and raises if it must not.

        `knows_folders` returns whether the folders were made before. Then they are made only if they are gone.
        `lock` returns the lock of the final name.
        """
        self._partial, self._final, self.path = partial, final, path
        self._make_folders, self._knows_folders = make_folders, knows_folders
        self._check, self._lock, self._instead = check, lock, instead
        self._parts: list[bytes] = []
        self._file: IO[bytes] | None = None
        self.size = 0

    def write(self, data: bytes) -> int:
        """Append `data`. Raise DiskError if it cannot be written."""
        self._parts.append(data)
        self.size += len(data)
        if self._file is not None or self.size > IN_MEMORY:
            self._flush()
        return len(data)

    def read_back(self) -> bytes:
        """Return everything written so far."""
        if self._file is None:
            self._parts = [b"".join(self._parts)]
            return self._parts[0]
        with disk_errors(self._final, instead=self._instead):
            self._file.seek(0)
            return self._file.read()

    def publish(self, confirm: Callable[[], None] = lambda: None) -> None:
        """Sync the file and rename it to its final name, replacing an older file. Only then may a row say `done`.

        `confirm` is called just before, under the lock of the final name, and raises if the file must not be published.
        """
        self.write_out()
        self.sync()
        with self._lock():
            confirm()
            self.rename()
        self.sync_name()

    # The steps of `publish`, for several files at once: see `publish_together`.

    def write_out(self) -> None:
        """Write what is in memory to the temporary file."""
        self._check()
        self._flush()

    def sync(self) -> None:
        """Make the bytes durable, and close the file."""
        with disk_errors(self._final, instead=self._instead):
            file = self._flush()
            os.fsync(file.fileno())
            file.close()

    def rename(self) -> None:
        """Give the file its final name. Call it under the lock of that name."""
        with disk_errors(self._final, instead=self._instead):
            if os.path.isdir(self._final):
                raise _in_the_way(self._final, "a folder", "this file")
            try:
                durable.replace(self._partial, self._final)
            except (FileNotFoundError, NotADirectoryError):
                if os.path.lexists(self.folder) and not os.path.isdir(self.folder):
                    raise _in_the_way(self.folder, "a file", "this folder") from None
                self._rename_again()
        self._file = None

    def sync_name(self) -> None:
        """Make the final name durable, and with it all others in its folder."""
        with disk_errors(self._final, instead=self._instead):
            durable.sync_folder(self.folder)
        self._check()  # again: it may have been true only before the file was written

    @property
    def folder(self) -> str:
        """The folder of the final name."""
        return os.path.dirname(self._final)

    def discard(self) -> None:
        """Delete the temporary file, if it was not published."""
        if self._file is not None:
            with suppress(OSError):
                self._file.close()
            with suppress(OSError, RetryLater):
                durable.unlink(self._partial)
            self._file = None

    def _rename_again(self) -> None:
        """Handle a missing folder, or a temporary file deleted by a process that took this worker for dead."""
        if not os.path.exists(self._partial):
            raise RetryLater(
                f"{self.path}: another process deleted its temporary file. It will be written again.",
                code="disk.swept",
            )
        self._make_folders()
        durable.replace(self._partial, self._final)

    def _open(self) -> IO[bytes]:
        """Create the temporary file. Publishing or discarding closes it."""
        if self._knows_folders():
            with suppress(FileNotFoundError):
                return open(self._partial, "w+b", buffering=0)
        self._make_folders()
        return open(self._partial, "w+b", buffering=0)

    def _flush(self) -> IO[bytes]:
        """Write what is in memory to the temporary file, creating it if needed."""
        with disk_errors(self._final, instead=self._instead):
            if self._file is None:
                self._file = self._open()
            for part in self._parts:
                write_all(self._file, part)
            self._parts.clear()
            return self._file


def _in_the_way(path: str, what: str, wanted: str) -> PermanentError:
    return PermanentError(
        f"{plain(path)}: {what} is in the place of {wanted}. Move it elsewhere, then try again.",
        code="disk.not_a_file",
    )


def write_atomic(target: Path, data: bytes, *, instead: str) -> None:
    """Write a file of tmxdb's own, complete and durable or not at all. Its folder must exist.

    `instead` is passed to `disk_errors`. For a file that the user named, call `write_user_file`.
    """
    final = str(target.absolute())  # a bare name has no folder that could be synced
    file = NewFile(f"{final}{PARTIAL}", final, str(target), make_folders=lambda: None, instead=instead)
    try:
        file.write(data)
        file.publish()
    finally:
        file.discard()


def write_all(file: IO[bytes], data: bytes) -> None:
    """Write `data` to an unbuffered file, which may take less than everything in one call."""
    view = memoryview(data)
    while view:
        written = file.write(view)
        if not written:  # never happens on a working disk, and must not loop for ever on a broken one
            raise OSError(errno.EIO, "the disk takes no data")
        view = view[written:]
