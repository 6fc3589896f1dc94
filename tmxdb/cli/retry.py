"""`tmxdb retry`: failed and skipped rows back to pending."""

from __future__ import annotations

from typing import Any

import click
from sqlalchemy import func, select

from tmxdb.cli.context import open_database, options
from tmxdb.cli.options import ITEM_ID, KINDS, dry_run_option, option, site_options
from tmxdb.cli.say import talk
from tmxdb.db.models import JOBS
from tmxdb.queue.settle import reopen


@click.command()
@site_options()
@option("--kind", "kinds", type=click.Choice(KINDS), multiple=True, help="Only this kind; may be repeated.")
@option("--code", "codes", metavar="CODE", multiple=True, help="Only rows with this error code, such as tmx.timeout.")
@option("--id", "ids", type=ITEM_ID, multiple=True, help="Only this track, replay or capture; needs one --kind.")
@option("--status", "statuses", type=click.Choice(["failed", "skipped", "retry", "done"]), multiple=True, default=["failed"], show_default=True, help="Only rows that ended so.")  # fmt: skip  # noqa: E501
@dry_run_option
@click.pass_context
def retry(
    ctx: click.Context,
    /,
    kinds: tuple[str, ...],
    codes: tuple[str, ...],
    ids: tuple[int, ...],
    statuses: tuple[str, ...],
    dry_run: bool,
    **given: Any,
) -> None:
    """Make failed rows pending again, with all their attempts before them.

    \b
        tmxdb retry
        tmxdb retry --kind download --code tmx.timeout
        tmxdb retry --kind download --id 4471203 --status skipped
        tmxdb retry --dry-run
    """
    if ids and len(kinds) != 1:
        raise click.UsageError("--id needs one --kind: the same number may be a track and a replay.")
    database = open_database(options(ctx, given))
    total = 0
    for kind in kinds or KINDS:
        table = JOBS[kind]
        conditions = [table.c.status.in_(statuses)]
        if codes:
            conditions.append(table.c.error_code.in_(codes))
        if ids:
            conditions.append(next(iter(table.primary_key)).in_(ids))
        if dry_run:
            with database.read() as connection:
                n = connection.execute(select(func.count()).select_from(table).where(*conditions)).scalar_one()
        else:
            with database.write() as connection:
                n = reopen(connection, table, *conditions)
        if n:
            talk(f"{kind}: {n:,} rows {'would be' if dry_run else 'are'} pending again.")
        total += n
    click.echo(total)
