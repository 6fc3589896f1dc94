"""`tmxdb migrate`: create the database, or upgrade it."""

from __future__ import annotations

import click

from tmxdb.cli.framework.command import command
from tmxdb.cli.opening.database import close_at_end, warn_about_share
from tmxdb.cli.options.database import DatabaseOptions


@command()
def migrate(options: DatabaseOptions) -> None:
    """Create the database, or upgrade it to this version without losing anything.

    \b
      tmxdb --db tmx.db migrate
    """
    from tmxdb.db.engine import Database, shown
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
