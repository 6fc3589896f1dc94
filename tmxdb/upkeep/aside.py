"""Moving a file or folder to a name that nobody has: nothing is ever overwritten, also when two move at once."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

_TRIES = 10_000


def move_aside(source: Path, target: Path) -> Path:
    """`source` under the name `target`, or `target~2` and so on where that is taken; answers where it is now.

    Raises OSError when it can not be moved, for example onto another disk; then it is where it was.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    for n in range(1, _TRIES):
        name = target if n == 1 else target.with_name(f"{target.name}~{n}")
        try:
            move_new(source, name)
        except FileExistsError:
            continue
        return name
    raise FileExistsError(f"{target}: {_TRIES} things have this name already")


def move_new(source: Path, target: Path) -> None:
    """`source` under the name `target`. Raises FileExistsError if that is taken, whoever took it and when."""
    if os.name == "nt":  # renames nothing onto something there
        os.rename(source, target)
    elif source.is_dir() and not source.is_symlink():
        os.mkdir(target)  # ours now: a folder may be renamed onto an empty one
        _rename(source, target, os.rmdir)
    else:
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        _rename(source, target, os.unlink)


def _rename(source: Path, target: Path, take_back: Callable[[Path], None]) -> None:
    try:
        os.replace(source, target)
    except OSError:
        take_back(target)
        raise
