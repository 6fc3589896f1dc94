"""Which leaderboards are due to be listed again by age, and which wait already. Asks no site."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, func, select

from tmxdb.clock import iso
from tmxdb.db.database import Database
from tmxdb.db.models import TrackRow, table_of
from tmxdb.db.selected import Scope, in_selection
from tmxdb.queue.job import PENDING, RETRY, RUNNING
from tmxdb.queue.rows.settle import reopen

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
    return Due(n(_due(before_ms, selection)), n(waiting), n(listed_tracks(selection)))


def listed_tracks(selection: Scope | None) -> Select[Any]:
    """Return the query of the tracks that have been listed before."""
    return _of(select(_tracks.c.track_id).where(_tracks.c.listed_at.is_not(None)), selection)


def reopen_old(database: Database, before_ms: int, selection: Scope | None, limit: int | None) -> int:
    """Reopen leaderboards that were last listed before that time, in order of priority. Return how many."""
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
