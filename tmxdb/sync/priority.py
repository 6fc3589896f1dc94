"""Ranks: a track's priority is its place by popularity, handed down to what is still to do of it.

Negative priorities are the user's own (`tmxdb add-tracks`); ranks begin at 1 and never touch them.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Table, Update, bindparam, literal_column, select, update

from tmxdb.db.engine import Database
from tmxdb.db.models import Capture, Map, Replay, Track, table_of
from tmxdb.sync.store import UNRANKED

_tracks = table_of(Track)
BASES = {
    "awards": _tracks.c.awards,
    "activity": _tracks.c.activity_at,
    "comments": _tracks.c.comments,
    "value": _tracks.c.track_value,
    "uploaded": _tracks.c.uploaded_at,
    "updated": _tracks.c.updated_at,
}
"""What popularity may be measured by: columns, the largest value first."""
CHUNK = 20_000


def rank_tracks(database: Database, basis: str) -> int:
    """Give every track its rank by `basis`, ties by id; answers how many tracks moved.

    In transactions of 20,000 rows, so that workers are never kept waiting for long.
    """
    columns, moved = _tracks.c, 0
    ordered = select(columns.track_id, columns.priority).order_by(BASES[basis].desc().nulls_last(), columns.track_id)
    with database.read() as reading:
        changed: list[dict[str, Any]] = []
        rows = reading.execution_options(yield_per=CHUNK).execute(ordered)
        for rank, (track_id, priority) in enumerate(rows, 1):
            if priority >= 0 and priority != rank:
                changed.append({"ranked_id": track_id, "rank": rank})
            if len(changed) >= CHUNK:
                _write(database, changed)
                moved += len(changed)
                changed = []
        _write(database, changed)
    hand_down(database)
    return moved + len(changed)


def has_unranked(database: Database) -> bool:
    """Whether there are tracks that were never ranked: a sync was killed before it came to that."""
    with database.read() as connection:
        return connection.execute(select(_tracks.c.track_id).where(_tracks.c.priority == UNRANKED)).first() is not None


def hand_down(database: Database) -> None:
    """Give what is still to do of a track the track's own priority, 20,000 rows a transaction."""
    for model in (Replay, Map, Capture):
        for status in ("'pending'", "'retry'"):
            statement = _handing_down(table_of(model), status)
            moved = CHUNK
            while moved == CHUNK:
                with database.write() as connection:
                    moved = connection.execute(statement).rowcount


def _handing_down(table: Table, status: str) -> Update:
    key = table.primary_key.columns[0]
    same_track = table.c.track_id == _tracks.c.track_id
    other = select(key).join(_tracks, same_track).where(table.c.status == literal_column(status))
    other = other.where(table.c.priority != _tracks.c.priority).limit(CHUNK)
    own = select(_tracks.c.priority).where(same_track).scalar_subquery()
    return update(table).where(key.in_(other)).values(priority=own)


def _write(database: Database, changed: list[dict[str, Any]]) -> None:
    if changed:
        with database.write() as connection:
            connection.execute(
                update(_tracks).where(_tracks.c.track_id == bindparam("ranked_id")).values(priority=bindparam("rank")),
                changed,
            )
