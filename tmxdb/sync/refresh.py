"""Which leaderboards are due to be listed again: those of tracks that moved on the site, and those not listed for long.

The site's activity time alone is not enough: where a new replay does not move it, only the age of the listing finds it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, func, select

from tmxdb.clock import Clock, iso, wall_clock
from tmxdb.db.engine import Database
from tmxdb.db.models import TrackRow, table_of
from tmxdb.db.selected import Scope, in_selection
from tmxdb.queue.job import PENDING, RETRY, RUNNING
from tmxdb.queue.rows.settle import reopen
from tmxdb.sync.filters import Filters
from tmxdb.sync.selected import look_up
from tmxdb.sync.tracks import SyncListener, TrackSync
from tmxdb.tmx.client import Exchange
from tmxdb.tmx.endpoints import IDS_AT_ONCE

LOOKED_UP_BY_ID = 2000
"""Up to this many tracks of the database are looked up by id, 20 requests. For more, the site's list of recent activity
is shorter; but it would reopen tracks outside a selection, so those of a selection are always looked up."""
_CHUNK = 10_000
_tracks = table_of(TrackRow)


@dataclass(frozen=True, slots=True)
class Due:
    """What is to be listed again. `open`: waits already, or is held by a worker, which may be gone.

    `tracks`: all that have been listed before.
    """

    by_age: int
    open: int
    tracks: int


def count_due(connection: Connection, before_ms: int, selection: Scope | None) -> Due:
    """Return how many leaderboards are due by age, and how many wait already."""

    def n(query: Select[Any]) -> int:
        return int(connection.execute(select(func.count()).select_from(query.subquery())).scalar_one())

    waiting = _of(select(_tracks.c.track_id).where(_tracks.c.status.in_((PENDING, RETRY, RUNNING))), selection)
    listed = _of(select(_tracks.c.track_id).where(_tracks.c.listed_at.is_not(None)), selection)
    return Due(n(_due(before_ms, selection)), n(waiting), n(listed))


def look_for_changes(
    database: Database,
    exchange: Exchange,
    listener: SyncListener,
    selection: Scope | None,
    *,
    max_requests: int | None,
    stop: threading.Event,
    note: Callable[[str], None],
    clock: Clock = wall_clock,
) -> tuple[int, int]:
    """Ask the site which tracks moved, and reopen those. Return how many moved, and how many requests were sent.

    Tracks that the database does not have are not added.
    """
    known = _of(select(_tracks.c.track_id).where(_tracks.c.listed_at.is_not(None)), selection)
    # Those looked up longest ago come first, so that a budget for some of them reaches the others next time.
    longest_ago = (_tracks.c.synced_at.is_not(None), _tracks.c.synced_at, _tracks.c.priority, _tracks.c.track_id)
    query = known.order_by(*longest_ago)
    if selection is None:
        query = query.limit(LOOKED_UP_BY_ID + 1)
    with database.read() as connection:
        ids: list[int] = list(connection.execute(query).scalars())
    if len(ids) > LOOKED_UP_BY_ID and selection is None:
        changed = TrackSync(database, exchange, listener, stop=stop, clock=clock).changed(Filters())
        return changed.reopened, changed.pages
    wanted = ids if max_requests is None else ids[: max_requests * IDS_AT_ONCE]
    applied = look_up(database, exchange, wanted, stop=stop, note=note, clock=clock)
    return applied.reopened, -(-len(wanted) // IDS_AT_ONCE)


def reopen_old(database: Database, before_ms: int, selection: Scope | None, limit: int | None) -> int:
    """Reopen leaderboards that were last listed before that time, the most wanted first. Return how many."""
    query = _due(before_ms, selection).order_by(_tracks.c.priority, _tracks.c.track_id)
    with database.read() as connection:
        ids: Sequence[int] = connection.execute(query if limit is None else query.limit(limit)).scalars().all()
    total = 0
    for at in range(0, len(ids), _CHUNK):
        with database.write() as connection:
            total += reopen(connection, _tracks, _tracks.c.track_id.in_(ids[at : at + _CHUNK]))
    return total


def _due(before_ms: int, selection: Scope | None) -> Select[Any]:
    due = (_tracks.c.status == "done", _tracks.c.listed_at < iso(before_ms))
    return _of(select(_tracks.c.track_id).where(*due), selection)


def _of(query: Select[Any], selection: Scope | None) -> Select[Any]:
    query = query.where(_tracks.c.track_id > 0)  # no exchange knows local tracks
    return query if selection is None else query.where(in_selection(_tracks, selection))
