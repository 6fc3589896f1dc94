"""The files below a folder that the user named, in a fixed order. An error below the folder does not end the walk."""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from tmxdb.paths import too_long

_GONE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
_UNRESOLVED = (errno.ENAMETOOLONG, errno.EINVAL)
"""The other errors of links that lead nowhere; Windows has EINVAL for a loop."""


@dataclass(frozen=True, slots=True)
class WalkEntry:
    """A regular file, or a file or folder that cannot be read: it has no `facts`, and opening it gives the error.

    `folders`: the names of the folders from the root to the entry, without those two.
    """

    path: str
    folders: tuple[str, ...]
    facts: os.stat_result | None
    is_folder: bool = False


def walk(root: str, *, skip: str | None = None) -> Iterator[WalkEntry]:
    """Yield the regular files below the folder `root` in the order of their names, and what cannot be read.

    Raise OSError if `root` cannot be listed. Links to files are followed, links to folders are not: they may form a
    loop. Links that do not resolve, pipes, sockets and files deleted meanwhile are left out, and so are folders with
    the name `skip`.
    """
    waiting = _listed(root, ())
    while waiting:
        entry, folders = waiting.pop()
        is_folder = False
        try:
            is_folder = entry.is_dir(follow_symlinks=False) and not is_junction(entry)
            if is_folder:
                if entry.name != skip:
                    waiting += _listed(entry.path, (*folders, entry.name))
                continue
            facts = entry.stat()
        except OSError as error:
            if not _leads_nowhere(entry, error):
                yield WalkEntry(entry.path, folders, None, is_folder)
            continue
        if stat.S_ISREG(facts.st_mode):
            yield WalkEntry(entry.path, folders, facts)


def is_junction(entry: os.DirEntry[str]) -> bool:
    """Return whether the entry is a junction of Windows: a link to a folder that does not count as a symbolic link."""
    if sys.platform != "win32":
        return False
    return entry.stat(follow_symlinks=False).st_reparse_tag == stat.IO_REPARSE_TAG_MOUNT_POINT


def _listed(folder: str, names: tuple[str, ...]) -> list[tuple[os.DirEntry[str], tuple[str, ...]]]:
    """Return the entries of a folder, the first by name at the end."""
    with os.scandir(folder) as entries:
        return [(entry, names) for entry in sorted(entries, key=lambda entry: entry.name, reverse=True)]


def _leads_nowhere(entry: os.DirEntry[str], error: OSError) -> bool:
    """Return whether the entry was deleted, or is a link that does not resolve."""
    if too_long(entry.path, error=error):
        return False
    return error.errno in _GONE or (error.errno in _UNRESOLVED and entry.is_symlink())
