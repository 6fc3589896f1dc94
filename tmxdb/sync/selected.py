"""Choosing the tracks of a selection: the question to the site and the condition in SQL, or a look at named tracks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tmxdb.clock import Clock, iso, wall_clock
from tmxdb.db.bulk import NewRows, upsert
from tmxdb.db.database import Database
from tmxdb.db.database_clock import time_of
from tmxdb.db.models import TrackRow, table_of
from tmxdb.db.selected import missing_ids
from tmxdb.queue.job import WorkerStopping
from tmxdb.selections import members, store
from tmxdb.selections.selection import Selection, SiteQuery
from tmxdb.sync.filters import Filters
from tmxdb.sync.retrying_client import RetryingClient
from tmxdb.sync.store import UNRANKED, store_tracks
from tmxdb.sync.tracks import SyncListener, TrackSync
from tmxdb.tmx.client import Exchange
from tmxdb.tmx.endpoints import IDS_AT_ONCE, order_number

_tracks = table_of(TrackRow)


@dataclass(slots=True)
class Applied:
    """What choosing did. `new`: tracks that the database did not have; `added`, `removed`: of the selection.

    Without `complete`, the selection was left as it was: the site's list was not read to its end.
    """

    tracks: int = 0
    new: int = 0
    added: int = 0
    removed: int = 0
    reopened: int = 0
    complete: bool = False


def filters_of(query: SiteQuery) -> Filters:
    """Return the filters of a stored question."""
    return Filters(query.parameters, query.min_awards)


def apply_selection(
    database: Database,
    exchange: Exchange | None,
    selection: Selection,
    matches: Callable[[str], list[int]],
    listener: SyncListener,
    *,
    stop: threading.Event,
    clock: Clock = wall_clock,
    define: bool = False,
) -> Applied:
    """Choose the tracks of the selection again and store them. `matches`: returns the tracks that a condition matches.

    The exchange is needed for a selection with a question to the site. `define`: store its definition with its tracks,
    so that a selection whose tracks cannot be chosen stays as it was.
    """
    applied, ids = Applied(), None
    if selection.query is not None and exchange is not None:
        sync = TrackSync(database, exchange, listener, stop=stop, clock=clock)
        query = selection.query
        synced = sync.first_of(filters_of(query), order_number(query.order or "uploaded-asc"), query.max_tracks)
        applied.new, applied.reopened = synced.new, synced.reopened
        if not synced.complete:
            return applied
        ids = list(synced.ids)
    if selection.where is not None:
        matched = matches(selection.where)
        wanted = set(matched)
        ids = matched if ids is None else [track_id for track_id in ids if track_id in wanted]
    if ids is not None:
        _put_members(database, selection, ids, applied, clock, define=define)
    return applied


def add_named(database: Database, selection: Selection, ids: Sequence[int], clock: Clock = wall_clock) -> Applied:
    """Store the selection with `ids` as its tracks. Those that the database does not have are added without facts."""
    applied = Applied()
    with database.write() as connection:
        unknown = missing_ids(connection, _tracks.c.track_id, ids)
        new = {"priority": UNRANKED, "first_seen_at": iso(time_of(connection, clock))}
        rows = [{"track_id": track_id, **new} for track_id in unknown]
        upsert(connection, NewRows(_tracks, rows))
    applied.new = len(rows)
    _put_members(database, selection, ids, applied, clock, define=True)
    return applied


def _put_members(
    database: Database, selection: Selection, ids: Sequence[int], applied: Applied, clock: Clock, *, define: bool
) -> None:
    with database.write() as connection:
        now_ms = time_of(connection, clock)
        if define:
            store.save(connection, selection, now_ms)
        applied.added, applied.removed = members.replace_members(connection, selection.name, ids)
        store.mark_applied(connection, selection.name, now_ms)
    applied.tracks, applied.complete = len(ids), True


def look_up(
    database: Database,
    exchange: Exchange,
    ids: Sequence[int],
    *,
    stop: threading.Event,
    note: Callable[[str], None],
    clock: Clock = wall_clock,
) -> Applied:
    """Read the facts of these tracks again, 100 per request, and reopen those that changed.

    Tracks that the site no longer has count as looked up, too. Else those looked up longest ago would always be them.
    """
    applied, client = Applied(), RetryingClient(exchange, stop, note)
    for at in range(0, len(ids), IDS_AT_ONCE):
        chunk = list(ids[at : at + IDS_AT_ONCE])
        query: dict[str, str | int] = {"id": ",".join(map(str, chunk)), "count": len(chunk)}
        try:
            page = client.request(lambda exchange, query=query: exchange.tracks(query))  # type: ignore[misc]
        except WorkerStopping:
            return applied
        wanted = [record for record in page.records if record.track_id in chunk]
        absent = set(chunk).difference(record.track_id for record in wanted)
        with database.write() as connection:
            applied.reopened += store_tracks(connection, wanted, time_of(connection, clock), absent).reopened
        applied.tracks += len(wanted)
    applied.complete = True
    return applied
