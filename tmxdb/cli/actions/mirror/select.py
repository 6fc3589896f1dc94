"""What `tmxdb select` does: choose tracks under a name, and drop selections. `listed.py` lists and shows them."""

from __future__ import annotations

import sys
from dataclasses import fields, replace
from typing import Any

import click

from tmxdb.cli.actions.mirror.selecting import (
    check_condition,
    matching_tracks,
    rank_all,
    say_applied,
    update_selection,
)
from tmxdb.cli.exit_status import INTERRUPTED
from tmxdb.cli.opening.database import open_database, open_database_if_any, open_to_add
from tmxdb.cli.opening.exchange import check_exchange, open_exchange, remember_site_of_urls, site_and_contact
from tmxdb.cli.opening.remembered import remembered
from tmxdb.cli.options.commands.select import SelectOptions
from tmxdb.cli.options.database import DatabaseOptions, ExchangeOptions, StorageOptions
from tmxdb.cli.options.selection import TrackSelection
from tmxdb.cli.options.track_filters import TrackFilterOptions
from tmxdb.cli.shared.output import message, plural
from tmxdb.cli.shared.signals import StopSignals, stop_signals
from tmxdb.db.database import Database
from tmxdb.db.database_clock import time_of
from tmxdb.db.models import TrackRow, table_of
from tmxdb.db.selected import missing_ids
from tmxdb.errors import InvalidInput
from tmxdb.selections import members, store
from tmxdb.selections.selection import Selection, SiteQuery, check_name
from tmxdb.sync.selected import add_named
from tmxdb.sync.walk import UPLOADED
from tmxdb.tmx.endpoints import PAGE, TRACK_FIELDS, TRACKS, order_number, url


def do_select(
    selection_name: str | None,
    options: SelectOptions,
    track_filters: TrackFilterOptions,
    database_options: StorageOptions,
    exchange_options: ExchangeOptions,
) -> None:
    """Choose tracks under a name, or drop a selection."""
    if options.drop is not None:
        _drop(database_options, options.drop, dry_run=options.dry_run)
    else:
        name = check_name(selection_name or "")
        _choose(name, options, track_filters, database_options, exchange_options)


def _choose(
    name: str,
    options: SelectOptions,
    track_filters: TrackFilterOptions,
    database_options: StorageOptions,
    exchange_options: ExchangeOptions,
) -> None:
    query = _query(options, track_filters)
    ids = list(TrackSelection(track_file=options.track_file).named_tracks) if options.track_file else None
    changes_only = query is None and ids is None and not options.where
    if options.where:
        _check_where(database_options, options.where)
    if options.dry_run:
        _say_plan(name, query, ids, options, database_options, exchange_options, changes_only=changes_only)
        return
    with stop_signals() as signals:
        if query is not None:
            check_exchange(database_options, exchange_options, signals.stop)
        database = open_to_add(database_options)
        if options.where:  # again, for a database that did not exist
            _check_where(database_options, options.where)
        known = _known(database, name)
        if changes_only:
            with database.write() as connection:
                store.save(connection, _changed(known, name, options), time_of(connection))
            rank_all(database)
            message(f"Changed the selection {name}.")
            return
        selection = _redefined(known, Selection(name, _is_live(known, options, ids), query, options.where), options)
        if ids is not None:
            remember_site_of_urls(database_options, exchange_options, database)
            say_applied(name, add_named(database, selection, ids))
            rank_all(database)
        else:
            _apply(database, database_options, exchange_options, selection, signals, is_new=known is None)


def _apply(
    database: Database,
    database_options: DatabaseOptions,
    exchange_options: ExchangeOptions,
    selection: Selection,
    signals: StopSignals,
    *,
    is_new: bool,
) -> None:
    exchange = None
    if selection.query is not None:
        exchange, _ = open_exchange(database_options, exchange_options, database, connections=2, stop=signals.stop)
    complete = update_selection(database, database_options, exchange, selection, signals, define=True)
    rank_all(database)
    if not complete:
        outcome = "was not made" if is_new else "is as before"
        message(f"Interrupted. The selection {selection.name} {outcome}. Run the same command again.")
        sys.exit(INTERRUPTED)


