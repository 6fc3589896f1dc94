"""`tmxdb skip`: rows that are to be left alone."""

from __future__ import annotations

from typing import Any

import click

from tmxdb.cli.context import open_database, options
from tmxdb.cli.options import ITEM_ID, KINDS, dry_run_option, option, site_options
from tmxdb.cli.say import counted, talk
from tmxdb.clock import wall_clock
from tmxdb.db.models import JOBS
from tmxdb.queue.by_hand import set_aside, skippable


@click.command()
@site_options()
@option("--kind", "kinds", type=click.Choice(KINDS), multiple=True, help="Only this kind; may be repeated.")
@option("--id", "ids", type=ITEM_ID, multiple=True, help="This track, replay or capture; needs one --kind.")
@option("--track", "tracks", type=ITEM_ID, multiple=True, help="Everything of this track: may be repeated.")
@option("--code", "codes", metavar="CODE", multiple=True, help="What failed or waits with this error code.")
@option("--reason", required=True, metavar="TEXT", help="Why: kept in the rows.")
@dry_run_option
@click.pass_context
def skip(
    ctx: click.Context,
    /,
    kinds: tuple[str, ...],
    ids: tuple[int, ...],
    tracks: tuple[int, ...],
    codes: tuple[str, ...],
    reason: str,
    dry_run: bool,
    **given: Any,
) -> None:
    """Leave rows alone: they become `skipped`, with the error code user.skipped. What is done stays done.

    \b
        tmxdb skip --track 2233 --reason "crashes the game"
        tmxdb skip --kind download --id 4471203 --reason "a joke"
        tmxdb skip --kind download --code gbx.lzo --reason "broken on the site" --dry-run

    Undone by `tmxdb retry --status skipped --code user.skipped`.
    """
    if not (ids or tracks or codes):
        raise click.UsageError("Say which rows: --id, --track or --code.")
    if ids and len(kinds) != 1:
        raise click.UsageError("--id needs one --kind: the same number may be a track and a replay.")
    if not reason.strip():
        raise click.UsageError("--reason is empty: whoever comes later wants to know why.")
    database = open_database(options(ctx, given), read_only=dry_run)
    total = 0
    for kind in kinds or KINDS:
        table = JOBS[kind]
        conditions: list[Any] = []
        if ids:
            conditions.append(next(iter(table.primary_key)).in_(ids))
        if tracks:
            conditions.append(table.c.track_id.in_(tracks))
        if codes:
            conditions.append(table.c.error_code.in_(codes))
        with database.read() if dry_run else database.write() as connection:
            found = skippable(connection, table, *conditions)
            if found and not dry_run:
                set_aside(connection, table, *conditions, reason=reason.strip(), now_ms=wall_clock())
        n = sum(found.values())
        if n:
            talk(f"{kind}: {counted(n, 'row')} {'would be' if dry_run else 'skipped'}{' skipped' if dry_run else ''}.")
        if found.get("running"):
            talk(f"{kind}: {found['running']:,} of them in work now; what comes of that is dropped.")
        total += n
    click.echo(total)
