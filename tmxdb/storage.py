"""Files that are either whole under their final name or not there: everything that writes a result comes here.

A file is written under `.partial/` of its own root folder (one place to sweep, same file system), synced to
the disk, renamed to its final name, and the folder that now lists it is synced too. Only then may a row say `done`.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from tmxdb.errors import DiskTrouble, TmxdbError, TryLater

PARTIAL = ".partial"
IN_MEMORY = 2**17
"""Bytes of a new file that are kept in memory: few replays have more, and hundreds of files come at once."""
CHOOSE_DATA = "choose another folder with --data"
"""What else there is to do where a file can not be written; for what is not of the data folder it is not this."""
MOST_KNOWN = 10_000
"""Folders that are remembered as safe: a track has one, and to sync one again costs little."""
# Reserved by Windows whatever the ending: learn.microsoft.com, "Naming Files, Paths, and Namespaces".
_RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))}


class NewFile:
    """A file being written. It is nowhere until published; what does not fit the memory goes to a temporary name.

    Small ones stay in memory until then: a body that turns out to be an error page then costs no file, which
    is dearer to make than its bytes are to fetch.
    """

    def __init__(
        self, partial: str, final: str, path: str, make_folders: Callable[[], None], *, instead: str = CHOOSE_DATA
    ) -> None:
        self._partial, self._final, self.path = partial, final, path
        self._make_folders, self._instead = make_folders, instead
        self._parts: list[bytes] = []
        self._file: IO[bytes] | None = None
        self.size = 0

    def write(self, data: bytes) -> int:
        """Append; raises DiskTrouble when the disk does not take it."""
        self._parts.append(data)
        self.size += len(data)
        if self._file is not None or self.size > IN_MEMORY:
            self._flush()
        return len(data)

    def read_back(self) -> bytes:
        """All that was written so far."""
        if self._file is None:
            self._parts = [b"".join(self._parts)]
            return self._parts[0]
        with disk_errors(self.path, instead=self._instead):
            self._file.seek(0)
            return self._file.read()

    def publish(self) -> None:
        """Whole and durable under the final name, in the place of any older file: the last thing before `done`."""
        file = self._flush()
        with disk_errors(self.path, instead=self._instead):
            os.fsync(file.fileno())
            file.close()
            try:
                os.replace(self._partial, self._final)
            except FileNotFoundError:
                self._rename_again()
            self._file = None
            sync_folder(os.path.dirname(self._final))

    def discard(self) -> None:
        """Forget what was not published."""
        if self._file is not None:
            with suppress(OSError):
                self._file.close()
            with suppress(OSError):
                os.unlink(self._partial)
            self._file = None

    def _rename_again(self) -> None:
        """Somebody deleted the folder meanwhile; or the temporary file, taking our worker for dead."""
        if not os.path.exists(self._partial):
            raise TryLater(f"{self.path}: its temporary file was swept away before it was whole.", code="disk.swept")
        self._make_folders()
        os.replace(self._partial, self._final)

    def _flush(self) -> IO[bytes]:
        """What is in memory into the temporary file, which is made now if it is not there."""
        with disk_errors(self.path, instead=self._instead):
            if self._file is None:
                self._make_folders()
                self._file = open(self._partial, "w+b", buffering=0)  # noqa: SIM115 (closed by publish or discard)
            for part in self._parts:
                view = memoryview(part)
                while view:  # an unbuffered write may take less than all
                    written = self._file.write(view)
                    if not written:  # and never nothing, unless something is broken: no reason to go round for ever
                        raise OSError(errno.EIO, "the disk takes nothing")
                    view = view[written:]
            self._parts.clear()
            return self._file


class Storage:
    """The data folder. Paths in rows are relative to it, so that the folder can be moved.

    `instead`: what else there is to do where it can not be written, for one that is not chosen with --data.
    """

    def __init__(self, root: Path, *, instead: str = CHOOSE_DATA) -> None:
        self.root, self._instead = root.absolute(), instead
        self._safe: set[str] = set()  # folders that are there and would be after a power cut

    def absolute(self, path: str) -> Path:
        """Where `path` (as stored in a row) lies on this machine."""
        return self.root.joinpath(*path.split("/"))

    def read(self, path: str) -> bytes | None:
        """The bytes of `path`, or None if there is no such file."""
        with disk_errors(path, instead=self._instead):
            try:
                return self.absolute(path).read_bytes()
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                return None

    def make_safe(self, path: str) -> None:
        """A file that somebody else left here outlasts a power cut from now on: its bytes and its name.

        He may have been killed between the rename and the sync of the folder. Raises DiskTrouble.
        """
        final = str(self.absolute(path))
        with disk_errors(path, instead=self._instead):
            with open(final, "r+b" if os.name == "nt" else "rb") as file:  # Windows syncs what may be written only
                os.fsync(file.fileno())
            self.make_folder(os.path.dirname(final))
            sync_folder(os.path.dirname(final))

    @contextmanager
    def new_file(self, path: str, *, owner: str) -> Iterator[NewFile]:
        """A file to write and publish as `path`.

        `owner` (the worker) is part of the temporary name, so that two workers never write to the same one
        and the leftovers of a dead one can be told apart.
        """
        top, *_, name = path.split("/")
        final = os.path.join(self.root, *path.split("/"))
        partial = os.path.join(self.root, top, PARTIAL, f"{owner}~{name}")

        def make_folders() -> None:
            self.make_folder(os.path.dirname(partial))
            self.make_folder(os.path.dirname(final))

        file = NewFile(partial, final, path, make_folders, instead=self._instead)
        try:
            yield file
        finally:
            file.discard()

    def half_written(self) -> list[Path]:
        """All files and folders under a temporary name now, of workers at work and of dead ones."""
        return [file for folder in self.root.glob(f"*/{PARTIAL}") for file in folder.iterdir()]

    def sweep(self, half_written: list[Path], live: set[str]) -> int:
        """Delete those that are of no worker in `live`; answers how many files that were.

        To be listed before `live` is read: a worker that begins in between is then in neither.
        """
        swept = 0
        for file in half_written:
            if file.name.split("~", 1)[0] not in live:
                with suppress(OSError):
                    if file.is_dir():
                        shutil.rmtree(file)
                    else:
                        file.unlink()
                    swept += 1
        return swept

    def check_writable(self) -> None:
        """Raise DiskTrouble now rather than at the first file."""
        with disk_errors(str(self.root), instead=self._instead):
            self.make_folder(os.path.abspath(self.root))
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

    def make_folder(self, folder: str) -> None:
        """There and safe, whoever made it: another thread may not have synced it yet, another process never will."""
        there = os.path.isdir(folder)
        if there and (folder in self._safe or not Path(folder).is_relative_to(self.root)):
            return
        above = os.path.dirname(folder)
        self.make_folder(above)
        try:
            if not there:
                with suppress(FileExistsError):
                    os.mkdir(folder)
            sync_folder(above)
        except PermissionError:
            # The folder above the data folder need not be ours to read; who made this one has synced it.
            if not (there and Path(folder) == self.root):
                raise
        if len(self._safe) >= MOST_KNOWN:
            self._safe.clear()
        self._safe.add(folder)


def write_whole(target: Path, data: bytes, *, instead: str) -> None:
    """A single file of the user's, whole and durable or not at all; its folder must be there.

    `instead`: as for `disk_errors`. Raises DiskTrouble.
    """
    final = str(target.absolute())  # a bare name has no folder that could be synced
    file = NewFile(f"{final}{PARTIAL}", final, str(target), make_folders=lambda: None, instead=instead)
    try:
        file.write(data)
        file.publish()
    finally:
        file.discard()


def safe_name(text: str, *, at_most: int = 60) -> str:
    """`text` as a part of a file name that every system takes: ASCII letters, digits and `. _ -` only.

    Never empty, never reserved by Windows, never hidden, at most `at_most` characters.
    """
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", text).strip("._-")[:at_most].rstrip("._-")
    first, dot, rest = plain.partition(".")
    if first.lower() in _RESERVED:  # with any ending: CON.txt is as bad as CON
        return f"{first}_{dot}{rest}"[:at_most].rstrip(".") if at_most > len(first) else "x"
    return plain or "x"


@contextmanager
def disk_errors(item: str, *, instead: str = CHOOSE_DATA) -> Iterator[None]:
    """Turn the system's errors about files into one sentence that names the item and what to do.

    `instead`: what the user may do rather than see to the permissions, such as "choose another folder with --data".
    """
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
                f"{name}: can not be written ({error.strerror}). Check the permissions, or {instead}.",
                code="disk.read_only",
            ) from error
        raise DiskTrouble(f"{name}: {error.strerror or error}. Check the disk.", code="disk.failed") from error


def open_text(path: str) -> IO[str]:
    """A user's text file for reading, UTF-8 with or without a byte order mark; `-` is standard input."""
    return open(0 if path == "-" else path, encoding="utf-8-sig", errors="replace", closefd=path != "-")


def sync_folder(folder: str) -> None:
    """Make a rename durable. Windows can not open folders; NTFS journals the rename itself."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
