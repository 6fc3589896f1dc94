"""One worker in this process: open what it needs, and run it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

from tmxdb.cli.actions.mirror.work_request import WorkRequest, job_options_of
from tmxdb.cli.opening.database import close_at_end
from tmxdb.cli.opening.exchange import open_exchange, open_unused_exchange
from tmxdb.cli.opening.games import open_games
from tmxdb.cli.options.work import DEFAULT_GAMES
from tmxdb.clock import wall_clock
from tmxdb.db.database import Database
from tmxdb.events import EventBus, SitePaused
from tmxdb.kinds import make_kind
from tmxdb.kinds.context import JobContext
from tmxdb.queue.loop.run_options import RunOptions, Totals
from tmxdb.queue.loop.worker import Worker
from tmxdb.queue.worker_registry import live_workers, new_identity
from tmxdb.storage import Storage
from tmxdb.tmx.client import Exchange
from tmxdb.tmx.fetch import Fetcher


def open_worker_exchange(
    request: WorkRequest, database: Database, stop: threading.Event, *, sends_nothing: bool
) -> tuple[Exchange, float | None]:
    """Return the exchange and the rate in requests per second; captures and local rows need no requests."""
    if sends_nothing:
        return open_unused_exchange(request.storage, request.exchange, database, stop), None
    # Listing has the connections of its own threads only; see `pool_sizes` in `queue/loop/thread_pool.py`.
    connections = request.n if request.kinds == ["list"] else max(1, request.n // 4)
    return open_exchange(
        request.storage, request.exchange, database, connections=connections, stop=stop, at_once=request.n
    )


def delete_partial_files(database: Database, storage: Storage) -> None:
    """Delete the temporary files of workers that have ended."""
    partial_files = storage.partial_files()
    with database.read() as connection:
        storage.delete_partial(partial_files, live_workers(connection, wall_clock()))


def run_worker(
    request: WorkRequest,
    database: Database,
    storage: Storage,
    exchange: Exchange,
    events: EventBus,
    *,
    stop: threading.Event,
    stop_now: threading.Event,
    note: Callable[[str], None],
) -> tuple[Totals, str | None]:
    """Work until nothing is left. Return what was done, and a sentence about frames that captures missed."""
    options, identity, fetcher = request.work, new_identity(), Fetcher(exchange)
    close_at_end(fetcher.close)
    context = JobContext(database, storage, exchange, fetcher, identity.worker_id, job_options_of(request, database))
    context = replace(context, events=events)
    exchange.rate_limiter.on_pause = lambda seconds, reason: events.emit(SitePaused(seconds, reason))
    delete_partial_files(database, storage)
    if "capture" in request.kinds:
        games = request.n if request.only_captures else DEFAULT_GAMES
        waits = options.wait or options.forever
        pool = open_games(
            context, games, request.games, note, stop, waits=waits, has_other_work=not request.only_captures
        )
        context = replace(context, games=pool)
    run_options = RunOptions(
        n=request.n,
        limit=options.limit or 0,
        forever=options.forever,
        wait=options.wait,
        max_attempts=options.max_attempts,
        selection=request.scope,
    )
    worker = Worker(
        database,
        [make_kind(name, context) for name in request.kinds],
        run_options,
        identity=identity,
        events=events,
        stop=stop,
        stop_now=stop_now,
        concurrency=lambda: exchange.concurrency.limit,
        waiting_threads=exchange.rate_limiter.waiting_threads,
        check=storage.identity.check,
    )
    totals = worker.run()
    return totals, context.games.missed_frames if context.games is not None else None
