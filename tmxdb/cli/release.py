"""`tmxdb release`: rows that are stuck go back to pending."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import click

from tmxdb.cli.context import open_database, options
from tmxdb.cli.options import dry_run_option, option, site_options
from tmxdb.cli.say import counted, talk
from tmxdb.clock import wall_clock
from tmxdb.db.engine import Database
from tmxdb.db.models import JOBS
from tmxdb.errors import BadInput
from tmxdb.queue.by_hand import held, take_back
from tmxdb.queue.workers import Watch, sign_out
from tmxdb.upkeep.gone import Signed, gone_workers, signed_in


@click.command()
@site_options()
@option("--worker", "names", metavar="ID", multiple=True, help="Rows of this worker, though it may live.")
# Not TMXDB_ALL: that may be meant for `tmxdb reread --all`, which harms nobody.
@option(
    "--all", "everybody", is_flag=True, envvar="TMXDB_RELEASE_ALL", help="Rows of every worker, though it may live."
)
@dry_run_option
@click.pass_context
def release(ctx: click.Context, /, names: tuple[str, ...], everybody: bool, dry_run: bool, **given: Any) -> None:
    """Give back rows that are running for workers that are gone. No attempt is charged.

    \b
        tmxdb release
        tmxdb release --dry-run
        tmxdb release --worker box-4711-a1b2c3

    Workers do so by themselves within seconds; this is for when none runs, or when a living one hangs. What a worker
    hands in after its rows were taken is dropped.
    """
    if names and everybody:
        raise click.UsageError("Either --worker or --all.")
    database = open_database(options(ctx, given), read_only=dry_run)
    named = _named(database, names, everybody)
    ids = [worker.worker_id for worker in named]
    now_ms, total = wall_clock(), 0
    workers = None if everybody else sorted({*ids, *names})
    with database.read() if dry_run else database.write() as connection:
        for kind, table in JOBS.items():
            n = sum(held(connection, table, workers).values())
            if n and not dry_run:
                n = take_back(connection, kind, table, workers, now_ms)
            if n:
                talk(f"{kind}: {counted(n, 'row')} {'would be' if dry_run else 'are'} pending again.")
            total += n
        if not dry_run:
            sign_out(connection, [worker.worker_id for worker in named if _ended(worker)])
    for worker in named:
        if _ended(worker):
            talk(f"{'Would be struck' if dry_run else 'Struck'} off the list: {worker}.")
        else:
            talk(f"Still on the list: {worker}. Its results are dropped; to be rid of it, end its process first.")
    click.echo(total)


def _named(database: Database, names: Sequence[str], everybody: bool) -> list[Signed]:
    if not names and not everybody:
        return gone_workers(database, clock=wall_clock, watch=Watch(), wait=time.sleep, on_wait=_watching)
    with database.read() as connection:
        known = signed_in(connection, wall_clock())
        holders = {name for table in JOBS.values() for name in held(connection, table, None)}
    for name in names:
        if name not in {worker.worker_id for worker in known} | holders:
            there = ", ".join(worker.worker_id for worker in known) or "none"
            raise BadInput(f"there is no worker {name}; on the list: {there}.", code="input.no_worker")
    return [worker for worker in known if everybody or worker.worker_id in names]


def _ended(worker: Signed) -> bool:
    """One that lives stays on the list: rows that it claims before its next heartbeat would else count as lost."""
    return worker.silent or not worker.alive


def _watching(workers: Sequence[Signed], seconds: float) -> None:
    for worker in workers:
        talk(f"Watching {worker} for {seconds:.0f} s: its time is over, but the clocks of two machines may differ.")
