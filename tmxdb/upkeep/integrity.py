"""Whether the file of a row exists and has the right content: for one row in `show`, for all of them in `verify`.

Folders of captures: `capture_integrity.py`.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass

from tmxdb.storage import Storage
from tmxdb.storage.hashing_file import file_sha256

MISSING, DAMAGED, UNREADABLE, SUSPICIOUS, OUTDATED = "missing", "damaged", "unreadable", "suspicious", "outdated"


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a file: `missing`, `damaged`, `unreadable` (the system refuses access), `suspicious` (a
    complete capture whose pictures show nothing useful), or `outdated` (a map that its track no longer has)."""

    what: str
    why: str


def file_problem(storage: Storage, path: str, size: int, sha256: str | None) -> Problem | None:
    """Return None if `path` has `size` bytes and, if `sha256` is given, that digest."""
    file = storage.absolute(path)
    try:
        found = os.stat(file)
        if not stat.S_ISREG(found.st_mode):
            return Problem(DAMAGED, "not a regular file")
        if found.st_size != size:
            return Problem(DAMAGED, f"expected {size:,} bytes, found {found.st_size:,}")
        if sha256 is not None and file_sha256(file) != sha256:
            return Problem(DAMAGED, "the content has changed")
    except (FileNotFoundError, NotADirectoryError):
        return Problem(MISSING, "the file does not exist")
    except OSError as error:
        return Problem(UNREADABLE, error.strerror or str(error))
    return None
