"""Translate errors of the file system into one sentence that names the file and says what to do."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from tmxdb.errors import DiskError, RetryLater, TmxdbError
from tmxdb.paths import plain, too_long

CHOOSE_DATA = "choose another folder with --data"
"""Default advice for files of the data folder. Other files need advice of their own."""
SHARING_VIOLATIONS = (32, 33)
"""Windows: another program has the file, or a part of it, open (ERROR_SHARING_VIOLATION, ERROR_LOCK_VIOLATION)."""


@contextmanager
def disk_errors(item: str, *, instead: str = CHOOSE_DATA, reading: bool = False) -> Iterator[None]:
    """Raise DiskError for any OSError in the block, or RetryLater if another program has the file open.

    `item` names the file if the error does not. `instead` is what the user can do other than fix the permissions, such
    as "choose another folder with --data". `reading`: the block only reads.
    """
    try:
        yield
    except TmxdbError:
        raise
    except OSError as error:
        name = error.filename if isinstance(error.filename, str) else item
        raise disk_error(error, name, instead=instead, reading=reading) from error


def disk_error(error: OSError, name: str, *, instead: str, reading: bool = False) -> TmxdbError:
    """Return the exception to raise for `error` on the file `name`."""
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
    if number == errno.ENOENT and (length := too_long(name, error=error)):
        return DiskError(f"{name}: {length}. Instead, {instead}.", code="disk.path")
    if number == errno.ENOENT:
        return DiskError(
            f"{name}: this file or its folder does not exist. Create the folder, or {instead}.", code="disk.missing"
        )
    if number in (errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL, errno.EEXIST):
        return DiskError(f"{name}: this path cannot be used ({error.strerror}). Instead, {instead}.", code="disk.path")
    return DiskError(f"{name}: {error.strerror or error}. Check the disk.", code="disk.failed")


def in_use(name: str) -> RetryLater:
    """Return the error for a file that another program holds open."""
    return RetryLater(
        f"{plain(name)}: another program has it open (a virus scanner, an indexer, a cloud folder). Close that"
        " program if the message comes again.",
        code="disk.in_use",
    )
