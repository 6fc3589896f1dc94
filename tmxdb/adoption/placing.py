"""Bringing a file under its final path in the data folder: copied, hard-linked, or left where it is."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from pathlib import Path

from tmxdb.adoption.recognition.reading import FoundFile
from tmxdb.errors import InvalidInput, RetryLater
from tmxdb.storage import Storage, disk_errors, durable, is_absolute
from tmxdb.storage.hashing_file import file_sha256

_TRIES = 3


class FileChanged(Exception):
    """The file is no longer the one that was read, or no longer there."""


class RowTaken(Exception):
    """A worker has claimed or finished the row of the file meanwhile. It keeps the file that the worker stores."""


class Placement(Enum):
    """What happens to the files. The originals are never moved or changed."""

    COPY = "copy"
    LINK = "link"
    IN_PLACE = "in place"


def place(
    storage: Storage,
    found: FoundFile,
    path: str,
    placement: Placement,
    *,
    owner: str,
    confirm: Callable[[], None] = lambda: None,
) -> str:
    """Make the file durable and return its path as rows store it. A file in the data folder stays where it is.

    `path`: its path in the data folder if it is copied or linked. `confirm` is called before a file of that name is
    replaced, under the lock of the name, and raises if it must stay. Raise FileChanged if it changed since it was read.
    """
    source = Path(found.candidate.path)
    stored = storage.stored_path(source)
    if placement is Placement.IN_PLACE or not is_absolute(stored):
        stored = _in_place(found, stored)
        _refuse_changed(found, source)
        return stored
    target = storage.absolute(path)
    if target.exists() and _digest(target) == found.sha256:  # of a run that was killed before the commit
        storage.sync_file(path)
    elif placement is Placement.COPY or not _linked(storage, source, target):
        _copy(storage, found, source, path, owner, confirm)
    else:
        try:
            _refuse_changed(found, target)
        except FileChanged:
            durable.unlink(target, missing_ok=True)
            raise
        storage.sync_file(path)
    return path


def _refuse_changed(found: FoundFile, file: Path) -> None:
    """Compare size and time with those when the file was read."""
    with disk_errors(str(file), reading=True):
        try:
            now = os.stat(file)
        except FileNotFoundError:
            raise FileChanged(found.candidate.path) from None
    if (now.st_size, now.st_mtime_ns) != found.facts:
        raise FileChanged(found.candidate.path)


def _in_place(found: FoundFile, stored: str) -> str:
    try:
        stored.encode()
    except UnicodeEncodeError:
        raise InvalidInput(
            f"{found.candidate.path!r}: its name is not valid UTF-8, so it cannot be left in place. Rename it, or copy"
            " it with --copy.",
            code="input.adopt",
        ) from None
    return stored


def _copy(storage: Storage, found: FoundFile, source: Path, path: str, owner: str, confirm: Callable[[], None]) -> None:
    with disk_errors(str(source), reading=True):
        try:
            data = source.read_bytes()
        except FileNotFoundError:
            raise FileChanged(found.candidate.path) from None
    if hashlib.sha256(data).hexdigest() != found.sha256:
        raise FileChanged(found.candidate.path)
    for attempt in range(_TRIES):
        try:
            with storage.new_file(path, owner=owner) as file:
                file.write(data)
                file.publish(confirm)
            return
        except RetryLater as error:  # a worker that starts deletes temporary files of others
            if error.code != "disk.swept" or attempt == _TRIES - 1:
                raise


def _linked(storage: Storage, source: Path, target: Path) -> bool:
    """Return whether the hard link was made. Not every system and not every disk has them: then copy."""
    storage.make_folder(str(target.parent))
    with suppress(OSError):
        os.link(source, target, follow_symlinks=True)
        return True
    return False


def _digest(file: Path) -> str:
    with disk_errors(str(file), reading=True):
        return file_sha256(file)
