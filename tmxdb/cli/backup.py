"""`tmxdb backup`: a copy of the database while workers run."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import click

from tmxdb.cli import INTERRUPTED
from tmxdb.cli.context import close_at_the_end, open_database, options
from tmxdb.cli.options import option, site_options
from tmxdb.cli.say import counted, talk
from tmxdb.cli.signals import ctrl_c
from tmxdb.clock import wall_clock
from tmxdb.db.engine import Database
from tmxdb.upkeep.backup import back_up, partial_of
from tmxdb.upkeep.copying import Copying


@click.command()
@site_options()
@option("--force", is_flag=True, help="Replace an older file.")
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_context
def backup(ctx: click.Context, /, force: bool, file: Path, **given: Any) -> None:
    """Copy the database into FILE while workers run. Downloaded files are not in it.

    \b
        tmxdb backup monday.db
        tmxdb status --db monday.db

    FILE is a SQLite database of one moment, checked, and there only when it is whole; from PostgreSQL, too.
    """
    database = open_database(options(ctx, given), read_only=True)
    target = Database(str(partial_of(file)))
    close_at_the_end(target.close)
    started = time.monotonic()
    with ctrl_c() as stopping:
        copying = Copying(database, target, wall_clock, stop=stopping.stop)
        size = back_up(copying, file, force=force)
    if size is None:
        talk("Interrupted; nothing was kept.")
        sys.exit(INTERRUPTED)
    talk(f"{counted(size, 'byte')} in {time.monotonic() - started:.1f} s, checked.")
    click.echo(str(file))
