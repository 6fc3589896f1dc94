"""`tmxdb query`: the database in SQL, read-only."""

from __future__ import annotations

import csv
import json
import sys
from typing import Any

import click
from sqlalchemy import exc, text

from tmxdb.cli.context import open_database, options
from tmxdb.cli.options import option, site_options
from tmxdb.cli.say import counted, print_table, safe, talk
from tmxdb.errors import BadInput, DatabaseTrouble

TABLE_ROWS = 1000


@click.command()
@site_options()
@option("--format", "form", type=click.Choice(["table", "json", "csv"]), default="table", show_default=True)
@option("--json", "as_json", is_flag=True, help="The same as --format json.")
@option("--csv", "as_csv", is_flag=True, help="The same as --format csv.")
@click.argument("sql")
@click.pass_context
def query(ctx: click.Context, /, form: str, as_json: bool, as_csv: bool, sql: str, **given: Any) -> None:
    """Ask the database in SQL. Nothing can be changed this way.

    \b
        tmxdb query "select * from progress"
        tmxdb query --csv "select * from leaderboard where track_id = 2233 order by rank"

    The tables are tracks, replays, maps, captures, inputs, attempts, workers, settings; the views are jobs, missing,
    failures, progress, leaderboard, track_progress, checkpoint_times, input_events. See docs/schema.md.
    """
    form = "json" if as_json else "csv" if as_csv else form
    database = open_database(options(ctx, given), read_only=True)
    try:
        with database.read() as connection:
            if database.path is None:
                connection.execute(text("SET TRANSACTION READ ONLY"))
            result = connection.exec_driver_sql(sql.strip().rstrip(";"))
            if not result.returns_rows:
                raise BadInput("that SQL returns no rows; `tmxdb query` is for reading.", code="input.sql")
            columns = list(result.keys())
            if form == "csv":
                writer = csv.writer(sys.stdout, lineterminator="\n")
                # A file or a program gets the bytes as they are; a terminal would obey some of them.
                plain = safe if sys.stdout.isatty() else str
                writer.writerow(columns)
                writer.writerows([None if value is None else plain(str(value)) for value in row] for row in result)
            elif form == "json":
                _write_json(columns, result)
            else:
                rows = [tuple(row) for row in result.fetchmany(TABLE_ROWS)]
                print_table(columns, rows)
                more = result.fetchone() is not None
                shown = counted(len(rows), "row")
                talk(f"the first {shown}; --csv or --json give all." if more else shown)
    except DatabaseTrouble as error:
        if error.code != "db.read_only":
            raise
        raise BadInput("that SQL would change the database; `tmxdb query` is for reading.", code="input.sql") from None
    except (exc.DBAPIError, exc.ResourceClosedError) as error:
        reason = str(getattr(error, "orig", error)).strip().splitlines()[0]
        raise BadInput(f"the SQL can not be run: {reason}.", code="input.sql") from error


def _write_json(columns: list[str], rows: Any) -> None:
    """Row by row: a query over millions of rows must not fill the memory."""
    click.echo("[", nl=False)
    for i, row in enumerate(rows):
        record = dict(zip(columns, row, strict=True))
        click.echo(("," if i else "") + "\n  " + json.dumps(record, default=str), nl=False)
    click.echo("\n]")
