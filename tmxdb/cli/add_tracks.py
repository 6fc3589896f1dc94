"""`tmxdb add-tracks`: single tracks by id, from a file, or by name."""

from __future__ import annotations

import sys
from typing import Any

import click

from tmxdb.cli import INTERRUPTED, SOME_FAILED
from tmxdb.cli.context import open_database, options
from tmxdb.cli.exchange import greet, open_exchange
from tmxdb.cli.ids import read_ids, some
from tmxdb.cli.options import dry_run_option, option, rate_option, site_options
from tmxdb.cli.say import print_table, talk
from tmxdb.cli.signals import ctrl_c
from tmxdb.errors import BadInput
from tmxdb.sync.add import add_tracks as add
from tmxdb.sync.add import search


@click.command()
@site_options()
@click.argument("ids", nargs=-1)
@option("--file", "files", type=click.Path(dir_okay=False), multiple=True, metavar="FILE", help="Ids, one a line; - is standard input. The order is the priority.")  # fmt: skip  # noqa: E501
@option("--name", metavar="TEXT", help="Search the site by name and add what is found.")
@option("--max-tracks", type=click.IntRange(min=1), default=10, show_default=True, help="--name: at most so many.")
@option("--skip-bad", is_flag=True, help="Leave out lines that are no ids instead of refusing the file.")
@option("--lookup/--no-lookup", default=True, help="Ask the site about the tracks, 100 a request.  [default: ask]")
@rate_option
@dry_run_option
@click.pass_context
def add_tracks(ctx: click.Context, /, **given: Any) -> None:
    """Add tracks that you name; they come before all others, in the order given.

    \b
        tmxdb add-tracks 2233 100
        tmxdb add-tracks --file track_ids.txt
        tmxdb add-tracks --name "A01-Race"
    """
    chosen = options(ctx, given)
    ids, bad = read_ids(given["ids"], given["files"])
    if bad:
        talk(some(bad, "\n"))
        if not given["skip_bad"]:
            advice = "nothing was added; --skip-bad leaves them out."
            raise BadInput(f"{len(bad):,} lines are no track ids: {advice}", code="input.ids")
    if not ids and not given["name"]:
        raise click.UsageError("name some tracks: ids, --file or --name." if not bad else "no track id is left.")
    if given["dry_run"]:
        search_too = f", and the site would be searched for {given['name']!r}" if given["name"] else ""
        talk(f"{len(ids):,} tracks would be added{search_too}.")
        return
    with ctrl_c() as stopping:
        if given["lookup"] or given["name"]:
            greet(chosen, stopping.stop)
        database = open_database(chosen, create=True)
        exchange, _ = open_exchange(chosen, database, connections=1, rate=given["rate"], stop=stopping.stop)
        if given["name"]:
            found = search(exchange, given["name"], given["max_tracks"], stop=stopping.stop, note=talk)
            _show(found, given["name"])
            ids += [record.track_id for record in found]
        added = add(database, exchange if given["lookup"] else None, ids, stop=stopping.stop, note=talk)
    talk(f"{added.new:,} tracks added, {added.known:,} were there and come first now.")
    if added.missing:
        talk(f"{len(added.missing):,} are not on {exchange.site.base_url}: {some(added.missing, ', ')}.")
    if stopping.stop.is_set():
        talk("Interrupted; the same command goes on from here.")
        sys.exit(INTERRUPTED)
    if added.missing:
        sys.exit(SOME_FAILED)


def _show(found: list[Any], name: str) -> None:
    if not found:
        raise BadInput(f"no track with {name!r} in its name; nothing was added.", code="input.ids")
    columns = ("track_id", "name", "uploader_name", "author_time_ms", "awards")
    print_table(columns, [(r.track_id, *(r.columns[column] for column in columns[1:])) for r in found])
