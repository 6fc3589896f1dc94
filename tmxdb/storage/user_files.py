"""Files that the user names: output that never overwrites a database or anything else by accident, and text input."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, BinaryIO

from tmxdb.errors import InvalidInput, RetryLater, UsageError
from tmxdb.paths import BESIDE_FILE, MAX_NAME, extended
from tmxdb.storage import durable
from tmxdb.storage.os_errors import disk_errors

CHOOSE_FILE = "choose another file"
_DATABASE_HEADERS = ((0, b"SQLite format 3\0"), (8, b"DUCK"))
"""(offset, bytes) at which database files are recognised: sqlite.org/fileformat.html#the_database_header, and DuckDB's
`MainHeader::MAGIC_BYTES`."""
_DATABASE_COMPANIONS = ("-wal", "-shm", "-journal")
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
}


def write_user_file(
    path: str | os.PathLike[str], data: bytes, *, force: bool = False, instead: str = CHOOSE_FILE
) -> None:
    """Write `data` to the file `path` that the user named, complete and durable or not at all.

    Raise InvalidInput if it exists already and not `force`, if it is a database or not a regular file (even with
    `force`), or if its folder is missing. Raise DiskError if it cannot be written; `instead` is its advice.
    """
    with new_user_file(path, force=force, instead=instead) as file:
        file.write(data)


@contextmanager
def new_user_file(
    path: str | os.PathLike[str], *, force: bool = False, instead: str = CHOOSE_FILE
) -> Iterator[BinaryIO]:
    """Yield a new file that becomes `path` when the block ends without an exception. Raise like `write_user_file`.

    `file.name` is its temporary path, for libraries that open files themselves. The temporary name is random and
    created exclusively, so that it cannot be a link to something else.
    """
    target = check_user_file(path, force=force)
    with disk_errors(str(path), instead=instead):
        partial, handle = _create_partial(target)
    try:
        with disk_errors(str(path), instead=instead):
            with os.fdopen(handle, "r+b") as opened:
                file = _NamedFile(opened, str(partial))
                yield file  # type: ignore[misc]  # everything else is passed on to the file
                opened.flush()
            _sync(partial)
            _move_into_place(partial, target, force=force)
            durable.sync_folder(str(target.parent))
    finally:
        with suppress(OSError, RetryLater):
            durable.unlink(partial, missing_ok=True)


def check_user_file(path: str | os.PathLike[str], *, force: bool = False) -> Path:
    """Return the absolute path to write, or raise InvalidInput as `write_user_file` would.

    Call it before long work whose result goes there.
    """
    text = os.fspath(path)
    if not text or "\0" in text:
        raise InvalidInput(f"{text!r} is not a file name. Choose another one.", code="input.file")
    if text == "-":
        raise UsageError("-: this command writes a file, not to stdout. Name a file.", code="input.file")
    with disk_errors(text, instead=CHOOSE_FILE):
        target = extended(Path(text if force else os.path.abspath(text)), room=BESIDE_FILE)
        if len(target.name) > MAX_NAME:
            raise _name_too_long(text)
        if force:
            target = Path(os.path.realpath(target))
        _refuse_companion(target, text)
        try:
            mode = os.lstat(target).st_mode
        except (FileNotFoundError, NotADirectoryError):
            if not target.parent.is_dir():
                raise InvalidInput(
                    f"{text}: its folder does not exist. Create it first, or {CHOOSE_FILE}.", code="input.no_folder"
                ) from None
            return target
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                raise _name_too_long(text) from None
            raise
        _refuse_existing(target, text, mode, force=force)
    return target


def open_text(path: str) -> IO[str]:
    """Open a text file of the user's for reading, UTF-8 with or without a byte order mark; `-` is standard input."""
    return open(0 if path == "-" else path, encoding="utf-8-sig", errors="replace", closefd=path != "-")


def _name_too_long(text: str) -> InvalidInput:
    return InvalidInput(f"{text[:60]}…: the name is too long. Choose a shorter one.", code="input.file")


class _NamedFile:
    """An open file with the path it was created under as its name."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file, self.name = file, name

    def __getattr__(self, attribute: str) -> object:
        return getattr(self._file, attribute)


def _refuse_existing(target: Path, text: str, mode: int, *, force: bool) -> None:
    kind = _KINDS.get(stat.S_IFMT(mode))
    if kind is None and not stat.S_ISREG(mode):
        with suppress(OSError):
            kind = _KINDS.get(stat.S_IFMT(os.stat(target).st_mode))  # what a link points to
    if kind is not None:
        raise InvalidInput(f"{text} is {kind}, not a file. Choose another name.", code="input.not_a_file")
    if _is_database(target):
        raise InvalidInput(
            f"{text} is a database and is never overwritten. Choose another name.", code="input.database"
        )
    if not force:
        raise InvalidInput(
            f"{text} exists already. Choose another name, or overwrite it with --force.", code="input.exists"
        )


def _is_database(target: Path) -> bool:
    if any(os.path.lexists(f"{target}{companion}") for companion in ("-wal", "-journal")):
        return True  # a database that another program is using may have an empty main file
    try:
        with open(target, "rb") as file:
            head = file.read(64)
    except FileNotFoundError:  # a link to nothing
        return False
    return any(head[offset:].startswith(magic) for offset, magic in _DATABASE_HEADERS)


def _refuse_companion(target: Path, text: str) -> None:
    for companion in _DATABASE_COMPANIONS:
        if target.name.endswith(companion) and os.path.isfile(str(target)[: -len(companion)]):
            main = Path(str(target)[: -len(companion)])
            if _is_database(main):
                raise InvalidInput(
                    f"{text} belongs to the database {main.name} and is never written. Choose another name.",
                    code="input.database",
                )


def _create_partial(target: Path) -> tuple[Path, int]:
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    partial = target.with_name(f".{os.urandom(8).hex()}.partial")
    return partial, os.open(partial, flags | getattr(os, "O_CLOEXEC", 0), 0o666)


def _sync(partial: Path) -> None:
    with open(partial, "r+b") as file:  # opened again: a library may have replaced the file under its name
        os.fsync(file.fileno())


def _move_into_place(partial: Path, target: Path, *, force: bool) -> None:
    """Rename `partial` to `target`. Unless `force`, fail if a file of that name has been created meanwhile."""
    if force:
        with suppress(OSError):
            shutil.copymode(target, partial)
        durable.replace(partial, target)
        return
    try:
        durable.move_without_replacing(partial, target)
    except FileExistsError:
        raise InvalidInput(
            f"{target} was created meanwhile by another program. Choose another name.", code="input.exists"
        ) from None
