"""`tmxdb sync-tracks`: the exchange's track list into the database."""

from __future__ import annotations

import os
import sys
import time
from typing import Any

import click
from sqlalchemy import select
from tqdm import tqdm

from tmxdb.cli import INTERRUPTED
from tmxdb.cli.context import Options, database_if_any, open_database, options
from tmxdb.cli.exchange import greet, open_exchange, rate_kept, site_and_contact
from tmxdb.cli.filters import filter_options, filters
from tmxdb.cli.options import dry_run_option, option, progress_option, rate_option, site_options
from tmxdb.cli.say import counted, talk
from tmxdb.cli.signals import Stopping, ctrl_c
from tmxdb.db import settings
from tmxdb.db.engine import Database
from tmxdb.db.models import Track
from tmxdb.storage import disk_errors
from tmxdb.sync import store
from tmxdb.sync.filters import Filters
from tmxdb.sync.priority import BASES, has_unranked, rank_tracks
from tmxdb.sync.tracks import Synced, TrackSync
from tmxdb.sync.walk import UPLOADED
from tmxdb.tmx.client import Exchange
from tmxdb.tmx.endpoints import ORDERS, PAGE, TRACK_FIELDS, TRACKS, order_number, url

_SAVE_ELSEWHERE = "choose another file with --save-ids"
_ORDER_NAMES = [name + end for name in ORDERS for end in ("", "-asc")]


@click.command()
@site_options()
@option(
    "--order",
    type=click.Choice(_ORDER_NAMES),
    metavar="NAME",
    help=f"Take the first tracks of another order, the largest first: {', '.join(ORDERS)} (or NAME-asc).",
)
@option("--max-tracks", type=click.IntRange(min=1), metavar="N", help="Stop after so many tracks.")
@option("--refresh", is_flag=True, help="Also ask for what was updated or active since the last time.")
@option(
    "--priority", type=click.Choice(list(BASES)), help="What makes a track come first; remembered.  [default: awards]"
)
@option("--save-ids", type=click.Path(dir_okay=False), metavar="FILE", help="Write the ids, one a line, in order.")
@filter_options
@rate_option
@dry_run_option
@progress_option
@click.pass_context
def sync_tracks(ctx: click.Context, /, **given: Any) -> None:
    """Copy the exchange's track list into the database; makes the database if there is none.

    Pages through the list by upload order, 1000 tracks at a time, and remembers the place with each page:
    kill it, start it again, and it goes on. Once through, it asks only for what is new.

    \b
        tmxdb --site http://127.0.0.1:8000 sync-tracks
        tmxdb sync-tracks --order awards --max-tracks 1000 --save-ids track_ids.txt
        tmxdb sync-tracks --environment stadium --tag fullspeed --min-awards 5
        tmxdb sync-tracks --refresh
    """
    chosen, wanted = options(ctx, given), filters(given)
    order, max_tracks = given["order"], given["max_tracks"]
    if given["refresh"] and order:
        raise click.UsageError("--refresh asks for changes to what is known; it does not go with --order.")
    if given["dry_run"]:
        _say_what_would_be_asked(chosen, wanted, order, max_tracks, given["rate"])
        return
    if given["save_ids"]:
        _check_writable(given["save_ids"])
    with ctrl_c() as stopping:
        greet(chosen, stopping.stop)
        database = open_database(chosen, create=True)
        exchange, _ = open_exchange(chosen, database, connections=2, rate=given["rate"], stop=stopping.stop)
        synced = _sync(database, exchange, wanted, given, stopping)
        basis = _basis(database, given["priority"])
        if synced.ids or synced.reopened or given["priority"] or has_unranked(database):
            moved = rank_tracks(database, basis)
            talk(f"Ranked by {basis}: {moved:,} tracks have a new priority.")
        if given["save_ids"]:
            _save_ids(given["save_ids"], synced.ids if order else _all_ids(database))
    if stopping.stop.is_set():
        talk("Interrupted; the same command goes on from here.")
        sys.exit(INTERRUPTED)


