"""Translate errors of the file system into one sentence that names the file and says what to do."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager

from tmxdb.errors import DiskError, RetryLater, TmxdbError
from tmxdb.paths import plain, too_long

CHOOSE_DATA = "choose another folder with --data"
"""Default advice for files of the data folder. Other files need advice of their own."""
CHOOSE_OUT = "choose another OUT"
"""Advice for files of an export."""
_TEMPORARY = re.compile(r"[.-]partial(?:[/\\]|$)")
"""In the paths of files that get another name when they are complete. They mean nothing to the user."""
SHARING_VIOLATIONS = (32, 33)
"""Windows: another program has the file, or a part of it, open (ERROR_SHARING_VIOLATION, ERROR_LOCK_VIOLATION)."""


@contextmanager
def disk_errors(item: str, *, instead: str = CHOOSE_DATA, reading: bool = False) -> Iterator[None]:
    """Raise DiskError for any OSError in the block, or RetryLater if another program has the file open.

    `item` names the file if the error does not, or if the error names a temporary file that becomes it. `instead` is
    what the user can do other than fix the permissions, such as "choose another folder with --data". `reading`: the
    block only reads.
    """
    try:
        yield
    except TmxdbError:
        raise
    except OSError as error:
        opened = error.filename if isinstance(error.filename, str) else item
        name = item if _TEMPORARY.search(opened) else opened
        raise disk_error(error, name, opened=opened, instead=instead, reading=reading) from error


def disk_error(
    error: OSError, name: str, *, instead: str, opened: str | None = None, reading: bool = False
) -> TmxdbError:
    """Return the exception to raise for `error` on the file `name`. `opened`: the path that the system was given."""
    name = plain(name)
    if getattr(error, "winerror", None) in SHARING_VIOLATIONS:
        return in_use(name)
    number = error.errno
    if number in (errno.ENOSPC, getattr(errno, "EDQUOT", -1)):
        return DiskError(
            f"{name}: the disk is full. Make room, then run the same command again: nothing is lost.",
            code="disk.full",
        )
    if reading and number in (errno.EACCES, errno.EPERM):
        return DiskError(f"{name}: cannot be read ({error.strerror}). Check the permissions.", code="disk.unreadable")
    if number in (errno.EROFS, errno.EACCES, errno.EPERM):
        return DiskError(
            f"{name}: cannot be written ({error.strerror}). Check the permissions, or {instead}.",
            code="disk.read_only",
        )
    if number in (errno.EMFILE, errno.ENFILE):
        return DiskError(
            f"{name}: too many files are open. Raise the limit (`ulimit -n 4096`) or use a smaller --n, then run the"
            " same command again: nothing is lost.",
            code="disk.too_many_files",
        )
    if number == errno.ENOENT and (length := too_long(opened or name, error=error)):
        return DiskError(f"{name}: {length}. Instead, {instead}.", code="disk.path")
    if number == errno.ENOENT:
        return DiskError(
            f"{name}: this file or its folder does not exist. Create the folder, or {instead}.", code="disk.missing"
        )
    if number in (errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL, errno.EEXIST):
        return DiskError(f"{name}: this path cannot be used ({error.strerror}). Instead, {instead}.", code="disk.path")
    return DiskError(f"{name}: {error.strerror or error}. Check the disk.", code="disk.failed")


def unread(error: OSError, file: str, *, get_again: str) -> str:
    """Return the sentence about a file of the data folder that could not be read.

    `get_again`: the advice if there is no such file. To get a file again that only cannot be read would not help.
    """
    name = error.filename if isinstance(error.filename, str) else file
    if is_missing(error):
        return f"{plain(name)}: {error.strerror}. {get_again}"
    return str(disk_error(error, name, instead=CHOOSE_DATA, reading=True))


def is_missing(error: OSError) -> bool:
    """Return whether `error` means a missing file."""
    return isinstance(error, FileNotFoundError | NotADirectoryError | IsADirectoryError)


def in_use(name: str) -> RetryLater:
    """Return the error for a file that another program holds open."""
    return RetryLater(
        f"{plain(name)}: another program has it open (a virus scanner, an indexer, a cloud folder). Close that"
        " program if the message comes again.",
        code="disk.in_use",
    )
