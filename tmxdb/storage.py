"""Files that are either whole under their final name or not there: everything that writes a result comes here.

A file is written under `.partial/` of its own root folder (one place to sweep, same file system), synced to
the disk, renamed to its final name, and the folder that now lists it is synced too. Only then may a row say `done`.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from tmxdb.errors import DiskTrouble, TmxdbError

PARTIAL = ".partial"
# Reserved by Windows whatever the ending: learn.microsoft.com, "Naming Files, Paths, and Namespaces".
_RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))}


class NewFile:
    """A file being written under a temporary name. Gone at the end of the block unless published."""

    def __init__(self, partial: Path, final: Path, path: str) -> None:
        self._partial, self._final, self.path = partial, final, path
        self._file: IO[bytes] = open(partial, "w+b", buffering=0)  # noqa: SIM115 (closed by discard)
        self.size = 0

    def write(self, data: bytes) -> int:
        """Append; raises DiskTrouble when the disk does not take it."""
        with disk_errors(self.path):
            view, written = memoryview(data), 0
            while written < len(data):  # an unbuffered write may take less than all
                written += self._file.write(view[written:])
        self.size += len(data)
        return len(data)

    def read_back(self) -> bytes:
        """All that was written so far."""
        with disk_errors(self.path):
            self._file.seek(0)
            return self._file.read()

    def publish(self) -> None:
        """Whole and durable under the final name, in the place of any older file: the last thing before `done`."""
        with disk_errors(self.path):
            os.fsync(self._file.fileno())
            self._file.close()
            os.replace(self._partial, self._final)
            _sync_folder(self._final.parent)

    def discard(self) -> None:
        """Close and forget; what was published stays."""
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            self._partial.unlink()


class Storage:
    """The data folder. Paths in rows are relative to it, so that the folder can be moved."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._known_folders: set[Path] = set()

    def absolute(self, path: str) -> Path:
        """Where `path` (as stored in a row) lies on this machine."""
        return self.root.joinpath(*path.split("/"))

    def read(self, path: str) -> bytes | None:
        """The bytes of `path`, or None if there is no such file."""
        with disk_errors(path):
            try:
                return self.absolute(path).read_bytes()
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                return None

    @contextmanager
    def new_file(self, path: str, *, owner: str) -> Iterator[NewFile]:
        """A file to write and publish as `path`.

        `owner` (the worker) is part of the temporary name, so that two workers never write to the same one
        and the leftovers of a dead one can be told apart.
        """
        final = self.absolute(path)
        top, *_, name = path.split("/")
        partial = self.root / top / PARTIAL / f"{owner}~{name}"
        with disk_errors(path):
            self._make_folder(partial.parent)
            self._make_folder(final.parent)
            try:
                file = NewFile(partial, final, path)
            except FileNotFoundError:  # somebody deleted a folder that we knew
                self._known_folders.clear()
                self._make_folder(partial.parent)
                self._make_folder(final.parent)
                file = NewFile(partial, final, path)
        try:
            yield file
        finally:
            file.discard()

    def sweep(self, live: set[str]) -> int:
        """Delete what was left half written by anyone but the workers `live`; answers how many files that were."""
        swept = 0
        for folder in self.root.glob(f"*/{PARTIAL}"):
            for file in folder.iterdir():
                if file.name.split("~", 1)[0] not in live:
                    with suppress(OSError):
                        file.unlink()
                        swept += 1
        return swept

    def check_writable(self) -> None:
        """Raise DiskTrouble now rather than at the first file."""
        with disk_errors(str(self.root)):
            self._make_folder(self.root)
            probe = self.root / f".probe-{os.getpid()}"
            try:
                probe.write_bytes(b"")
            finally:
                with suppress(OSError):
                    probe.unlink()

    def free_bytes(self) -> int | None:
        """Room left on the disk of the data folder; None if it can not be told."""
        try:
            return shutil.disk_usage(next(p for p in (self.root, *self.root.absolute().parents) if p.exists())).free
        except OSError:
            return None

    def _make_folder(self, folder: Path) -> None:
        if folder in self._known_folders:
            return
        if not folder.is_dir():
            self._make_folder(folder.parent)
            with suppress(FileExistsError):
                folder.mkdir()
                _sync_folder(folder.parent)
        if len(self._known_folders) < 10_000:
            self._known_folders.add(folder)


def safe_name(text: str, *, at_most: int = 60) -> str:
    """`text` as a part of a file name that every system takes: ASCII letters, digits and `. _ -` only.

    Never empty, never reserved by Windows, never hidden, at most `at_most` characters.
    """
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", text).strip("._-")[:at_most].rstrip("._-")
    if not plain or plain.split(".")[0].lower() in _RESERVED:
        return f"{plain}_".lstrip("_") or "x"
    return plain


@contextmanager
def disk_errors(item: str) -> Iterator[None]:
    """Turn the system's errors about files into one sentence that names the item and what to do."""
    try:
        yield
    except TmxdbError:
        raise
    except OSError as error:
        name = error.filename if isinstance(error.filename, str) else item
        if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", -1)):
            raise DiskTrouble(
                f"{name}: the disk is full. Make room, then run the same command again: nothing is lost.",
                code="disk.full",
            ) from error
        if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
            raise DiskTrouble(
                f"{name}: can not be written ({error.strerror})."
                " Check the permissions, or choose another folder with --data.",
                code="disk.read_only",
            ) from error
        raise DiskTrouble(f"{name}: {error.strerror or error}. Check the disk.", code="disk.failed") from error


def open_text(path: str) -> IO[str]:
    """A user's text file for reading, UTF-8 with or without a byte order mark; `-` is standard input."""
    return open(0 if path == "-" else path, encoding="utf-8-sig", errors="replace", closefd=path != "-")


def _sync_folder(folder: Path) -> None:
    """Make a rename durable. Windows can not open folders; NTFS journals the rename itself."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
