"""`tmxdb pause` and `tmxdb resume`: stop all workers of a database from starting jobs of a kind."""

from __future__ import annotations

import click

from tmxdb.cli.framework.command import command
from tmxdb.cli.framework.option import option
from tmxdb.cli.framework.types import WordChoice
from tmxdb.cli.opening.database import open_database
from tmxdb.cli.options.database import DatabaseOptions
from tmxdb.cli.shared.output import message, safe
from tmxdb.cli.shared.parse_time import parse_time
from tmxdb.clock import span, wall_clock
from tmxdb.kinds import KINDS
from tmxdb.queue.paused import ALL

_kind = click.argument("kind", type=WordChoice([*KINDS, ALL]), metavar="KIND")


@command()
@_kind
@option(
    "--until",
    metavar="TIME",
    help="A span (30m, 2h, 1d), a time of day (18:30), or a date and time (2030-12-31T18:30), in the zone of this"
    " computer unless it ends with Z or an offset.  [default: until `tmxdb resume`]",
)
@option("--reason", metavar="TEXT", help="Reason that `tmxdb status` and the workers show.")
def pause(kind: str, until: str | None, reason: str | None, database: DatabaseOptions) -> None:
    """Stop all workers of this database, on any machine, from starting jobs of KIND.

    KIND is list, download, extract, capture or all. Jobs in flight finish.
    Workers notice within about a second and wait; with --no-wait they end.
    sync-tracks and add-tracks are not affected.

    \b
      tmxdb pause download --until 2h --reason "video call"
      tmxdb pause capture --until 18:30
      tmxdb pause all
    """
    from tmxdb.db.database_clock import time_of
    from tmxdb.queue import pauses

    reason = safe(reason, keep="") if reason else None
    if until is not None:
        parse_time(until, wall_clock())  # a mistake is reported before the database is opened
    with open_database(database).write() as connection:
        now_ms = time_of(connection)
        until_ms = None if until is None else parse_time(until, now_ms)
        pauses.pause(connection, kind, until_ms=until_ms, reason=reason, now_ms=now_ms)
        (held,) = (row for row in pauses.pauses(connection, now_ms) if row.kind == kind)
    in_time = f"in {span((until_ms - now_ms) / 1000)}, or " if until_ms else ""
    message(f"{held}. It resumes {in_time}with `tmxdb resume {kind}`.")


@command()
@_kind
def resume(kind: str, database: DatabaseOptions) -> None:
    """Lift the pause of KIND; `all` lifts every pause.

    \b
      tmxdb resume download
      tmxdb resume all
    """
    from tmxdb.db.database_clock import time_of
    from tmxdb.queue import pauses

    with open_database(database).write() as connection:
        ended, remaining = pauses.resume(connection, kind, time_of(connection))
    message(f"{', '.join(ended)}: the pause is lifted." if ended else f"{kind} was not paused.")
    if remaining:
        message(f"But {remaining}: lift that with `tmxdb resume {remaining.kind}`.")
