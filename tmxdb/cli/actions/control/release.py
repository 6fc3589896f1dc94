"""What `tmxdb release` does: rows of workers that are gone become pending again."""

from __future__ import annotations

import time
from collections.abc import Sequence

import click

from tmxdb.cli.opening.database import open_database
from tmxdb.cli.options.database import DatabaseOptions
from tmxdb.cli.shared.output import message, plural, print_count
from tmxdb.clock import wall_clock
from tmxdb.db.database import Database
from tmxdb.db.database_clock import time_of
from tmxdb.db.models import JOBS
from tmxdb.errors import InvalidInput
from tmxdb.queue.admin import count_held, release_rows
from tmxdb.queue.worker_registry import LivenessMonitor, unregister
from tmxdb.upkeep.stale_workers import RegisteredWorker, find_stale_workers, registered_workers


def do_release(names: tuple[str, ...], all_workers: bool, dry_run: bool, database_options: DatabaseOptions) -> None:
    """Give back the rows of the workers named, or of those that are gone."""
    if names and all_workers:
        raise click.UsageError("Use --worker or --all, not both.")
    database = open_database(database_options, read_only=dry_run)
    workers = _chosen(database, names, all_workers)
    holders = None if all_workers else sorted({*names, *(worker.worker_id for worker in workers)})
    total = 0
    with database.read() if dry_run else database.write() as connection:
        now_ms = time_of(connection)
        for kind, table in JOBS.items():
            n = sum(count_held(connection, table, holders).values())
            if n and not dry_run:
                n = release_rows(connection, kind, table, holders, now_ms)
            if n:
                verb = "would be" if dry_run else "is" if n == 1 else "are"
                message(f"{kind}: {plural(n, 'row')} {verb} pending again.")
            total += n
        if not dry_run:
            unregister(connection, [worker.worker_id for worker in workers if _ended(worker)])
    if not total:
        message("No rows to release: no row is held by " + ("any worker." if all_workers else "a worker that is gone."
                if not names else "that worker."))  # fmt: skip
    for worker in workers:
        if _ended(worker):
            message(f"{'Would remove' if dry_run else 'Removed'} from the list of workers: {worker}.")
        else:
            message(f"Still on the list of workers: {worker}. Its results are dropped. End its process to remove it.")
    print_count(total)


def _chosen(database: Database, names: Sequence[str], all_workers: bool) -> list[RegisteredWorker]:
    if not names and not all_workers:
        return find_stale_workers(
            database, clock=wall_clock, monitor=LivenessMonitor(), wait=time.sleep, on_wait=_say_wait
        )
    with database.read() as connection:
        known = registered_workers(connection, time_of(connection))
        holders = {name for table in JOBS.values() for name in count_held(connection, table, None)}
    for name in names:
        if name not in {worker.worker_id for worker in known} | holders:
            workers = ", ".join(worker.worker_id for worker in known) or "none"
            raise InvalidInput(f"No worker {name}. Workers of this database: {workers}.", code="input.no_worker")
    return [worker for worker in known if all_workers or worker.worker_id in names]


def _ended(worker: RegisteredWorker) -> bool:
    """A live worker stays on the list: rows that it claims before its next heartbeat would count as lost."""
    return worker.silent or not worker.alive


def _say_wait(workers: Sequence[RegisteredWorker], seconds: float) -> None:
    for worker in workers:
        message(f"Watching {worker} for {seconds:.0f} s: its lease has expired, but it may have been suspended.")
