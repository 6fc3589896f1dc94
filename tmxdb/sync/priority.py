"""Ranking: a track's priority is its rank by popularity, passed on to its open replays, maps and captures.

Negative priorities belong to tracks that the user added (`tmxdb add-tracks`) and to selections with a priority. Ranks
start at 1 and never change those.
"""

from __future__ import annotations

from operator import itemgetter
from typing import Any

from sqlalchemy import Table, Update, bindparam, literal_column, select, update

from tmxdb.db.database import Database
from tmxdb.db.dialect import engine_name, in_key_order
from tmxdb.db.models import CaptureRow, MapRow, ReplayRow, TrackRow, table_of
from tmxdb.selections.members import set_priorities
from tmxdb.sync.bases import BASES
from tmxdb.sync.store import UNRANKED

_tracks = table_of(TrackRow)
CHUNK = 20_000


def rank_tracks(database: Database, basis: str) -> int:
    """Set every track's priority to its rank by `basis`, ties by id. Return how many changed.

    Writes at most 20,000 rows per transaction, so that workers do not wait long.
    """
    moved = set_priorities(database, UNRANKED)
    columns = _tracks.c
    ordered = select(columns.track_id, columns.priority).order_by(
        columns[BASES[basis]].desc().nulls_last(), columns.track_id
    )
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
    pass_on(database)
    return moved + len(changed)


def has_unranked(database: Database) -> bool:
    """Return whether there are tracks without a rank: a sync was killed before it ranked them."""
    with database.read() as connection:
        return connection.execute(select(_tracks.c.track_id).where(_tracks.c.priority == UNRANKED)).first() is not None


def pass_on(database: Database) -> None:
    """Set the priority of open replays, maps and captures to that of their track, 20,000 rows per transaction."""
    for model in (ReplayRow, MapRow, CaptureRow):
        for status in ("'pending'", "'retry'"):
            statement = _passing_on(table_of(model), status, engine_name(database.engine))
            moved = CHUNK
            while moved == CHUNK:
                with database.write() as connection:
                    moved = connection.execute(statement).rowcount


def _passing_on(table: Table, status: str, engine: str) -> Update:
    key = table.primary_key.columns[0]
    same_track = table.c.track_id == _tracks.c.track_id
    other = select(key).join(_tracks, same_track).where(table.c.status == literal_column(status))
    other = other.where(table.c.priority != _tracks.c.priority).limit(CHUNK)
    own = select(_tracks.c.priority).where(same_track).scalar_subquery()
    return update(table).where(key.in_(in_key_order(other, engine, table))).values(priority=own)


def _write(database: Database, changed: list[dict[str, Any]]) -> None:
    if changed:
        with database.write() as connection:
            # a track that was added since it was read keeps its place
            ranked = (_tracks.c.track_id == bindparam("ranked_id"), _tracks.c.priority >= 0)
            in_order = sorted(changed, key=itemgetter("ranked_id"))  # workers lock rows in this order, too
            connection.execute(update(_tracks).where(*ranked).values(priority=bindparam("rank")), in_order)
