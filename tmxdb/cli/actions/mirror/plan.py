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
from tmxdb.formats import estimate
from tmxdb.kinds.context import JobOptions
from tmxdb.kinds.new_replays import NewReplays, expected_new_replays
from tmxdb.kinds.reopening import count_opening
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
    if not ahead.requests:
        message("No request to the site is needed.")
        return
    pace = f"about {span(ahead.requests / rate)} at {rate:g} per second" if rate else "there is no rate limit"
    message(f"{estimate(ahead.requests, 'request', ahead.precision)}: {pace}.")


def _say_next(kind: str, waiting: int, first: Sequence[int]) -> None:
    """Print how many rows of a kind are to do. If there are any, print the first ones on stdout."""
    message(f"{kind}: {plural(waiting, 'row')} to do{'; the first that would be claimed:' if first else '.'}")
    for item_id in first:
        click.echo(f"{kind} {id_name(item_id)}")


def estimate_run(database: Database, kinds: Sequence[str], options: WorkOptions, job_options: JobOptions) -> Forecast:
    """Return what a run would do, with the rows that its first step would open."""
    with database.read() as connection:
        rows = {kind: count_opening(connection, kind, job_options) for kind in kinds}
        new = expected_new_replays(connection, job_options) if "list" in kinds else NewReplays()
    return forecast(
        database,
        Opening(rows, new.n, new.precision, new.tracks_without_record),
        maps_from_site=job_options.maps_from_site,
        limit=options.limit,
        selection=job_options.selection,
    )
