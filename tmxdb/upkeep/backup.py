"""A copy of the database kept aside, taken while workers run: one SQLite file of one moment, whatever the engine.

Written beside its final name, checked, made safe on the disk, and only then renamed.
"""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from pathlib import Path

from tmxdb.db.engine import Database
from tmxdb.db.migrate import ensure_current
from tmxdb.db.snapshot import make_whole, vacuum_into
from tmxdb.errors import BadInput
from tmxdb.storage import PARTIAL, Storage, disk_errors
from tmxdb.upkeep.aside import move_new
from tmxdb.upkeep.copying import Copying, carry_over, check, claim_target, finish

_INSTEAD = "give another FILE"
_BESIDE = ("-wal", "-shm", "-journal")


def back_up(copying: Copying, file: Path, *, force: bool) -> int | None:
    """`copying.source` as the new `file`; `force`: in the place of an older one. Answers its bytes, None if `stop` was
    set before the end.

    `copying.target` is the database at `partial_of(file)`. Raises BadInput if the name is taken, DiskTrouble,
    DatabaseTrouble.
    """
    source, partial = copying.source, partial_of(file)
    _refuse(source, file, force=force)
    with _told(file):
        _discard(partial)  # of one that was killed
    try:
        copying.on_step("copying")
        whole = _from_server(copying) if source.path is None else vacuum_into(source.path, partial, copying.stop)
        if not whole:
            return None
        copying.on_step("checking")
        copying.target.close()
        make_whole(partial)
        ensure_current(copying.target)
        copying.target.close()
        copying.on_step("renaming")
        with _told(file):
            return _publish(partial, file, force=force)
    finally:
        copying.target.close()
        with _told(file):
            _discard(partial)


def partial_of(file: Path) -> Path:
    """Where a copy is while it is not whole."""
    return file.with_name(file.name + PARTIAL)


def _told(file: Path) -> AbstractContextManager[None]:
    return disk_errors(str(file), instead=_INSTEAD)


def _refuse(source: Database, file: Path, *, force: bool) -> None:
    if source.path is not None and file.exists() and os.path.samefile(source.path, file):
        raise BadInput(f"{file} is the database itself. Give another name.", code="input.same")
    if not file.absolute().parent.is_dir():
        raise BadInput(f"no folder {file.absolute().parent} for the copy. Create it first.", code="input.no_folder")
    if file.is_dir():
        raise BadInput(f"{file} is a folder. Give the name of a file.", code="input.not_a_file")
    if file.exists() and not force:
        raise BadInput(f"{file} is there already. Give another name, or --force to replace it.", code="input.there")
    # A log that belongs to the older file would be played into the new one.
    beside = next((end for end in _BESIDE if file.with_name(file.name + end).exists()), None)
    if beside is not None:
        raise BadInput(
            f"{file} is a database in use, or left by a program that was killed: {file.name}{beside} lies beside it."
            " Give another name.",
            code="input.in_use",
        )


def _from_server(copying: Copying) -> bool:
    claim_target(copying, anew=False)
    with copying.source.read() as reading:  # one transaction: all of it is of the same moment
        if not carry_over(copying, reading) or not check(copying, reading):
            return False
    finish(copying)
    return True


def _publish(partial: Path, file: Path, *, force: bool) -> int:
    folder = Storage(file.absolute().parent, instead=_INSTEAD)
    folder.make_safe(partial.name)
    size = partial.stat().st_size
    if force:
        os.replace(partial, file)
    else:
        try:
            move_new(partial, file)
        except FileExistsError:
            message = f"{file} was made by somebody else meanwhile. Give another name."
            raise BadInput(message, code="input.there") from None
    folder.make_safe(file.name)
    return size


def _discard(partial: Path) -> None:
    for end in ("", *_BESIDE):
        partial.with_name(partial.name + end).unlink(missing_ok=True)
