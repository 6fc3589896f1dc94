"""`tmxdb work` and `tmxdb run`: claim pending rows and do them."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import click
from click.core import ParameterSource

from tmxdb.cli import INTERRUPTED, SOME_FAILED
from tmxdb.cli.context import Options, close_at_the_end, open_database, open_storage, options
from tmxdb.cli.exchange import open_exchange, rate_kept, site_and_contact, unasked_exchange
from tmxdb.cli.games import games_options, open_games
from tmxdb.cli.memory import give_back_what_is_free
from tmxdb.cli.options import dry_run_option, option, progress_option, rate_option, reader_option, site_options
from tmxdb.cli.say import counted, talk
from tmxdb.cli.signals import Stopping, ctrl_c
from tmxdb.cli.watching import Watching
from tmxdb.clock import span, wall_clock
from tmxdb.db.engine import Database
from tmxdb.kinds import KINDS, UNASKED, make_kind
from tmxdb.kinds.facts import reader
from tmxdb.kinds.naming import DEFAULT_TEMPLATE, NameTemplate
from tmxdb.kinds.tools import Options as JobOptions
from tmxdb.kinds.tools import Tools
from tmxdb.queue.plan import Plan, Totals
from tmxdb.queue.worker import Worker
from tmxdb.queue.workers import Identity, live_workers, new_identity
from tmxdb.reports.counts import open_rows
from tmxdb.reports.forecast import forecast, next_items
from tmxdb.tmx.client import Exchange
from tmxdb.tmx.fetch import Fetcher

_OPTIONS = (
    option(
        "--n",
        type=click.IntRange(min=1, max=1024),
        default=16,
        show_default=True,
        help="Jobs in flight at once; of captures alone: games, 1 unless you say.",
    ),
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
@games_options
@click.pass_context
def work(ctx: click.Context, /, kinds: tuple[str, ...], **given: Any) -> None:
    """Do the pending jobs of one or more kinds, until none is left.

    \b
        tmxdb work --kind list --n 16 --top 50
        tmxdb work --kind download --n 64
        tmxdb work --kind extract --limit 10
        tmxdb work --kind capture --n 2 --base-tmi-port 8478

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
    _start(ctx, list(UNASKED), given)


def _start(ctx: click.Context, /, names: list[str], given: dict[str, Any]) -> None:
    chosen = options(ctx, given)
    if names == ["capture"] and ctx.get_parameter_source("n") is ParameterSource.DEFAULT:
        given["n"] = 1  # a game needs a window, and much of the computer
    if given["dry_run"]:
        _say_what_would_be_done(chosen, names, given)
        return
    give_back_what_is_free()
    wanted = _job_options(given)
    with ctrl_c() as stopping:
        database = open_database(chosen)
        exchange, rate = _exchange(chosen, database, names, given, stopping)
        if rate:
            ahead = forecast(database, names, given["top"])
            talk(
                f"Asking {exchange.site.base_url} at {rate:g} requests a second for all processes of this database"
                f" together (--rate): some {ahead.requests:,} requests take about {span(ahead.requests / rate)}."
            )
        storage = open_storage(chosen, database)
        storage.check_writable()
        identity = new_identity()
        fetcher = Fetcher(exchange)
        close_at_the_end(fetcher.close)
        tools = Tools(database, storage, exchange, fetcher, identity.worker_id, wanted)
        totals = _work(names, given, identity, tools, stopping)
    _end(database, totals, stopping)


def _exchange(
    chosen: Options, database: Database, names: list[str], given: dict[str, Any], stopping: Stopping
) -> tuple[Exchange, float | None]:
    """The exchange, and the rate that is kept; captures ask it nothing."""
    if names == ["capture"]:
        return unasked_exchange(chosen, database, stopping.stop), None
    return open_exchange(
        chosen,
        database,
        connections=_api_connections(names, given["n"]),
        rate=given["rate"],
        stop=stopping.stop,
        at_once=given["n"],
    )


def _job_options(given: dict[str, Any]) -> JobOptions:
    return JobOptions(
        top=given["top"],
        all_replays=given["all_replays"],
        maps_from_site=given["source"] == "site",
        store_inputs=given["store_inputs"],
        reader=reader(given["gbx_reader"]),
        name_template=NameTemplate(given["name_template"]),
    )


def _work(names: list[str], given: dict[str, Any], identity: Identity, tools: Tools, stopping: Stopping) -> Totals:
    plan = Plan(
        n=given["n"],
        limit=given["limit"] or 0,
        forever=given["forever"],
        wait=given["wait"],
        max_attempts=given["max_attempts"],
    )
    database = tools.database
    with Watching(database, names, bar=given["progress"]) as watching:
        stopping.say = watching.note
        tools.exchange.gate.on_pause = watching.paused
        half_written = tools.storage.half_written()
        with database.read() as connection:
            tools.storage.sweep(half_written, live_workers(connection, wall_clock()))
        if "capture" in names:
            games = given["n"] if names == ["capture"] else 1
            tools = replace(tools, games=open_games(tools, games, given, watching.note))
        worker = Worker(
            database,
            [make_kind(name, tools) for name in names],
            plan,
            identity=identity,
            listener=watching,
            stop=stopping.stop,
            stop_now=stopping.now,
            width=lambda: tools.exchange.lanes.width,
        )
        return worker.run()


def _say_what_would_be_done(chosen: Options, names: list[str], given: dict[str, Any]) -> None:
    """What would be claimed, and how long it takes; nothing is written or sent."""
    database = open_database(chosen, read_only=True)
    where, _ = site_and_contact(chosen, database)
    rate = rate_kept(database, where, given["rate"])
    ahead = forecast(database, names, given["top"])
    for name in names:
        talk(f"{name}: {ahead.waiting[name]:,} rows to do; the first that would be claimed:")
        for item_id in next_items(database, KINDS[name].table, given["n"]):
            click.echo(f"{name} {item_id}")
    pace = f"about {span(ahead.requests / rate)} at {rate:g} a second" if rate else "as fast as it goes"
    talk(f"Some {ahead.requests:,} requests: {pace}.")


def _end(database: Database, totals: Totals, stopping: Stopping) -> None:
    done, failed, skipped = totals.of("done"), totals.of("failed"), totals.of("skipped")
    repeated = f"; {counted(totals.of('retry'), 'attempt')} did not succeed at once" if totals.of("retry") else ""
    talk(f"{done:,} done, {skipped:,} skipped, {failed:,} failed{repeated}.")
    if failed:
        talk('Why: `tmxdb status`, or `tmxdb query "select * from failures"`. Again: `tmxdb retry`.')
    if stopping.stop.is_set():
        with database.read() as connection:
            left = open_rows(connection)
        talk(f"Interrupted: {left:,} rows are left; the same command goes on from here.")
        sys.exit(INTERRUPTED)
    if failed:
        sys.exit(SOME_FAILED)


def _api_connections(names: list[str], n: int) -> int:
    """Listing has the connections of its own threads only; see `queue.worker.crew_sizes`."""
    return n if names == ["list"] else max(1, n // 4)
