"""`tmxdb backup`: a copy of the database while workers run."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click

from tmxdb.cli.exit_status import INTERRUPTED
from tmxdb.cli.framework.command import command, force_option
from tmxdb.cli.framework.option import is_utf8
from tmxdb.cli.opening.database import close_at_end, open_database
from tmxdb.cli.options.database import DatabaseOptions
from tmxdb.cli.shared.output import file_size, message
from tmxdb.cli.shared.signals import stop_signals
from tmxdb.clock import wall_clock
from tmxdb.errors import InvalidInput


@command()
@force_option
@click.argument("file", type=click.Path(path_type=Path))
def backup(options: DatabaseOptions, force: bool, file: Path) -> None:
    """Copy the database to FILE while workers run. Downloaded files are not copied.

    \b
      tmxdb backup monday.db
      tmxdb status --db monday.db

    FILE is a SQLite database with the state of one moment. It is checked and
    appears only when it is complete. PostgreSQL databases can be copied, too.
    """
    from tmxdb.db.database import Database
    from tmxdb.upkeep.backup import back_up, partial_of
    from tmxdb.upkeep.copying import Copying

    if not is_utf8(str(file)):
        raise InvalidInput(f"{file}: SQLite cannot write to a name that is not valid UTF-8.", code="input.path")
    database = open_database(options, read_only=True, older_file=True)
    target = Database(str(partial_of(file)))
    close_at_end(target.close)
    started = time.monotonic()
    with stop_signals() as signals:
        copying = Copying(database, target, wall_clock, stop=signals.stop)
        size = back_up(copying, file, force=force)
    if size is None:
        message("Interrupted; no copy was kept.")
        sys.exit(INTERRUPTED)
    message(f"{file_size(size)} in {time.monotonic() - started:.1f} s, checked.")
    click.echo(str(file))