def _sync(database: Database, exchange: Exchange, wanted: Filters, given: dict[str, Any], stopping: Stopping) -> Synced:
    watcher = _Watcher(given["progress"])
    sync = TrackSync(database, exchange, watcher, stop=stopping.stop)
    talk(f"Asking {exchange.site.base_url} for its tracks.")
    if given["order"]:
        synced = sync.first_of(wanted, order_number(given["order"]), given["max_tracks"])
    else:
        synced = sync.by_upload(wanted, given["max_tracks"])
        if given["refresh"] and not stopping.stop.is_set():
            changed = sync.changed(wanted)
            talk(f"{counted(changed.reopened, 'changed track')} will be listed again.")
            synced.reopened += changed.reopened
    watcher.close()
    seen = f"{counted(synced.pages, 'page')}, {counted(synced.seen, 'track')} seen, {synced.new:,} of them new"
    talk(f"{seen}; {_end(synced, given['order'], given['max_tracks'])}.")
    return synced


def _end(synced: Synced, order: str | None, max_tracks: int | None) -> str:
    if order and max_tracks == len(synced.ids):
        return f"the first {counted(max_tracks, 'track')} by {order}"
    return "the list is complete" if synced.complete else "stopped before its end; the next sync goes on from here"


def _basis(database: Database, wanted: str | None) -> str:
    with database.write() as connection:
        if wanted:
            settings.remember(connection, "priority", wanted)
        return settings.setting(connection, "priority") or "awards"


def _say_what_would_be_asked(
    chosen: Options, wanted: Filters, order: str | None, max_tracks: int | None, rate: float | None
) -> None:
    """Nothing is sent and nothing is written; there need not even be a database."""
    database = database_if_any(chosen)
    where, _ = site_and_contact(chosen, database)
    order1 = order_number(order) if order else UPLOADED
    query: dict[str, str | int] = {"order1": order1, **wanted.site, "fields": TRACK_FIELDS, "count": PAGE}
    if database is not None and not order:
        with database.read() as connection:
            known = store.known_sync(connection, wanted.scope(UPLOADED))
        if known and known["cursor"]:
            query["after"] = known["cursor"]
            talk(f"The last sync came to track {known['cursor']} after {known['tracks_seen']:,} tracks.")
    click.echo(url(where.base_url, TRACKS, query))
    pages = "until the list ends" if max_tracks is None else f"{-(-max_tracks // PAGE)} pages"
    kept = rate_kept(database, where, rate)
    talk(f"… and so on, {PAGE} tracks a page, {pages}, at {f'{kept:g} requests a second' if kept else 'full speed'}.")


def _all_ids(database: Database) -> list[int]:
    with database.read() as connection:
        query = select(Track.track_id).order_by(Track.priority, Track.track_id)
        return list(connection.execute(query).scalars())


def _check_writable(path: str) -> None:
    """Before an hour of asking rather than after it."""
    is_new = not os.path.exists(path)
    with disk_errors(path, instead=_SAVE_ELSEWHERE):
        open(path, "ab").close()
        if is_new:
            os.unlink(path)


def _save_ids(path: str, ids: list[int]) -> None:
    with disk_errors(path, instead=_SAVE_ELSEWHERE), open(path, "w", encoding="ascii", newline="\n") as file:
        file.writelines(f"{track_id}\n" for track_id in ids)
    talk(f"Wrote {len(ids):,} ids to {path}.")


class _Watcher:
    """Pages as a bar on a terminal, else as a line every few seconds."""

    def __init__(self, bar: bool | None) -> None:
        shown = sys.stderr.isatty() if bar is None else bar
        self._bar = tqdm(unit=" tracks", disable=not shown, file=sys.stderr) if shown else None
        self._spoke = time.monotonic()

    def page(self, synced: Synced) -> None:
        if self._bar is not None:
            self._bar.update(synced.seen - self._bar.n)
        elif time.monotonic() - self._spoke > 5:
            self._spoke = time.monotonic()
            talk(f"{counted(synced.pages, 'page')}, {counted(synced.seen, 'track')} seen, {synced.new:,} new …")

    def note(self, message: str) -> None:
        if self._bar is not None:
            self._bar.clear()
        talk(message)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
