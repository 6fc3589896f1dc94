"""`tmxdb work` and `tmxdb run`: claim pending rows and do them."""

from __future__ import annotations

import sys
from typing import Any

import click

from tmxdb.cli import INTERRUPTED, SOME_FAILED
from tmxdb.cli.context import Options, open_database, open_exchange, open_storage, options
from tmxdb.cli.options import dry_run_option, option, progress_option, rate_option, reader_option, site_options
from tmxdb.cli.say import talk
from tmxdb.cli.signals import Stopping, ctrl_c
from tmxdb.cli.watching import Watching
from tmxdb.clock import span, wall_clock
from tmxdb.db.engine import Database
from tmxdb.kinds import KINDS, make_kind
from tmxdb.kinds.facts import reader
from tmxdb.kinds.naming import DEFAULT_TEMPLATE, NameTemplate
from tmxdb.kinds.tools import Options as JobOptions
from tmxdb.kinds.tools import Tools
from tmxdb.queue.job import Kind
from tmxdb.queue.worker import Plan, Totals, Worker
from tmxdb.queue.workers import Identity, live_workers, new_identity
from tmxdb.reports.forecast import Forecast, forecast
from tmxdb.tmx.fetch import Fetcher

_OPTIONS = (
    option("--n", type=click.IntRange(min=1, max=1024), default=16, show_default=True, help="Jobs in flight at once."),
    option("--limit", type=click.IntRange(min=1), metavar="M", help="Stop after M jobs."),
    option("--forever", is_flag=True, help="Stay, and wait for new work."),
    option("--top", type=click.IntRange(min=1), default=50, show_default=True, help="list: best N replays of a track."),
    option("--all-replays", is_flag=True, help="list: beaten, unranked and older ones too."),
    option(
        "--from",
        "source",
        type=click.Choice(["replay", "site"]),
        default="replay",
        show_default=True,
        help="extract: cut maps out of replays, asking the site where none has it; or ask the site for all.",
    ),
    option("--max-attempts", type=click.IntRange(min=1), default=5, show_default=True, help="Then a row has failed."),
    option("--wait/--no-wait", default=True, help="Wait for rows in backoff, or leave them.  [default: wait]"),
    option("--name-template", default=DEFAULT_TEMPLATE, show_default=True, help="Names of replay files."),
    option("--store-inputs/--no-inputs", default=True, help="Keep every input event in the database.  [default: keep]"),
    reader_option,
    rate_option,
    dry_run_option,
    progress_option,
)


def _work_options(function: Any) -> Any:
    for decorate in reversed(_OPTIONS):
        function = decorate(function)
    return site_options()(function)


@click.command()
@option("--kind", "kinds", type=click.Choice(list(KINDS)), multiple=True, required=True, help="May be repeated.")
@_work_options
@click.pass_context
def work(ctx: click.Context, /, kinds: tuple[str, ...], **given: Any) -> None:
    """Do the pending jobs of one or more kinds, until none is left.

    \b
        tmxdb work --kind list --n 16 --top 50
        tmxdb work --kind download --n 64
        tmxdb work --kind extract --limit 10

    Start it as often as you like, also at the same time: two workers never do the same row.
    """
    _start(ctx, [name for name in KINDS if name in kinds], given)


@click.command()
@_work_options
@click.pass_context
def run(ctx: click.Context, /, **given: Any) -> None:
    """List, download and extract side by side until nothing is left.

    \b
        tmxdb run --top 10 --n 16
        tmxdb run --dry-run
    """
    _start(ctx, list(KINDS), given)


def _start(ctx: click.Context, /, names: list[str], given: dict[str, Any]) -> None:
    chosen = options(ctx, given)
    template = NameTemplate(given["name_template"])
    with ctrl_c() as stopping:
        database = open_database(chosen)
        exchange, rate = open_exchange(
            chosen, database, connections=_api_connections(names, given["n"]), rate=given["rate"], stop=stopping.stop
        )
        identity = new_identity()
        tools = Tools(
            database=database,
            storage=open_storage(chosen, database),
            exchange=exchange,
            fetcher=Fetcher(exchange),
            worker_id=identity.worker_id,
            options=JobOptions(
                top=given["top"],
                all_replays=given["all_replays"],
                maps_from_site=given["source"] == "site",
                store_inputs=given["store_inputs"],
                reader=reader(given["gbx_reader"]),
                name_template=template,
            ),
        )
        kinds = [make_kind(name, tools) for name in names]
        ahead = forecast(database, kinds, given["top"], rate)
        if given["dry_run"]:
            _say_what_would_be_done(database, kinds, ahead, given["n"])
            return
        _announce(exchange.site.base_url, ahead, rate)
        tools.storage.check_writable()
        totals = _work(database, kinds, given, identity, tools, stopping)
    _end(chosen, database, totals, stopping)


def _work(
    database: Database, kinds: list[Kind], given: dict[str, Any], identity: Identity, tools: Tools, stopping: Stopping
) -> Totals:
    plan = Plan(
        n=given["n"],
        limit=given["limit"] or 0,
        forever=given["forever"],
        wait=given["wait"],
        max_attempts=given["max_attempts"],
    )
    with Watching(database, [kind.name for kind in kinds], bar=given["progress"]) as watching:
        stopping.say = watching.note
        tools.exchange.gate.on_pause = watching.paused  # type: ignore[attr-defined]
        with database.read() as connection:
            tools.storage.sweep(live_workers(connection, wall_clock()))
        worker = Worker(
            database,
            kinds,
            plan,
            identity=identity,
            listener=watching,
            stop=stopping.stop,
            stop_now=stopping.now,
        )
        return worker.run()


def _announce(url: str, ahead: Forecast, rate: float | None) -> None:
    if rate:
        talk(
            f"Asking {url} at {rate:g} requests a second for all processes of this database together (--rate):"
            f" some {ahead.requests:,} requests take about {span(ahead.requests / rate)}."
        )


def _say_what_would_be_done(database: Database, kinds: list[Kind], ahead: Forecast, n: int) -> None:
    from tmxdb.reports.forecast import next_items

    for kind in kinds:
        talk(f"{kind.name}: {ahead.waiting[kind.name]:,} rows to do; the first {n} that would be claimed:")
        for item_id in next_items(database, kind, n):
            click.echo(f"{kind.name} {item_id}")
    if ahead.rate:
        talk(f"Some {ahead.requests:,} requests: about {span(ahead.requests / ahead.rate)} at {ahead.rate:g} a second.")
    else:
        talk(f"Some {ahead.requests:,} requests, as fast as it goes.")


def _end(chosen: Options, database: Database, totals: Totals, stopping: Stopping) -> None:
    done, failed, skipped = totals.of("done"), totals.of("failed"), totals.of("skipped")
    talk(f"{done:,} done, {skipped:,} skipped, {failed:,} failed, {totals.of('retry'):,} tried in vain for now.")
    if failed:
        talk('Why: `tmxdb status`, or `tmxdb query "select * from failures"`. Again: `tmxdb retry`.')
    if stopping.stop.is_set():
        with database.read() as connection:
            from tmxdb.reports.counts import open_rows

            left = open_rows(connection)
        talk(f"Interrupted: {left:,} rows are left; the same command goes on from here.")
        sys.stderr.flush()
        sys.exit(INTERRUPTED)
    if failed:
        sys.exit(SOME_FAILED)


def _api_connections(names: list[str], n: int) -> int:
    """Listing has the connections of its own threads only; see `queue.worker.crew_sizes`."""
    return n if names == ["list"] else max(1, n // 4)
