"""Moving and deleting files so that the change survives a power cut, and retrying while another program holds them."""

from __future__ import annotations

import errno
import os
import shutil
import sys
import time
from collections.abc import Callable
from typing import Any

from tmxdb.errors import RetryLater
from tmxdb.storage.os_errors import in_use

HELD_OPEN = (5, 32, 33, 145)
"""Windows error codes of a file that another program holds open: access denied, sharing and lock violation; and of its
folder, which is not empty until that program has closed the deleted file."""
RETRY_S = 5.0
"""How long a file may be held open. Virus scanners and indexers let go of a new file within seconds."""

_NOT_ABOUT_LINKS = (errno.EEXIST, errno.ENOENT, errno.ENOTDIR, errno.ENOSPC, errno.EIO, errno.EXDEV, errno.EROFS)
"""Errors of `os.link` that a rename would have as well."""
Target = str | os.PathLike[str]


def replace(source: Target, target: Target) -> None:
    """Rename `source` to `target`, replacing a file of that name. Raise RetryLater if either stays held open."""
    _retried(_replace, source, target)


def rename(source: Target, target: Target) -> None:
    """Rename a file or folder to a name that is free. Raise RetryLater if it stays held open."""
    _retried(os.rename, source, target)


def move_without_replacing(source: Target, target: Target) -> None:
    """Rename a file or folder. Raise FileExistsError if the name is taken, even if only since a moment.

    The name appears with the whole file. Raise RetryLater if it stays held open.
    """
    if os.name == "nt":  # a rename there never replaces a file
        rename(source, target)
    elif os.path.isdir(source) and not os.path.islink(source):
        os.mkdir(target)  # reserves the name: a folder may be renamed onto an empty one
        _rename_onto(source, target, os.rmdir)
    else:
        try:
            os.link(source, target, follow_symlinks=False)
        except OSError as error:
            if error.errno in _NOT_ABOUT_LINKS:
                raise
            # a file system without hard links: an empty file reserves the name
            os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
            _rename_onto(source, target, os.unlink)
        else:
            unlink(source)


def unlink(path: Target, *, missing_ok: bool = False) -> None:
    """Delete a file. Raise RetryLater if it stays held open."""
    try:
        _retried(os.unlink, path)
    except FileNotFoundError:
        if not missing_ok:
            raise


def remove_tree(folder: Target) -> None:
    """Delete a folder with everything in it, if it exists. Raise RetryLater if a file in it stays held open."""
    try:
        _retried(shutil.rmtree, folder)
    except FileNotFoundError:
        if os.path.lexists(folder):  # something else in it was deleted meanwhile
            _retried(shutil.rmtree, folder)


def sync_folder(folder: str) -> None:
    """Make the renames in `folder` durable. Windows cannot open folders; `replace` writes through there instead."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _rename_onto(source: Target, reserved: Target, free_name: Callable[[Target], None]) -> None:
    try:
        replace(source, reserved)
    except (OSError, RetryLater):
        free_name(reserved)
        raise


def _retried(operation: Callable[..., None], *paths: Target) -> None:
    give_up_at, wait_s = time.monotonic() + RETRY_S, 0.01
    while True:
        try:
            operation(*paths)
        except OSError as error:
            if getattr(error, "winerror", None) not in HELD_OPEN:
                raise
            if time.monotonic() >= give_up_at:
                raise in_use(os.fspath(paths[-1])) from error
            time.sleep(wait_s)
            wait_s = min(wait_s * 2, 0.5)
        else:
            return


def _replace(source: Target, target: Target) -> None:
    if sys.platform == "win32":
        _move_write_through(source, target)
    else:
        os.replace(source, target)


if sys.platform == "win32":

    def _move_write_through(source: Target, target: Target) -> None:
        """Replace `target` and return when the new name is on the disk.

        NTFS journals a rename but may commit it later. See MoveFileExW at learn.microsoft.com.
        """
        import ctypes

        replace_existing, write_through = 1, 8
        kernel: Any = ctypes.WinDLL("kernel32", use_last_error=True)
        if not kernel.MoveFileExW(os.fspath(source), os.fspath(target), replace_existing | write_through):
            error = ctypes.WinError(ctypes.get_last_error())
            error.filename = os.fspath(target)
            raise error
