"""What `tmxdb work` and `tmxdb run` would do: the dry run, and the estimate that a run begins with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import click

from tmxdb.cli.actions.mirror.work_request import WorkRequest, job_options_of
from tmxdb.cli.opening.database import open_database
from tmxdb.cli.opening.exchange import effective_rate, site_and_contact
from tmxdb.cli.options.work import WorkOptions
from tmxdb.cli.shared.output import message, plural
from tmxdb.clock import span
from tmxdb.db.database import Database
from tmxdb.db.models import JOBS
from tmxdb.kinds.context import JobOptions
from tmxdb.kinds.reopening import count_more_replays, count_opening, most_new_replays
from tmxdb.reports.counts import counts
from tmxdb.reports.forecast import Forecast, Opening, forecast, next_items
from tmxdb.storage import id_name


def say_plan(request: WorkRequest) -> None:
    """Print what would be claimed first, and the number of requests and their time. Write and send nothing."""
    options, n = request.work, request.n
    request.check()
    database = open_database(request.storage, read_only=True)
    request = replace(request, scope=request.only.or_remembered(database).scope(database))
    job_options = job_options_of(request, database)
    where, _ = site_and_contact(request.storage, request.exchange, database)
    rate = effective_rate(database, where, request.exchange.rate)
    ahead = estimate_run(database, request.kinds, options, job_options)
    shown = min(n, options.limit or n)
    for kind in request.kinds:
        _say_next(kind, ahead.waiting[kind], next_items(database, JOBS[kind], shown, job_options.selection))
    pace = f"about {span(ahead.requests / rate)} at {rate:g} per second" if rate else "there is no rate limit"
    message(f"{about(ahead)}: {pace}.")


def _say_next(kind: str, waiting: int, first: Sequence[int]) -> None:
    """Print how many rows of a kind are to do. If there are any, print the first ones on stdout."""
    message(f"{kind}: {plural(waiting, 'row')} to do{'; the first that would be claimed:' if first else '.'}")
    for item_id in first:
        click.echo(f"{kind} {id_name(item_id)}")


def about(ahead: Forecast) -> str:
    """Return `About 60 requests`, or `Up to …` where more cannot be known."""
    return f"{'Up to' if ahead.is_upper_bound else 'About'} {plural(ahead.requests, 'request')}"


def estimate_run(database: Database, kinds: Sequence[str], options: WorkOptions, job_options: JobOptions) -> Forecast:
    """Return what a run would do, with the rows that its first step would open."""
    with database.read() as connection:
        rows = {kind: count_opening(connection, kind, job_options) for kind in kinds}
        more_replays = new_replays = 0
        if "list" in kinds:
            more_replays = count_more_replays(connection, job_options)
            waiting = counts(connection, job_options.selection)["list"]
            new_replays = most_new_replays(connection, job_options, waiting["pending"] + waiting["retry"])
    return forecast(
        database,
        Opening(rows, more_replays, new_replays),
        maps_from_site=job_options.maps_from_site,
        limit=options.limit,
        selection=job_options.selection,
    )
