"""Opening the database and the data folder that the options name.

What opens a database is imported when it is opened: SQLAlchemy takes 0.25 s, and no help has to wait for it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tmxdb.cli.options.database import DatabaseOptions, StorageOptions
from tmxdb.cli.shared.output import message
from tmxdb.errors import DatabaseError, InvalidInput
from tmxdb.storage import Storage

if TYPE_CHECKING:
    from tmxdb.db.database import Database
    from tmxdb.db.reading.reader import Reader

_MISSING = ("input.no_file", "capture.damaged")
"""Error codes of a file of a row, or a folder of a capture, that is missing."""


def open_to_add(options: StorageOptions) -> Database:
    """Return the database for a command that adds tracks; create or upgrade it first.

    A data folder that was typed is that of the next run: it is checked and remembered.
    """
    from tmxdb.cli.opening.remembered import is_typed, remember_data

    if options.data:
        refuse_file(options.data)
    database = open_database(options, create=True)
    if options.data and is_typed("data"):
        open_files(options, database)
        remember_data(database, options)
    return database


def open_database(
    options: DatabaseOptions, *, create: bool = False, read_only: bool = False, older_file: bool = False
) -> Database:
    """Return the database, which is closed when the command ends. With `create`, create or upgrade it first.

    Raise DatabaseError if it does not exist or is not of the current revision. With `older_file`, a SQLite file may be
    of an older one.
    """
    from tmxdb.db.database import Database, shown
    from tmxdb.db.migrate import ensure_current, upgrade

    database = Database(options.location, read_only=read_only)
    close_at_end(database.close)
    if not read_only:
        warn_about_share(database)
    if create:
        before, _ = upgrade(database)
        if before is None:
            message(f"Created the database {shown(options.location)}.")
    else:
        ensure_current(database, or_older=older_file and database.path is not None)
    return database


def open_reader(options: DatabaseOptions) -> Reader:
    """Return the database for plain SQL that reads, which is closed when the command ends.

    It starts faster than `open_database`. Raise DatabaseError if it does not exist or is not of the current revision.
    """
    from tmxdb.db.reading.reader import Reader

    reader = Reader(options.location)
    close_at_end(reader.close)
    return reader


def open_database_if_any(options: DatabaseOptions) -> Database | None:
    """Return the database for a dry run, or None if it does not exist yet. Nothing is created."""
    try:
        return open_database(options, read_only=True)
    except DatabaseError as error:
        if error.code != "db.missing":
            raise
        return None


def open_storage(options: StorageOptions, database: Database | Reader) -> Storage:
    """Return the data folder: the one named, else the one that the database remembers, else `data` beside it."""
    from tmxdb.cli.opening.remembered import remembered_data

    if options.data:
        refuse_file(options.data)
        return Storage(Path(options.data))
    beside = database.path.absolute().parent if database.path is not None else Path.cwd()
    return Storage(remembered_data(database) or beside / "data")


def open_files(options: StorageOptions, database: Database) -> Storage:
    """Return the data folder for a command that reads many of its files.

    Raise InvalidInput if it has none of those that the database lists: an export would replace a good one by nothing.
    """
    from tmxdb.upkeep.data_folder_check import check_data_folder

    storage = open_storage(options, database)
    check_data_folder(database, storage, changes=False)
    return storage


@contextmanager
def checked_if_missing(database: Database, storage: Storage) -> Iterator[None]:
    """Check the data folder as `open_files` does if a file turns out to be missing within the block.

    For a command that reads the files of one row: what is wrong with the row comes first.
    """
    from tmxdb.upkeep.data_folder_check import check_data_folder

    try:
        yield
    except InvalidInput as error:
        if error.code in _MISSING:
            check_data_folder(database, storage, changes=False)
        raise


def refuse_file(data: str) -> None:
    """Raise InvalidInput if the data folder that the user names is something else."""
    if os.path.lexists(data) and not os.path.isdir(data):
        raise InvalidInput(f"{data} is not a folder. Choose another with --data.", code="input.not_a_folder")


def warn_about_share(database: Database) -> None:
    """Print a warning if the database is a SQLite file on a network share, where it is not safe to write."""
    from tmxdb.db.engines.network_share import warning

    text = warning(database.path)
    if text is not None:
        message(text)


def close_at_end(close: Callable[[], None]) -> None:
    """Call `close` when the command ends, however it ends."""
    context = click.get_current_context(silent=True)
    if context is not None:
        context.call_on_close(close)
