"""`tmxdb copy-db`: copy a database to another engine."""

from __future__ import annotations

import click

from tmxdb.cli.framework.command import command, json_option, progress_option
from tmxdb.cli.framework.option import option


@command("copy-db")
@option("--restart", old_names=("--anew",), is_flag=True, help="Start over a copy that was interrupted.")
@json_option
@progress_option
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
def copy_db(restart: bool, as_json: bool, progress: bool | None, source: str, target: str) -> None:
    """Copy a whole database, for example from SQLite to PostgreSQL and back. Files stay where they are.

    \b
      tmxdb copy-db tmx.db postgresql+psycopg://me@server/tmxdb
      tmxdb copy-db postgresql+psycopg://me@server/tmxdb tmx.db

    FROM and TO are files or URLs. No worker may run on either, and TO must be
    empty or not exist. Stopped and started again, the copy continues. At the end
    all tables are compared row by row; a complete copy is only compared.
    """
    from tmxdb.cli.actions.maintain.copy_db import do_copy

    do_copy(restart, as_json, progress, source, target)
