"""`tmxdb migrate`: create the database, or upgrade it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from tmxdb.cli.exit_status import INTERRUPTED
from tmxdb.cli.framework.command import command, progress_option
from tmxdb.cli.opening.database import close_at_end, warn_about_share
from tmxdb.cli.options.database import DatabaseOptions
from tmxdb.cli.shared.output import message, plural
from tmxdb.cli.shared.signals import stop_signals

if TYPE_CHECKING:
    from tmxdb.db.database import Database


@command()
@progress_option
def migrate(options: DatabaseOptions, progress: bool | None) -> None:
    """Create the database, or upgrade it to this version without losing anything.

    Inputs that versions before 0.19.0 stored in a SQLite file are packed to a tenth of their size. Ctrl-C stops that,
    and the next call continues.

    \b
      tmxdb --db tmx.db migrate
    """
    from tmxdb.db.database import Database, shown
    from tmxdb.db.migrate import upgrade

    database = Database(options.location)
    close_at_end(database.close)
    warn_about_share(database)
    before, after = upgrade(database)
    name = shown(options.location)
    if before == after:
        click.echo(f"{name} is up to date (revision {after}).")
    elif before is None:
        click.echo(f"{name}: created at revision {after}.")
    else:
        click.echo(f"{name}: upgraded from revision {before} to {after}.")
    _pack_inputs(database, progress=progress)


def _pack_inputs(database: Database, *, progress: bool | None) -> None:
    from tmxdb.upkeep.packing import count_unpacked, pack_older_inputs

    with database.read() as connection:
        n = count_unpacked(connection)
    if n == 0:
        return
    from tmxdb.cli.shared.progress import progress_bar

    message(f"Packing the inputs of {plural(n, 'replay')}.")
    with stop_signals() as signals, progress_bar(n, "replays", progress=progress) as bar:
        is_complete = pack_older_inputs(database, stop=signals.stop, on_packed=bar.update)
    if not is_complete:
        message("Interrupted. Run the same command again to continue.")
        sys.exit(INTERRUPTED)
    message("The file keeps its size, and new rows use the free space. `tmxdb copy-db` makes a smaller file.")
