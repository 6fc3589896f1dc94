"""The tracks of a selection: read them, replace them, and give them their priority."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from sqlalchemy import ColumnElement, Connection, Update, and_, case, delete, func, insert, select

from tmxdb.db.bulk import execute_many
from tmxdb.db.database import Database
from tmxdb.db.dialect import engine_name, update_many, update_where
from tmxdb.db.models import SelectionRow, SelectionTrackRow, TrackRow, table_of

FIRST_OF_SELECTIONS = -900_000_000
"""Priority of the first track of the selections with `--priority 1`: after all tracks that were added by hand."""
PER_PRIORITY = 800_000
"""How many tracks of one selection priority have a place of their own."""
_ADD = 20_000
_members, _selections, _tracks = table_of(SelectionTrackRow), table_of(SelectionRow), table_of(TrackRow)


def track_ids(connection: Connection, name: str) -> list[int]:
    """Return the tracks of a selection in its order."""
    query = select(_members.c.track_id).where(_members.c.selection == name)
    return list(connection.execute(query.order_by(_members.c.rank, _members.c.track_id)).scalars())


def count(connection: Connection, name: str) -> int:
    """Return how many tracks a selection has."""
    return connection.execute(select(func.count()).where(_members.c.selection == name)).scalar_one()


def replace_members(connection: Connection, name: str, wanted: Sequence[int]) -> tuple[int, int]:
    """Make `wanted` the tracks of the selection, in this order. Return how many were added and removed.

    All must be rows of `tracks`.
    """
    query = select(_members.c.track_id, _members.c.rank).where(_members.c.selection == name)
    present: dict[int, int] = dict(connection.execute(query).fetchall())
    ranks = {track_id: rank for rank, track_id in enumerate(dict.fromkeys(wanted), 1)}
    gone = [track_id for track_id in present if track_id not in ranks]
    for at in range(0, len(gone), 10_000):
        some = gone[at : at + 10_000]
        connection.execute(delete(_members).where(_members.c.selection == name, _members.c.track_id.in_(some)))
    new = [
        {"selection": name, "track_id": track_id, "rank": rank}
        for track_id, rank in ranks.items()
        if track_id not in present
    ]
    for at in range(0, len(new), _ADD):
        connection.execute(insert(_members), new[at : at + _ADD])
    moved = [
        {"of": name, "member": track_id, "rank": rank}
        for track_id, rank in ranks.items()
        if present.get(track_id, rank) != rank
    ]
    execute_many(connection, _ranking(engine_name(connection)), moved)
    return len(new), len(gone)


@cache
def _ranking(engine: str) -> Update:
    """Return an UPDATE of the rank of the track `member` in the selection `of`."""
    return update_many(_members, {"of": _members.c.selection, "member": _members.c.track_id}, ["rank"], engine)


def set_priorities(database: Database, unranked: int) -> int:
    """Give tracks of selections with a priority their place before all ranked tracks. Return how many changed.

    Tracks that lost such a place get the priority `unranked`, to be ranked next. Tracks that were added by hand keep
    their place. Each of the two updates is a transaction, so that it locks rows in one pass in the order of their keys.
    """
    best = (
        select(_members.c.track_id, func.min(_selections.c.priority * PER_PRIORITY + _rank()).label("place"))
        .join(_selections, _selections.c.name == _members.c.selection)
        .where(_selections.c.priority.is_not(None))
        .group_by(_members.c.track_id)
        .subquery()
    )
    after_added = _tracks.c.priority >= FIRST_OF_SELECTIONS
    lost = and_(after_added, _tracks.c.priority < 0, _tracks.c.track_id.not_in(select(best.c.track_id)))
    place = select(best.c.place).where(best.c.track_id == _tracks.c.track_id).scalar_subquery()
    wanted = FIRST_OF_SELECTIONS - PER_PRIORITY + place
    with_place = and_(after_added, _tracks.c.track_id.in_(select(best.c.track_id)), _tracks.c.priority != wanted)
    changed, engine = 0, engine_name(database.engine)
    for condition, priority in ((lost, unranked), (with_place, wanted)):
        with database.write() as connection:
            statement = update_where(_tracks, engine, condition).values(priority=priority)
            changed += connection.execute(statement).rowcount
    return changed


def _rank() -> ColumnElement[int]:
    return case((_members.c.rank < PER_PRIORITY, _members.c.rank), else_=PER_PRIORITY - 1)
