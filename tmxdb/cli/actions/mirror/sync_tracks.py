"""What `tmxdb sync-tracks` does: the exchange's track list into the database."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Collection
from contextlib import suppress

import click
from sqlalchemy import select

from tmxdb.cli.actions.mirror.selecting import QuietSync, update_selections
from tmxdb.cli.exit_status import INTERRUPTED
from tmxdb.cli.opening.database import open_database, open_database_if_any, open_to_add
from tmxdb.cli.opening.exchange import (
    check_exchange,
    effective_rate,
    open_exchange,
    open_unused_exchange,
    site_and_contact,
)
from tmxdb.cli.options.commands.sync_tracks import SyncOptions
from tmxdb.cli.options.database import DatabaseOptions, ExchangeOptions, StorageOptions
from tmxdb.cli.options.selection import OnlyOption
from tmxdb.cli.options.track_filters import TrackFilterOptions
from tmxdb.cli.shared.exclusive import refuse_together
from tmxdb.cli.shared.logs import notices
from tmxdb.cli.shared.output import message, plural
from tmxdb.cli.shared.progress import message_above_bars, progress_bar, shows_bar
from tmxdb.cli.shared.signals import StopSignals, stop_signals
from tmxdb.db import settings
from tmxdb.db.database import Database, sqlite_path
from tmxdb.db.models import TrackRow
from tmxdb.errors import InvalidInput
from tmxdb.selections.members import track_ids
from tmxdb.selections.selection import Selection
from tmxdb.selections.store import find, listed
from tmxdb.storage import check_user_file, id_name, new_user_file, write_user_file
from tmxdb.sync import store
from tmxdb.sync.filters import Filters
from tmxdb.sync.priority import has_unranked, rank_tracks
from tmxdb.sync.refresh import look_for_changes
from tmxdb.sync.tracks import Synced, TrackSync
from tmxdb.sync.walk import UPLOADED
from tmxdb.tmx.client import Exchange
from tmxdb.tmx.endpoints import PAGE, TRACK_FIELDS, TRACKS, order_number, url

LOG_EVERY_S = 5.0
_INSTEAD = "choose another file with --save-ids"
_THE_REST = (
    "The database has a part of the list so far. This adds all other tracks, and the next run lists them."
    " To keep a part current, choose it with `tmxdb select` or use `tmxdb refresh` alone."
)
_log = logging.getLogger("tmxdb.sync")


def do_sync(
    options: SyncOptions,
    track_filters: TrackFilterOptions,
    only: OnlyOption,
    database_options: StorageOptions,
    exchange_options: ExchangeOptions,
) -> None:
    """Read the list, or the tracks of selections, as the options say."""
    filters = track_filters.filters()
    _check_contradictions(options, track_filters, only)
    if options.save_ids is not None:
        _check_writable(options.save_ids, database_options, force=options.force, dry_run=options.dry_run)
    selections, reads_list = _selections(database_options, only, filters, options)
    if not reads_list:
        _sync_selections(selections, only, database_options, exchange_options, options)
        return
    if options.dry_run:
        _say_plan(database_options, exchange_options, filters, options)
        if selections:
            message(f"Then the tracks of these selections would be read: {_names(selections)}.")
        return
    with stop_signals() as signals:
        check_exchange(database_options, exchange_options, signals.stop)
        database = open_to_add(database_options)
        exchange, _ = open_exchange(database_options, exchange_options, database, connections=2, stop=signals.stop)
        synced = _sync(database, exchange, filters, options, signals)
        if selections and not signals.stop.is_set():
            update_selections(database, database_options, exchange, selections, signals)
        basis = _basis(database, options.priority)
        if synced.kept or synced.reopened or options.priority or has_unranked(database):
            moved = rank_tracks(database, basis)
            message(f"Ranked by {basis}: {plural(moved, 'track')} with a new priority.")
        if not signals.stop.is_set():
            _save_ids(options, synced.ids if options.order else _all_ids(database))
    if signals.stop.is_set():
        message("Interrupted. Run the same command again to continue.")
        sys.exit(INTERRUPTED)


def _check_contradictions(options: SyncOptions, track_filters: TrackFilterOptions, only: OnlyOption) -> None:
    """Raise UsageError, before anything is opened, for two options of which one would be ignored."""
    order, most, paged = (value is not None for value in (options.order, options.max_tracks, options.per_page))
    restricting = {"--order": order, "--max-tracks": most, **track_filters.given}
    if only.only is not None:
        others = {"--all": options.everything, "--refresh": options.refresh, "--per-page": paged, **restricting}
        refuse_together("--only", others, "reads the tracks of a selection.")
    if options.everything:
        refuse_together("--all", restricting, "reads the list of all tracks.")
    if options.refresh:
        refuse_together("--refresh", {"--order": order}, "reads changes to known tracks.")
    if options.save_ids is not None and not order:
        name = next((name for name, is_given in restricting.items() if is_given), None)
        if name is not None:
            raise click.UsageError(
                f"--save-ids with {name} needs --order: without it, the list continues where the last sync ended, and"
                " most of its tracks are not read again."
            )


def _selections(
    database_options: DatabaseOptions, only: OnlyOption, filters: Filters, options: SyncOptions
) -> tuple[list[Selection], bool]:
    """Return the selections to choose again, and whether to read the list of the site before.

    A list with filters is that list alone. After the list of all tracks, which has the facts of all of them, live
    selections are chosen again.
    """
    if filters.site or filters.min_awards or options.order or options.max_tracks:
        return [], True
    database = open_database(database_options) if only.only else open_database_if_any(database_options)
    if database is None:
        return [], True
    name = None if options.everything else only.or_remembered(database).only
    with database.read() as connection:
        if name is not None:
            return [find(connection, name)], False
        selections = [row.selection for row in listed(connection)]
        # Without selections, or if the whole list was asked for before, a plain sync reads it.
        if options.everything or not selections or store.known_sync(connection, filters.scope(UPLOADED)) is not None:
            return [selection for selection in selections if selection.is_live], True
        return selections, False


def _names(selections: list[Selection]) -> str:
    return ", ".join(selection.name for selection in selections)


def _sync_selections(
    selections: list[Selection],
    only: OnlyOption,
    database_options: StorageOptions,
    exchange_options: ExchangeOptions,
    options: SyncOptions,
) -> None:
    names = _names(selections)
    if options.dry_run:
        what = "tracks and changes" if options.refresh else "tracks"
        message(f"The {what} of these selections would be read: {names}.")
        return
    with stop_signals() as signals:
        sends_requests = options.refresh or any(selection.sends_requests for selection in selections)
        if sends_requests:
            check_exchange(database_options, exchange_options, signals.stop)
        database = open_to_add(database_options)
        if sends_requests:
            exchange, _ = open_exchange(database_options, exchange_options, database, connections=2, stop=signals.stop)
        else:
            exchange = open_unused_exchange(database_options, exchange_options, database, signals.stop)
        if options.priority:
            _basis(database, options.priority)
        message(f"Reading the tracks of {names}. `tmxdb sync-tracks --all` reads the list of all tracks.")
        complete = update_selections(database, database_options, exchange, selections, signals)
        if complete and options.refresh:
            scope, quiet = only.or_remembered(database).scope(database), QuietSync()
            changed, _ = look_for_changes(
                database, exchange, quiet, scope, max_requests=None, stop=signals.stop, note=message
            )
            message(f"{plural(changed, 'changed track')} to list again.")
            complete = not signals.stop.is_set()
        if complete:
            with database.read() as connection:
                ids = dict.fromkeys(key for selection in selections for key in track_ids(connection, selection.name))
            _save_ids(options, ids)
    if not complete:
        message("Interrupted. Run the same command again to continue.")
        sys.exit(INTERRUPTED)


def _sync(
    database: Database, exchange: Exchange, filters: Filters, options: SyncOptions, signals: StopSignals
) -> Synced:
    message(f"Reading the track list of {exchange.site.base_url}.")
    display = _SyncDisplay(options.progress)
    signals.say = display.note
    sync = TrackSync(database, exchange, display, stop=signals.stop, per_page=options.per_page)
    reads_list = True
    try:
        if options.order:
            synced = sync.first_of(filters, order_number(options.order), options.max_tracks)
        else:
            if options.refresh and not _was_read(database, filters):
                # The user chose some tracks in another way. Reading the list would add all the others.
                display.note("Reading what changed. New tracks are not added; `tmxdb sync-tracks` adds the whole list.")
                synced, reads_list = Synced(complete=True), False
            else:
                if _adds_the_rest(database, filters, options):
                    display.note(_THE_REST)
                synced = sync.by_upload(filters, options.max_tracks)
            if options.refresh and not signals.stop.is_set():
                changed = sync.changed(filters)
                display.note(f"{plural(changed.reopened, 'changed track')} to list again.")
                synced.reopened += changed.reopened
    finally:
        display.close()
        signals.say = message
    if not reads_list:
        return synced
    seen = f"{plural(synced.pages, 'page')}, {plural(synced.seen, 'track')}, {synced.new:,} of them new"
    message(f"{seen}; {_end(synced, options)}.")
    return synced


def _was_read(database: Database, filters: Filters) -> bool:
    """Return whether the list with these filters was ever asked for, or the database has no tracks yet."""
    with database.read() as connection:
        if store.known_sync(connection, filters.scope(UPLOADED)) is not None:
            return True
        return connection.execute(select(TrackRow.track_id).limit(1)).first() is None


def _adds_the_rest(database: Database, filters: Filters, options: SyncOptions) -> bool:
    """Return whether the list of all tracks is read, without --all, into a database that has some of them only."""
    restricted = filters.site or filters.min_awards or options.max_tracks
    return not restricted and not options.everything and not _was_read(database, filters)


def _end(synced: Synced, options: SyncOptions) -> str:
    if options.order and options.max_tracks == synced.kept:
        return f"the first {plural(options.max_tracks, 'track')} by {options.order}"
    return "the list is complete" if synced.complete else "stopped before the end; the next sync continues from here"


def _basis(database: Database, wanted: str | None) -> str:
    with database.write() as connection:
        if wanted:
            settings.remember(connection, "priority", wanted)
        return settings.setting(connection, "priority") or "awards"


def _say_plan(
    database_options: DatabaseOptions, exchange_options: ExchangeOptions, filters: Filters, options: SyncOptions
) -> None:
    """Print the first request. Nothing is sent or written; the database need not exist."""
    database = open_database_if_any(database_options)
    where, _ = site_and_contact(database_options, exchange_options, database)
    order1 = order_number(options.order) if options.order else UPLOADED
    per_page = options.per_page or PAGE
    query: dict[str, str | int] = {"order1": order1, **filters.site, "fields": TRACK_FIELDS, "count": per_page}
    if database is not None and not options.order:
        with database.read() as connection:
            known = store.known_sync(connection, filters.scope(UPLOADED))
        if known and known["cursor"]:
            query["after"] = known["cursor"]
            message(f"The last sync ended at track {known['cursor']}, after {plural(known['tracks_seen'], 'track')}.")
    click.echo(url(where.base_url, TRACKS, query))
    pages = (
        "to the end of the list" if options.max_tracks is None else plural(-(-options.max_tracks // per_page), "page")
    )
    rate = effective_rate(database, where, exchange_options.rate)
    pace = f"at {rate:g} requests per second" if rate else "no rate limit"
    message(f"… and so on, {per_page:,} tracks per page, {pages}, {pace}.")


class _Probed(Exception):
    """Ends the writing of a file that was created only to see whether it can be."""


def _check_writable(path: str, options: DatabaseOptions, *, force: bool, dry_run: bool) -> None:
    """Fail before an hour of requests rather than after it. Leave nothing behind; a dry run creates nothing at all."""
    check_user_file(path, force=force)
    database = sqlite_path(options.location)
    if database is not None and os.path.realpath(path) == os.path.realpath(database):
        raise InvalidInput(f"{path} is the database, which is never overwritten. {_INSTEAD.capitalize()}.",
                           code="input.database")  # fmt: skip
    if dry_run:
        return
    with suppress(_Probed), new_user_file(path, force=force, instead=_INSTEAD):
        raise _Probed


def _save_ids(options: SyncOptions, ids: Collection[int]) -> None:
    if options.save_ids is not None:
        data = "".join(f"{id_name(track_id)}\n" for track_id in ids).encode("ascii")
        write_user_file(options.save_ids, data, force=options.force, instead=_INSTEAD)
        message(f"Wrote {plural(len(ids), 'id')} to {options.save_ids}.")


def _all_ids(database: Database) -> list[int]:
    with database.read() as connection:
        query = select(TrackRow.track_id).order_by(TrackRow.priority, TrackRow.track_id)
        return list(connection.execute(query).scalars())


class _SyncDisplay:
    """Shows pages as a bar on a terminal, else as a line every 5 s."""

    def __init__(self, progress: bool | None) -> None:
        self._bar = progress_bar(0, "tracks", progress=progress) if shows_bar(progress) else None
        if self._bar is not None:
            self._bar.total = None
        self._logged_at = time.monotonic()
        self.note = notices(self._show, "sync")

    def page(self, synced: Synced) -> None:
        """Show the counts after a page was stored."""
        _log.debug("Stored page %d: %d tracks, %d new.", synced.pages, synced.seen, synced.new)
        if self._bar is not None:
            self._bar.update(synced.seen - self._bar.n)
        elif time.monotonic() - self._logged_at > LOG_EVERY_S:
            self._logged_at = time.monotonic()
            message(f"{plural(synced.pages, 'page')}, {plural(synced.seen, 'track')}, {synced.new:,} of them new …")

    def _show(self, text: str) -> None:
        """Write a line above the bar."""
        if self._bar is not None:
            message_above_bars(text)
        else:
            message(text)

    def close(self) -> None:
        """Leave the bar as it is."""
        if self._bar is not None:
            self._bar.close()
