"""`tmxdb retry`: failed and skipped rows become pending again."""

from __future__ import annotations

from tmxdb.cli.framework.command import command, dry_run_option
from tmxdb.cli.framework.option import option
from tmxdb.cli.framework.types import WordChoice
from tmxdb.cli.opening.database import open_database
from tmxdb.cli.options.database import DatabaseOptions
from tmxdb.cli.options.rows import RowSelection
from tmxdb.cli.shared.output import message, plural, print_count

STATUSES = ("failed", "skipped", "retry", "done")


@command()
@option(
    "--status",
    "statuses",
    type=WordChoice(STATUSES),
    metavar="STATUS",
    multiple=True,
    default=["failed"],
    show_default=True,
    help="Only rows with this status: failed, skipped, retry or done; repeatable.",
)
@dry_run_option
def retry(selection: RowSelection, statuses: tuple[str, ...], dry_run: bool, database_options: DatabaseOptions) -> None:
    """Make failed rows pending again, and reset their attempts.

    \b
      tmxdb retry
      tmxdb retry --kind download --code tmx.timeout
      tmxdb retry --kind download --id 4471203 --status skipped
      tmxdb retry --dry-run
    """
    from sqlalchemy import func, select

    from tmxdb.cli.actions.control.rows import check_named, explain_empty, tables_of
    from tmxdb.queue.rows.settle import reopen

    selection.check()
    database = open_database(database_options, read_only=dry_run)
    tables = tables_of(selection)
    with database.read() as connection:
        check_named(connection, selection)
    total = 0
    for kind, (table, conditions) in tables.items():
        matching = [table.c.status.in_(statuses), *conditions]
        if dry_run:
            with database.read() as connection:
                n = connection.execute(select(func.count()).select_from(table).where(*matching)).scalar_one()
        else:
            with database.write() as connection:
                n = reopen(connection, table, *matching, user_skipped=True)
        if n:
            verb = "would be" if dry_run else "is" if n == 1 else "are"
            message(f"{kind}: {plural(n, 'row')} {verb} pending again.")
        total += n
    if not total:
        with database.read() as connection:
            words = " or ".join(statuses)
            explain_empty(connection, tables, lambda found: f"No {words} row to retry ({found}). See --status.")
    print_count(total)
