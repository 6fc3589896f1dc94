"""`tmxdb add-tracks`: single tracks by id, URL, file or name."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from tmxdb.cli.exit_status import INTERRUPTED, SOME_FAILED
from tmxdb.cli.framework.command import command, dry_run_option
from tmxdb.cli.framework.option import option
from tmxdb.cli.framework.types import int_range
from tmxdb.cli.opening.database import open_database_if_any, open_to_add
from tmxdb.cli.opening.remembered import is_typed
from tmxdb.cli.options.database import ExchangeOptions, StorageOptions
from tmxdb.cli.shared.ids import first_few, read_ids
from tmxdb.cli.shared.logs import notices
from tmxdb.cli.shared.output import message, plural, print_table
from tmxdb.cli.shared.signals import stop_signals
from tmxdb.errors import InvalidInput, UsageError
from tmxdb.storage import id_name

if TYPE_CHECKING:
    from tmxdb.tmx.records import TrackRecord


@command("add-tracks")
@click.argument("words", metavar="[ID|URL]…", nargs=-1)
@option(
    "--track-ids",
    "files",
    old_names=("--file",),
    multiple=True,
    metavar="FILE",
    help="Tracks in FILE, one id or URL per line, most important first; - is stdin. Repeatable.",
)
@option("--name", metavar="TEXT", help="Search the site for tracks with TEXT in their name and add them.")
@option(
    "--max-tracks",
    type=int_range(1),
    metavar="N",
    default=10,
    show_default=True,
    help="With --name: add at most N tracks.",
)
@option("--skip-bad", is_flag=True, help="Ignore lines that contain no id. Without it, they stop the command.")
@option("--lookup/--no-lookup", default=True, help="Ask the site about the tracks, 100 per request.  [default: lookup]")
@dry_run_option
def add_tracks(
    words: tuple[str, ...],
    files: tuple[str, ...],
    name: str | None,
    max_tracks: int,
    skip_bad: bool,
    lookup: bool,
    dry_run: bool,
    database_options: StorageOptions,
    exchange_options: ExchangeOptions,
) -> None:
    """Add tracks that you name. Workers do them first, in the order given.

    \b
      tmxdb add-tracks 2233 100
      tmxdb add-tracks --track-ids track_ids.txt
      tmxdb add-tracks --name "A01-Race"
    """
    from tmxdb.cli.opening.exchange import (
        check_exchange,
        open_exchange,
        open_unused_exchange,
        remember_site_of_urls,
    )
    from tmxdb.sync.add import add_tracks as add
    from tmxdb.sync.add import search

    if is_typed("max_tracks") and not name:
        raise UsageError("--max-tracks is about the tracks that --name finds: add --name, or leave it out.",
                         code="input.ids")  # fmt: skip
    ids, bad = read_ids(words, files)
    if bad:
        message(first_few(bad, "\n"))
        if not skip_bad:
            noun = "line" if files else "word"
            text = f"{plural(len(bad), noun)} without a track id; nothing was added. --skip-bad ignores them."
            raise InvalidInput(text, code="input.ids") if files else UsageError(text, code="input.ids")
    local = [id_name(track_id) for track_id in ids if track_id < 0]
    if local:
        raise UsageError(
            f"No exchange has the local {'track' if len(local) == 1 else 'tracks'} {first_few(local, ', ')}: only"
            " `tmxdb adopt` adds them.",
            code="input.ids",
        )
    if not ids and not name:
        if files and not bad:
            raise UsageError(f"There are no track ids in {', '.join(files)}.", code="input.ids")
        raise click.UsageError("Name some tracks: ids, --track-ids or --name." if not bad else "No track id is left.")
    if dry_run:
        _say_plan(database_options, ids, name)
        return
    with stop_signals() as signals:
        sends_requests = lookup or bool(name)
        if sends_requests:
            check_exchange(database_options, exchange_options, signals.stop)
        database = open_to_add(database_options)
        if sends_requests:
            exchange, _ = open_exchange(database_options, exchange_options, database, connections=1, stop=signals.stop)
        else:
            exchange = open_unused_exchange(database_options, exchange_options, database, signals.stop)
            remember_site_of_urls(database_options, exchange_options, database)
        if name:
            found = search(exchange, name, max_tracks, stop=signals.stop, note=notices(message, "sync"))
            _show(found, name)
            ids += [record.track_id for record in found]
        added = add(database, exchange if lookup else None, ids, stop=signals.stop, note=notices(message, "sync"))
    message(f"{plural(added.new, 'track')} added; {added.known:,} known before and now first in line.")
    if added.missing:
        message(f"{plural(len(added.missing), 'track')} not found on {exchange.site.base_url}: "
                f"{first_few(added.missing, ', ')}.")  # fmt: skip
    if signals.stop.is_set():
        message("Interrupted. Run the same command again to continue.")
        sys.exit(INTERRUPTED)
    if added.missing:
        sys.exit(SOME_FAILED)


def _say_plan(database_options: StorageOptions, ids: list[int], name: str | None) -> None:
    from tmxdb.db.models import TrackRow, table_of
    from tmxdb.db.selected import missing_ids

    database = open_database_if_any(database_options)
    unknown = ids
    if database is not None:
        with database.read() as connection:
            unknown = missing_ids(connection, table_of(TrackRow).c.track_id, ids)
    known = len(ids) - len(unknown)
    also = f"; the site would be searched for {name!r}" if name else ""
    message(f"{plural(len(unknown), 'track')} would be added, {known:,} known before would come first{also}.")


def _show(found: list[TrackRecord], name: str) -> None:
    if not found:
        raise InvalidInput(f"The site has no track with {name!r} in its name; nothing was added.", code="input.ids")
    columns = ("track_id", "name", "uploader_name", "author_time_ms", "awards")
    print_table(columns, [(r.track_id, *(r.columns[column] for column in columns[1:])) for r in found])
