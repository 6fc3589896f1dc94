"""`tmxdb migrate`: create the database, or bring an older one up to date."""

from __future__ import annotations

from typing import Any

import click

from tmxdb.cli.context import close_at_the_end, options, warn_of_share
from tmxdb.cli.options import site_options
from tmxdb.db.engine import Database, shown
from tmxdb.db.migrate import upgrade


@click.command()
@site_options()
@click.pass_context
def migrate(ctx: click.Context, /, **given: Any) -> None:
    """Create the database, or bring an older one up to date; nothing is lost on the way.

    \b
        tmxdb --db tmx.db migrate
    """
    chosen = options(ctx, given)
    database = Database(chosen.location)
    close_at_the_end(database.close)
    warn_of_share(database)
    before, after = upgrade(database)
    name = shown(chosen.location)
    if before == after:
        click.echo(f"{name} is up to date (revision {after}).")
    else:
        click.echo(f"{name}: created at revision {after}." if before is None else f"{name}: from {before} to {after}.")
