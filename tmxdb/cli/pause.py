"""`tmxdb pause` and `tmxdb resume`: have all workers of a database leave a kind alone for a while."""

from __future__ import annotations

from typing import Any

import click

from tmxdb.cli.context import open_database, options
from tmxdb.cli.options import KINDS, option, site_options
from tmxdb.cli.say import safe, talk
from tmxdb.cli.when import moment
from tmxdb.clock import span, wall_clock
from tmxdb.queue import pauses
from tmxdb.queue.pauses import ALL, pausing

_kind = click.argument("kind", type=click.Choice([*KINDS, ALL]))


@click.command()
@site_options()
@_kind
@option("--until", metavar="WHEN", help="A span (30m, 2h, 1d), a time of day (18:30), or a date and time (2030-12-31T18:30); of this computer's zone unless it ends in Z or an offset.  [default: until `tmxdb resume`]")  # fmt: skip  # noqa: E501
@option("--reason", metavar="TEXT", help="Why; shown by `tmxdb status` and by the workers.")
@click.pass_context
def pause(ctx: click.Context, /, kind: str, until: str | None, reason: str | None, **given: Any) -> None:
    """Have no worker of this database begin anything of KIND, on any machine; what is in flight ends.

    Workers notice within about a second, and wait; those that run with --no-wait end. It says nothing about
    `sync-tracks` and `add-tracks`, which are no workers.

    \b
        tmxdb pause download --until 2h --reason "the line is needed"
        tmxdb pause capture --until 18:30
        tmxdb pause all
    """
    now_ms = wall_clock()
    reason = safe(reason, keep="")[:200] if reason else None
    until_ms = None if until is None else moment(until, now_ms)
    with open_database(options(ctx, given)).write() as connection:
        pauses.pause(connection, kind, until_ms=until_ms, reason=reason, now_ms=now_ms)
        (held,) = (row for row in pauses.pauses(connection, now_ms) if row.kind == kind)
    ends = f"`tmxdb resume {kind}`"
    talk(f"{held}; it goes on {f'in {span((until_ms - now_ms) / 1000)}, or ' if until_ms else ''}with {ends}.")


@click.command()
@site_options()
@_kind
@click.pass_context
def resume(ctx: click.Context, /, kind: str, **given: Any) -> None:
    """Let KIND go on after `tmxdb pause`; `all` lifts every pause.

    \b
        tmxdb resume download
        tmxdb resume all
    """
    now_ms = wall_clock()
    with open_database(options(ctx, given)).write() as connection:
        before = pauses.pauses(connection, now_ms)
        pauses.resume(connection, kind)
        left = pausing(pauses.pauses(connection, now_ms), kind)
    lifted = [row.kind for row in before if kind in (row.kind, ALL)]
    talk(f"{', '.join(lifted)}: the pause is lifted." if lifted else f"{kind} was not paused.")
    if left:
        talk(f"But {left}: lift that with `tmxdb resume {left.kind}`.")
