"""`tmxdb status`: what is done, what is missing, who is working."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import click

from tmxdb.cli.context import open_database, open_storage, options
from tmxdb.cli.options import json_option, option, site_options
from tmxdb.cli.say import print_json, print_table, safe
from tmxdb.clock import span, wall_clock

if TYPE_CHECKING:
    from tmxdb.reports.status import Status


@click.command()
@site_options()
@option("--watch", is_flag=True, help="Again every two seconds, until Ctrl-C.")
@json_option
@click.pass_context
def status(ctx: click.Context, /, watch: bool, as_json: bool, **given: Any) -> None:
    """What is done, what is missing, who is working, and why rows failed.

    \b
        tmxdb status
        tmxdb status --watch
        tmxdb status --json
    """
    from tmxdb.reports.status import read_status

    chosen = options(ctx, given)
    database = open_database(chosen, read_only=True)
    storage = open_storage(chosen, database)
    while True:
        state = read_status(database, storage.root, storage.free_bytes(), wall_clock())
        if as_json:
            print_json(state.as_json())
        else:
            if watch and sys.stdout.isatty():
                click.clear()
            _print(state)
        if not watch:
            return
        time.sleep(2)


def _print(state: Status) -> None:
    from tmxdb.db.models import STATUSES

    size = "" if state.database_bytes is None else f", {_bytes(state.database_bytes)}"
    click.echo(safe(f"{state.database} ({state.site or 'no site yet'}{size}); files in {state.data}"))
    click.echo()
    rows = []
    for kind, row in state.kinds.items():
        left = state.seconds_left.get(kind)
        rate = state.rates.get(kind)
        pace = (f"{rate:g}/s" if rate else None, span(left) if left else None)
        rows.append((kind, *(row[name] for name in STATUSES), *pace))
    print_table(("kind", *STATUSES, "rate", "left"), rows)
    click.echo()
    free = "" if state.free_bytes is None else f"; {_bytes(state.free_bytes)} free on the disk"
    kept = [f"{files['n']:,} {name}, {_bytes(files['bytes'])}" for name, files in state.files.items()]
    click.echo(f"Files: {'; '.join(kept)}{free}.")
    if state.pause:
        click.echo(safe(f"Paused until {state.pause['until']}: {state.pause['reason']}."))
    for paused in state.paused:
        click.echo(safe(f"{paused}; `tmxdb resume {paused.kind}` lets it go on."))
    _print_workers(state)
    if state.failures:
        click.echo()
        print_table(
            ("kind", "status", "error_code", "n", "example"),
            [(f.kind, f.status, f.error_code, f.n, f.example.strip().splitlines()[-1]) for f in state.failures],
        )


def _print_workers(state: Status) -> None:
    from tmxdb.reports.status import seconds_since

    if not state.workers:
        click.echo("No worker is running.")
        return
    click.echo()
    now = wall_clock()
    print_table(
        ("worker", "kinds", "n", "width", "running for", "last word", "done", "skipped", "failed", "retried"),
        [
            (
                worker.worker_id, worker.kinds, worker.n, worker.width, span(seconds_since(worker.started_at, now)),
                f"{span(seconds_since(worker.heartbeat_at, now))} ago", worker.done, worker.skipped, worker.failed,
                worker.retried,
            )
            for worker in state.workers
        ],
    )  # fmt: skip


def _bytes(n: int) -> str:
    for unit in ("B", "KB", "MB", "GB"):
        if n < 1000:
            return f"{n:.0f} {unit}" if unit == "B" or n >= 100 else f"{n:.1f} {unit}"
        n /= 1000  # type: ignore[assignment]
    return f"{n:.1f} TB"
