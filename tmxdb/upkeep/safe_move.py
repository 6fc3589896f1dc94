"""Move a file or folder to a free name: nothing is ever overwritten, also when two programs move at the same time."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from tmxdb.errors import RetryLater
from tmxdb.storage import durable

_TRIES = 10_000


def move_to_free_name(source: Path, target: Path) -> Path:
    """Move `source` to `target`, or to `target~2` and so on if that name is taken. Return its new path.

    Raise OSError if it cannot be moved, for example to another disk; it is then where it was.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    for n in range(1, _TRIES):
        name = target if n == 1 else target.with_name(f"{target.name}~{n}")
        try:
            move_without_replacing(source, name)
        except FileExistsError:
            continue
        return name
    raise FileExistsError(f"{target}: {_TRIES:,} files have this name already")


def move_without_replacing(source: Path, target: Path) -> None:
    """Rename `source` to `target`. Raise FileExistsError if that name is taken, even if only since a moment."""
    if os.name == "nt":  # a rename there never replaces a file
        durable.rename(source, target)
    elif source.is_dir() and not source.is_symlink():
        os.mkdir(target)  # reserves the name: a folder may be renamed onto an empty one
        _rename(source, target, os.rmdir)
    else:
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        _rename(source, target, os.unlink)


def _rename(source: Path, target: Path, free_name: Callable[[Path], None]) -> None:
    try:
        durable.replace(source, target)
    except (OSError, RetryLater):
        free_name(target)
        raise
