"""The data folder: where workers put the files that rows name.

A file is written under `.partial/` of its top folder (one place to clean up, on the same file system), synced to the
disk and renamed to its final name. Then the folder that lists it is synced. Only after that may a row say `done`.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import stat
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

from tmxdb.paths import extended, plain
from tmxdb.process_identity import process_in, this_process
from tmxdb.storage import durable
from tmxdb.storage.folder_identity import FolderIdentity
from tmxdb.storage.new_file import PARTIAL, NewFile
from tmxdb.storage.os_errors import CHOOSE_DATA, disk_errors
from tmxdb.storage.path_lock import path_locks
from tmxdb.storage.publishing import Confirm, publish_together

MAX_KNOWN = 10_000
"""Folders remembered as synced. Each track has one, and syncing a folder again is cheap."""
_PROCESS = "process-"
_ABSOLUTE = re.compile(r"/|[A-Za-z]:/")


def owner_of(partial_file: Path) -> str:
    """Return the owner of `partial_file`, as in `Storage.create`: a worker, or another process."""
    return partial_file.name.partition("~")[0]


def process_owner() -> str:
    """Return the owner of temporary files of this process, for a command that is no worker."""
    return f"{_PROCESS}{this_process()}"


def is_left_over(partial_file: Path, live: set[str]) -> bool:
    """Return whether the owner of `partial_file` has ended: it is no worker in `live` and no running process."""
    owner = owner_of(partial_file)
    process = process_in(owner) if owner.startswith(_PROCESS) else None
    return owner not in live and (process is None or not process.is_alive())


def is_absolute(path: str) -> bool:
    """Return whether `path`, as stored in a row, leads out of the data folder: to a file that was adopted in place."""
    return _ABSOLUTE.match(path) is not None


class Storage:
    """The data folder. Paths in rows are relative to it, so that it can be moved.

    A file that was adopted in place has an absolute path. tmxdb reads such a file and never writes or moves it.

    `instead` is advice for messages about a folder that was not chosen with --data; see `disk_errors`.
    """

    def __init__(self, root: Path, *, instead: str = CHOOSE_DATA) -> None:
        self.root, self._instead = extended(root), instead
        self._root = str(self.root)
        self.identity = FolderIdentity(self.root)
        self._synced: set[str] = set()  # folders that would exist after a power cut

    def absolute(self, path: str) -> Path:
        """Return where `path`, as stored in a row, is on this machine."""
        return extended(Path(path)) if is_absolute(path) else self.root.joinpath(*path.split("/"))

    def stored_path(self, file: Path) -> str:
        """Return the path of an existing file as rows store it: relative in the data folder, absolute elsewhere.

        The data folder may be a link to the folder of the file, or the other way round.
        """
        absolute, root = Path(plain(str(file.absolute()))), Path(plain(str(self.root)))
        if absolute.is_relative_to(root):
            return absolute.relative_to(root).as_posix()
        real = Path(os.path.realpath(absolute.parent), absolute.name)
        return (real.relative_to(self.real_root) if real.is_relative_to(self.real_root) else absolute).as_posix()

    @functools.cached_property
    def real_root(self) -> Path:
        """The data folder without links on the way to it."""
        return Path(os.path.realpath(plain(str(self.root))))

    def may_exist(self, path: str) -> bool:
        """Return False if there is certainly no file at `path`. Quicker than `read`, which also says why it fails."""
        try:
            os.stat(self._located(path))
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError:
            pass
        return True

    def read(self, path: str) -> bytes | None:
        """Return the bytes of `path`, or None if there is no such regular file. Raise DiskError or RetryLater."""
        target = self._located(path)
        with disk_errors(path, instead=self._instead, reading=True):
            try:
                if not stat.S_ISREG(os.stat(target).st_mode):  # reading a pipe or a device may never end
                    return None
                with open(target, "rb", buffering=0) as file:
                    return file.read()
            except (FileNotFoundError, NotADirectoryError):
                return None

    def lock(self, *paths: str) -> AbstractContextManager[None]:
        """Return the locks of `paths`; see `path_locks`."""
        return path_locks(self._root, paths)

    def kept(self, path: str, data: bytes) -> bool:
        """Return whether `path` contains `data`, and keep it: make its bytes and its name durable. Raise DiskError.

        The process that left it may have been killed between renaming the file and syncing the folder. Another one
        that lost its claim may be about to replace it: the lock waits for that one.
        """
        with self.lock(path):
            if self.read(path) != data:
                return False
        self.sync_file(path)
        return True

    def sync_file(self, path: str) -> None:
        """Make the bytes and the name of a file that is already in place durable. Raise DiskError.

        A file that was adopted where it is may be on read-only media; its owner has synced it.
        """
        if is_absolute(path):
            return
        final = str(self.absolute(path))
        with disk_errors(path, instead=self._instead):
            with open(final, "r+b" if os.name == "nt" else "rb") as file:  # Windows syncs only writable files
                os.fsync(file.fileno())
            self.make_folder(os.path.dirname(final))
            durable.sync_folder(os.path.dirname(final))

    @contextmanager
    def new_file(self, path: str, *, owner: str) -> Iterator[NewFile]:
        """Yield a file to write and publish as `path`; see `create`. It is discarded at the end of the block."""
        file = self.create(path, owner=owner)
        try:
            yield file
        finally:
            file.discard()

    def create(self, path: str, *, owner: str) -> NewFile:
        """Return a file to write and publish as `path`. Call its `discard` in the end.

        `owner` (the worker) is part of the temporary name, so that two workers never write to the same file and the
        leftovers of a dead worker can be recognised.
        """
        if is_absolute(path):
            raise ValueError(f"{path} is outside the data folder")
        top, *_, name = path.split("/")
        final = self._located(path)
        partial = os.path.join(self._root, top, PARTIAL, f"{owner}~{name}")

        folders = os.path.dirname(partial), os.path.dirname(final)

        def make_folders() -> None:
            for folder in folders:
                self.make_folder(folder)

        self.identity.check()
        return NewFile(
            partial,
            final,
            path,
            make_folders,
            knows_folders=lambda: self._synced.issuperset(folders),
            check=self.identity.check,
            lock=functools.partial(self.lock, path),
            instead=self._instead,
        )

    def publish_together(self, files: Sequence[NewFile], confirm: Confirm) -> list[bool | BaseException]:
        """Publish `files` of `new_file`; see `publish_together`."""
        return publish_together(files, confirm, lambda paths: self.lock(*paths))

    def partial_files(self) -> list[Path]:
        """Return all files and folders under a temporary name, of live and of dead workers."""
        folders = [self.root / PARTIAL, *self.root.glob(f"*/{PARTIAL}")]
        return [file for folder in folders if folder.is_dir() for file in folder.iterdir()]

    def delete_partial(self, partial_files: list[Path], live: set[str]) -> int:
        """Delete those whose owner has ended: see `is_left_over`. Return how many.

        List the files before reading `live`: the files of a worker that starts in between are then in neither.
        """
        deleted = 0
        for file in partial_files:
            if is_left_over(file, live):
                with suppress(OSError):
                    if file.is_dir():
                        shutil.rmtree(file)
                    else:
                        file.unlink()
                    deleted += 1
        return deleted

    def check_writable(self) -> None:
        """Create the folder if needed. Raise DiskError now rather than at the first file."""
        with disk_errors(str(self.root), instead=self._instead):
            self.make_folder(os.path.abspath(self.root))
            probe = self.root / f".probe-{os.getpid()}"
            try:
                probe.write_bytes(b"")
            finally:
                with suppress(OSError):
                    probe.unlink()

    def free_bytes(self) -> int | None:
        """Return the free space on the disk of the data folder, or None if the system does not say."""
        try:
            return shutil.disk_usage(next(p for p in (self.root, *self.root.absolute().parents) if p.exists())).free
        except OSError:
            return None

    def _located(self, path: str) -> str:
        """Return `absolute(path)` as text, without the objects of pathlib."""
        return str(self.absolute(path)) if is_absolute(path) else os.path.join(self._root, *path.split("/"))

    def make_folder(self, folder: str) -> None:
        """Create `folder` and make it durable, also if another thread or process has created it without syncing it."""
        exists = os.path.isdir(folder)
        if exists and (folder in self._synced or not Path(folder).is_relative_to(self.root)):
            return
        if not exists and Path(folder) == self.root:
            self.identity.check()  # one that was moved during the run is not created again
        above = os.path.dirname(folder)
        self.make_folder(above)
        try:
            if not exists:
                with suppress(FileExistsError):
                    os.mkdir(folder)
            durable.sync_folder(above)
        except PermissionError:
            # The folder above the data folder may be unreadable for us. Then its creator has synced it.
            if not (exists and Path(folder) == self.root):
                raise
        if len(self._synced) >= MAX_KNOWN:
            self._synced.clear()
        self._synced.add(folder)