def _query(options: SelectOptions, track_filters: TrackFilterOptions) -> SiteQuery | None:
    """Return the question to the site; None if the tracks are named, or chosen among those in the database."""
    filters = track_filters.filters()
    names = {
        field.name.replace("_", "-"): str(value)
        for field in fields(track_filters)
        if field.name != "min_awards" and (value := getattr(track_filters, field.name)) is not None
    }
    if not (options.order or filters.site or filters.min_awards or options.max_tracks):
        return None
    if options.where and not (options.order or filters.site or filters.min_awards):
        raise click.UsageError("--max-tracks with --where needs --order or a filter, which say the first of what.")
    return SiteQuery(options.order, options.max_tracks, filters.site, filters.min_awards, names)


def _check_where(options: DatabaseOptions, condition: str) -> None:
    """Raise InvalidInput if the condition is wrong. Without a database, only its form is checked."""
    check_condition(condition)
    if open_database_if_any(options) is not None:
        matching_tracks(options, condition, 1)


def _known(database: Database, name: str) -> Selection | None:
    with database.read() as connection:
        return store.find_if_any(connection, name)


def _is_live(known: Selection | None, options: SelectOptions, ids: list[int] | None) -> bool:
    """Return whether a selection with new tracks is live: as typed, or as before if it was not named by id."""
    if options.live is not None or ids is not None:
        return bool(options.live)
    was_chosen = known is not None and (known.query is not None or known.where is not None)
    return known.is_live if known is not None and was_chosen else True


def _redefined(known: Selection | None, selection: Selection, options: SelectOptions) -> Selection:
    """Return the selection with the typed --top and --priority, or those that it had before."""
    before = known or selection
    return replace(selection, top=options.top or before.top, priority=options.priority or before.priority)


def _changed(known: Selection | None, name: str, options: SelectOptions) -> Selection:
    if known is None:
        raise click.UsageError(
            f"Say which tracks {name} has: filters such as --order awards --max-tracks 1000, --track-ids or --where."
        )
    if options.top is None and options.priority is None and options.live is None:
        raise click.UsageError(f"{name} exists. Give what to change, or see it with `tmxdb select --show {name}`.")
    if options.live and known.query is None and known.where is None:
        raise click.UsageError(f"The tracks of {name} were named with --track-ids and stay the same: leave out --live.")
    return replace(
        known,
        is_live=known.is_live if options.live is None else options.live,
        top=options.top or known.top,
        priority=options.priority or known.priority,
    )


def _say_plan(
    name: str,
    query: SiteQuery | None,
    ids: list[int] | None,
    options: SelectOptions,
    database_options: DatabaseOptions,
    exchange_options: ExchangeOptions,
    *,
    changes_only: bool,
) -> None:
    database = open_database_if_any(database_options)
    if changes_only:
        _changed(None if database is None else _known(database, name), name, options)
        message(f"The selection {name} would be changed.")
    elif ids is not None:
        unknown = ids
        if database is not None:
            with database.read() as connection:
                unknown = missing_ids(connection, table_of(TrackRow).c.track_id, ids)
        message(f"{name} would have {plural(len(ids), 'track')}, {len(unknown):,} of them new in the database.")
    elif query is None:
        n = 0 if database is None else len(matching_tracks(database_options, options.where or ""))
        chosen = f"have {plural(n, 'track')} of those in the database" if n else "be empty: no track matches"
        message(f"{name} would {chosen}.")
    else:
        where, _ = site_and_contact(database_options, exchange_options, database)
        order1 = order_number(query.order) if query.order else UPLOADED
        request: dict[str, Any] = {"order1": order1, **query.parameters, "fields": TRACK_FIELDS, "count": PAGE}
        click.echo(url(where.base_url, TRACKS, request))
        pages = "to the end" if query.max_tracks is None else plural(-(-query.max_tracks // PAGE), "page")
        most = "" if query.max_tracks is None else f"; {name} would have at most {plural(query.max_tracks, 'track')}"
        message(f"… and so on, {PAGE:,} tracks per page, {pages}{most}.")


def _drop(options: DatabaseOptions, name: str, *, dry_run: bool) -> None:
    database = open_database(options, read_only=dry_run)
    if remembered(database, "only") == name:
        raise InvalidInput(
            f"`tmxdb config` limits commands to the selection {name}. Run `tmxdb config unset only` first;"
            " commands then work on everything.",
            code="input.selection",
        )
    if dry_run:
        with database.read() as connection:
            store.find(connection, name)
            n = members.count(connection, name)
    else:
        with database.write() as connection:
            n = store.drop(connection, name)
        rank_all(database)
    dropped = f"The selection {name} would be dropped" if dry_run else f"Dropped the selection {name}"
    kept = f"its {plural(n, 'track')} and {'its' if n == 1 else 'their'} files stay" if n else "it had no tracks"
    message(f"{dropped}; {kept}.")
