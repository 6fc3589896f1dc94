"""Back up the database while workers run: one SQLite file with the state of one moment, from any engine.

It is written next to its final name, checked, synced to disk, and only then renamed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from tmxdb.db.database import Database
from tmxdb.db.engines.snapshot import finish_copy, vacuum_into
from tmxdb.db.migrate import ensure_current
from tmxdb.errors import DatabaseError, InvalidInput
from tmxdb.process_identity import process_started_ms
from tmxdb.storage import PARTIAL, Storage, disk_errors, durable
from tmxdb.storage.file_lock import NO_LOCKS, file_lock
from tmxdb.upkeep.copying import Copying, carry_over, check, claim_target, finish

_INSTEAD = "give another FILE"
_LOCK_WAIT_S = 0.2
"""A lock that another process is just releasing needs a moment."""
_COMPANIONS = ("-wal", "-shm", "-journal")


def back_up(copying: Copying, file: Path, *, force: bool) -> int | None:
    """Copy `copying.source` to `file`; `force` replaces an existing file. Return its size in bytes, None if stopped.

    `copying.target` is the database at `partial_of(file)`. Raise InvalidInput if the name is taken or another backup
    is writing it, DiskError, DatabaseError.
    """
    source, partial = copying.source, partial_of(file)
    with ExitStack() as stack:
        with _explained(file):
            _refuse(source, file, force=force)
            stack.enter_context(_reserved(file))
            _discard(partial)
        stack.enter_context(_final_name_in_errors(partial, file))
        return _copy(copying, file, partial, force=force)


def _copy(copying: Copying, file: Path, partial: Path, *, force: bool) -> int | None:
    source = copying.source
    try:
        copying.on_step("copying")
        complete = _from_server(copying) if source.path is None else vacuum_into(source.path, partial, copying.stop)
        if not complete:
            return None
        copying.on_step("checking")
        copying.target.close()
        finish_copy(partial)
        ensure_current(copying.target, or_older=True)
        copying.target.close()
        copying.on_step("renaming")
        with _explained(file):
            return _publish(partial, file, force=force)
    finally:
        copying.target.close()
        with _explained(file):
            _discard(partial)


def partial_of(file: Path) -> Path:
    """Return the name of this process's unfinished copy of `file`."""
    return file.parent / f"{file.name}.{os.getpid()}-{process_started_ms(os.getpid()) or 0}{PARTIAL}"


@contextmanager
def _final_name_in_errors(partial: Path, file: Path) -> Iterator[None]:
    try:
        yield
    except DatabaseError as error:
        raise DatabaseError(str(error).replace(str(partial), str(file)), code=error.code) from error


def _explained(file: Path) -> AbstractContextManager[None]:
    return disk_errors(str(file), instead=_INSTEAD)


def _refuse(source: Database, file: Path, *, force: bool) -> None:
    if file.is_dir():
        raise InvalidInput(f"{file} is a folder. Give the name of a file.", code="input.not_a_file")
    if source.path is not None and file.exists() and os.path.samefile(source.path, file):
        raise InvalidInput(f"{file} is the database itself. Give another name.", code="input.same")
    if not file.absolute().parent.is_dir():
        raise InvalidInput(
            f"no folder {file.absolute().parent} for the backup. Create it first.", code="input.no_folder"
        )
    if file.exists() and not file.is_file():
        raise InvalidInput(f"{file} is not a regular file. Give the name of a file.", code="input.not_a_file")
    if file.exists() and not force:
        raise InvalidInput(f"{file} exists already. Give another name, or --force to replace it.", code="input.there")
    # SQLite would apply a log that belongs to the older file to the new one.
    companion = next((end for end in _COMPANIONS if file.with_name(file.name + end).exists()), None)
    if companion is not None:
        raise InvalidInput(
            f"{file} is a database in use, or left by a program that was killed: {file.name}{companion} exists."
            " Give another name.",
            code="input.in_use",
        )


@contextmanager
def _reserved(file: Path) -> Iterator[None]:
    """Hold the only backup to `file`, and remove what killed ones left. Raise InvalidInput if another process holds it.

    On a file system without locks nothing is held: backups have names of their own until they are complete.
    """
    lock = file.parent / f"{file.name}.lock{PARTIAL}"
    with ExitStack() as stack:
        is_held: bool | None = None
        try:
            is_held = stack.enter_context(file_lock(lock, wait_s=_LOCK_WAIT_S))
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
            durable.unlink(lock, missing_ok=True)
        unfinished = _unfinished(file)
        if is_held is False:
            pid = next(iter(unfinished.values()), "unknown")
            raise InvalidInput(
                f"another `tmxdb backup` is writing {file} (process {pid}). Wait for it, or give another name.",
                code="input.at_work",
            )
        for partial in unfinished if is_held else ():
            _discard(partial)
        yield


def _unfinished(file: Path) -> dict[Path, str]:
    """Return the unfinished copies of `file`, each with the number of the process that wrote it."""
    ends = "|".join(_COMPANIONS)
    pattern = re.compile(rf"({re.escape(file.name)}\.(\d+)-(?:\d+|None){re.escape(PARTIAL)})(?:{ends})?", re.ASCII)
    found = (pattern.fullmatch(name) for name in os.listdir(file.parent))
    return {file.parent / match[1]: match[2] for match in found if match}


def _from_server(copying: Copying) -> bool:
    claim_target(copying)
    with copying.source.read() as reading:  # one transaction: everything in it is of the same moment
        if not carry_over(copying, reading) or not check(copying, reading):
            return False
    finish(copying)
    return True


def _publish(partial: Path, file: Path, *, force: bool) -> int:
    folder = Storage(file.absolute().parent, instead=_INSTEAD)
    folder.sync_file(partial.name)
    size = partial.stat().st_size
    if force:
        durable.replace(partial, file)
    else:
        try:
            durable.move_without_replacing(partial, file)
        except FileExistsError:
            message = f"{file} was created by another program meanwhile. Give another name."
            raise InvalidInput(message, code="input.there") from None
    folder.sync_file(file.name)
    return size


def _discard(partial: Path) -> None:
    for end in ("", *_COMPANIONS):
        durable.unlink(partial.with_name(partial.name + end), missing_ok=True)
