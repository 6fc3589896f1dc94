"""Move a file or folder to a free name: nothing is ever overwritten, also when two programs move at the same time."""

from __future__ import annotations

from pathlib import Path

from tmxdb.storage import durable

_TRIES = 10_000


def move_to_free_name(source: Path, target: Path) -> Path:
    """Move `source` to `target`, or to `target~2` and so on if that name is taken. Return its new path.

    Raise OSError if it cannot be moved, for example to another disk, or RetryLater if another program holds it open;
    it is then where it was.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    for n in range(1, _TRIES):
        name = target if n == 1 else target.with_name(f"{target.name}~{n}")
        try:
            durable.move_without_replacing(source, name)
        except FileExistsError:
            continue
        return name
    raise FileExistsError(f"{target}: {_TRIES:,} files have this name already")
