"""`tmxdb skip`: rows that workers leave alone."""

from __future__ import annotations

import click

from tmxdb.cli.framework.command import command, dry_run_option
from tmxdb.cli.framework.option import option
from tmxdb.cli.opening.database import open_database
from tmxdb.cli.options.database import DatabaseOptions
from tmxdb.cli.options.rows import RowSelection
from tmxdb.cli.shared.output import message, plural, print_count


@command()
@option("--reason", required=True, metavar="TEXT", help="Reason, kept in the rows.")
@dry_run_option
def skip(selection: RowSelection, reason: str, dry_run: bool, database_options: DatabaseOptions) -> None:
    """Mark rows as skipped, with the error code user.skipped. Rows that are done stay done.

    \b
      tmxdb skip --track-id 2233 --reason "crashes the game"
      tmxdb skip --kind download --id 4471203 --reason "a joke"
      tmxdb skip --kind download --code gbx.lzo --reason "damaged" --dry-run

    They stay skipped until `tmxdb retry --status skipped --code user.skipped`, even if the track changes on the site.
    """
    from tmxdb.cli.actions.control.rows import check_named, explain_empty, tables_of
    from tmxdb.db.database_clock import time_of
    from tmxdb.queue.admin import count_skippable, skip_rows

    if not selection.names_rows:
        raise click.UsageError("Say which rows: --id, --track-id, --track-ids, --only, --replay-id or --code.")
    selection.check()
    if not reason.strip():
        raise click.UsageError("--reason is empty. It is kept in the rows, so that others know why.")
    database = open_database(database_options, read_only=dry_run)
    tables = tables_of(selection)
    with database.read() as connection:
        check_named(connection, selection)
    total = 0
    for kind, (table, conditions) in tables.items():
        with database.read() if dry_run else database.write() as connection:
            found = count_skippable(connection, table, *conditions)
            if found and not dry_run:
                skip_rows(connection, table, *conditions, reason=reason.strip(), now_ms=time_of(connection))
        n = sum(found.values())
        if n:
            message(f"{kind}: {plural(n, 'row')} {'would be skipped' if dry_run else 'skipped'}.")
        if found.get("running"):
            message(f"{kind}: {plural(found['running'], 'row')} of them running now; the results will be dropped.")
        total += n
    if not total:
        with database.read() as connection:
            explain_empty(connection, tables, lambda found: f"No row to skip ({found}). Rows that are done stay done.")
    print_count(total)
