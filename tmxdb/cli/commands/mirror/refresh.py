"""`tmxdb refresh`: list leaderboards again that are due."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tmxdb.cli.exit_status import INTERRUPTED
from tmxdb.cli.framework.command import command
from tmxdb.cli.framework.option import option_field
from tmxdb.cli.framework.types import int_range
from tmxdb.cli.opening.database import open_database
from tmxdb.cli.options.database import ExchangeOptions, StorageOptions
from tmxdb.cli.options.game import CaptureGameOptions
from tmxdb.cli.options.selection import TrackSelection
from tmxdb.cli.options.work import WorkOptions
from tmxdb.cli.shared.output import message, plural
from tmxdb.cli.shared.parse_time import span_s
from tmxdb.cli.shared.signals import stop_signals
from tmxdb.errors import UsageError
from tmxdb.tmx.endpoints import IDS_AT_ONCE

if TYPE_CHECKING:
    from sqlalchemy import Connection

DEFAULT_AGE = "7d"


@dataclass(frozen=True)
class RefreshOptions:
    """What counts as due, and how much to send."""

    older_than: str | None = option_field(
        "--older-than",
        metavar="SPAN",
        help=f"Leaderboards last listed longer ago: 12h, 7d.  [default: {DEFAULT_AGE}; with --changed: none]",
    )
    changed: bool = option_field(
        "--changed",
        is_flag=True,
        default=False,
        help="Only tracks with new activity. This misses replays that the site does not count as activity.",
    )
    max_requests: int | None = option_field(
        "--max-requests",
        type=int_range(1),
        metavar="N",
        help="Send at most about N requests, in order of priority.  [default: all that are due]",
    )
    n: int | None = option_field("--n", type=int_range(1, 1024), metavar="N", help="Requests at once.  [default: 16]")
    dry_run: bool = option_field("--dry-run", is_flag=True, default=False, help="Show what is due; send nothing.")
    progress: bool | None = option_field(
        "--progress/--no-progress", help="Show a progress bar, or log lines.  [default: a bar on a terminal]"
    )

    def age_ms(self) -> int | None:
        """Return the age from which a listing is due; None: age does not count. Raise UsageError if it is no span."""
        if self.older_than is None and self.changed:
            return None
        try:
            return span_s(DEFAULT_AGE if self.older_than is None else self.older_than) * 1000
        except ValueError as error:
            raise UsageError(f"--older-than {error}. Write 12h, 7d or 1d12h.", code="input.time") from None


@command()
def refresh(
    options: RefreshOptions, only: TrackSelection, storage: StorageOptions, exchange_options: ExchangeOptions
) -> None:
    """List the leaderboards that are due: of tracks with new activity, and those not listed for a while.

    \b
      tmxdb refresh --only best
      tmxdb refresh --older-than 1d --max-requests 500
      tmxdb refresh --changed
      tmxdb refresh --track-id 2233 --older-than 1h
      tmxdb run
      tmxdb changes

    Each leaderboard is listed to the same depth as before. New replays wait for `tmxdb run`.
    Tracks are listed in order of priority. No tracks are added.
    """
    age_ms = options.age_ms()
    if options.dry_run:
        _say_plan(options, only, storage, age_ms)
        return
    from tmxdb.cli.actions.mirror.selecting import QuietSync
    from tmxdb.cli.actions.mirror.work import do_work
    from tmxdb.cli.actions.mirror.work_request import WorkRequest
    from tmxdb.cli.opening.exchange import open_exchange, open_unused_exchange
    from tmxdb.sync.due import count_due, reopen_old
    from tmxdb.sync.refresh import look_for_changes

    with stop_signals() as signals:
        database = open_database(storage)
        only = only.or_remembered(database)
        scope = only.scope(database)
        with database.read() as connection:
            before_ms = _time_before(connection, age_ms)
            sends_requests = count_due(connection, before_ms, scope).tracks > 0
        if sends_requests:
            exchange, _ = open_exchange(storage, exchange_options, database, connections=2, stop=signals.stop)
        else:
            exchange = open_unused_exchange(storage, exchange_options, database, signals.stop)
        budget = options.max_requests
        moved, sent = look_for_changes(
            database,
            exchange,
            QuietSync(),
            scope,
            max_requests=None if budget is None else max(1, budget // 2),
            stop=signals.stop,
            note=message,
        )
        if signals.stop.is_set():
            message("Interrupted. Run the same command again to continue.")
            sys.exit(INTERRUPTED)
        with database.read() as connection:
            waiting = count_due(connection, before_ms, scope).open
        room = None if budget is None else max(0, budget - sent - waiting)
        old = reopen_old(database, before_ms, scope, room) if age_ms is not None else 0
    left = None if budget is None else max(0, budget - sent)
    if left == 0:
        message("The budget was used up to ask what has changed. A larger --max-requests lists leaderboards, too.")
        return
    message(
        f"{plural(waiting + old, 'leaderboard')} to list: {old:,} not listed for a while, {moved:,} with new activity,"
        f" {max(waiting - moved, 0):,} pending already."
    )
    if waiting + old == 0:
        message("No leaderboard is due.")
        return
    work = WorkOptions(n=options.n, limit=left, progress=options.progress)
    do_work(WorkRequest(["list"], storage, exchange_options, work, CaptureGameOptions(), only))


def _time_before(connection: Connection, age_ms: int | None) -> int:
    """Return the time before which a leaderboard must have been listed to be due, in ms; 0 if age does not count."""
    from tmxdb.db.database_clock import time_of

    return 0 if age_ms is None else time_of(connection) - age_ms


def _say_plan(options: RefreshOptions, only: TrackSelection, storage: StorageOptions, age_ms: int | None) -> None:
    from tmxdb.sync.due import LOOKED_UP_BY_ID, count_due

    database = open_database(storage, read_only=True)
    scope = only.or_remembered(database).scope(database)
    with database.read() as connection:
        due = count_due(connection, _time_before(connection, age_ms), scope)
    by_list = scope is None and due.tracks > LOOKED_UP_BY_ID
    looks = 2 if by_list else -(-due.tracks // IDS_AT_ONCE)
    if options.max_requests is not None:
        looks = min(looks, max(1, options.max_requests // 2))
    least = "At least" if by_list else "About"
    which = "whether 1 track" if due.tracks == 1 else f"which of {due.tracks:,} tracks"
    message(
        f"{least} {plural(looks, 'request')} would ask {which} {'has' if due.tracks == 1 else 'have'} new activity."
    )
    listings = due.by_age + due.open
    if options.max_requests is not None:
        listings = min(listings, max(0, options.max_requests - looks))
    message(
        f"{plural(due.by_age, 'leaderboard')} not listed for a while, {due.open:,} pending already;"
        f" {listings:,} would be listed, and those with new activity."
    )
