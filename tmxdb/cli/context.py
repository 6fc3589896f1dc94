"""From options to open things: which database, which folder. Settings are read here, once.

What opens a database is imported when it is opened: SQLAlchemy takes a quarter of a second, which no help waits for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tmxdb.cli.say import talk
from tmxdb.errors import DatabaseTrouble
from tmxdb.storage import Storage

if TYPE_CHECKING:
    from tmxdb.db.engine import Database


@dataclass(frozen=True, slots=True)
class Options:
    """The four options that say which database and which site; None where the user did not."""

    db: str | None
    data: str | None
    site: str | None
    contact: str | None

    @property
    def location(self) -> str:
        """The database's path or URL."""
        return self.db or "tmx.db"


def options(ctx: click.Context, /, given: dict[str, Any]) -> Options:
    """The options of this call; what stands after the command's name counts more than what stands before it."""
    before: dict[str, Any] = ctx.obj or {}
    names = ("db", "data", "site", "contact")
    return Options(**{name: given.pop(name, None) or before.get(name) for name in names})


def open_database(chosen: Options, *, create: bool = False, read_only: bool = False) -> Database:
    """The database, of the present revision; made if it is not there and `create` says so."""
    from tmxdb.db.engine import Database, shown
    from tmxdb.db.migrate import ensure_current, upgrade

    database = Database(chosen.location, read_only=read_only)
    close_at_the_end(database.close)
    if not read_only:
        warn_of_share(database)
    if create:
        before, _ = upgrade(database)
        if before is None:
            talk(f"Created the database {shown(chosen.location)}.")
    else:
        ensure_current(database)
    return database


def warn_of_share(database: Database) -> None:
    """Before something is written: say so where a SQLite file is not safe."""
    from tmxdb.db.share import warning

    message = warning(database.path)
    if message is not None:
        talk(message)


def close_at_the_end(close: Callable[[], None]) -> None:
    """Have `close` called when the command ends, however it ends."""
    command = click.get_current_context(silent=True)
    if command is not None:
        command.call_on_close(close)


def database_if_any(chosen: Options) -> Database | None:
    """The database for a dry run, which may come before there is one; nothing is made."""
    try:
        return open_database(chosen, read_only=True)
    except DatabaseTrouble as error:
        if error.code != "db.missing":
            raise
        return None


def open_storage(chosen: Options, database: Database) -> Storage:
    """The data folder."""
    beside = database.path.absolute().parent if database.path is not None else Path.cwd()
    return Storage(Path(chosen.data) if chosen.data else beside / "data")
