"""Environment and mood of local tracks that versions up to 0.26.0 adopted: they left both empty.

The exchange says them of its own tracks. Of local tracks, the rows of their maps and replays do.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, func, or_, select

from tmxdb.db.bulk import KEY, execute_many, updating
from tmxdb.db.dialect import engine_name
from tmxdb.db.models import MapRow, ReplayRow, TrackRow, table_of
from tmxdb.db.selected import in_selection
from tmxdb.kinds.facts import track_numbers

_tracks, _maps, _replays = table_of(TrackRow), table_of(MapRow), table_of(ReplayRow)


def incomplete_tracks(connection: Connection, selection: str | None = None) -> list[dict[str, Any]]:
    """Return the local tracks (of `selection`) of which more is known: KEY, environment and mood."""
    driven = select(func.max(_replays.c.map_environment)).where(_replays.c.track_id == _tracks.c.track_id)
    query = (
        select(
            _tracks.c.track_id,
            _tracks.c.environment,
            _tracks.c.mood,
            func.coalesce(_maps.c.environment, driven.scalar_subquery()),
            _maps.c.mood,
        )
        .outerjoin(_maps, _maps.c.track_id == _tracks.c.track_id)
        .where(_tracks.c.track_id < 0, or_(_tracks.c.environment.is_(None), _tracks.c.mood.is_(None)))
        .order_by(_tracks.c.track_id)
    )
    if selection is not None:
        query = query.where(in_selection(_tracks, selection))
    found = []
    for track_id, environment, mood, *of_map in connection.execute(query):
        known = {"environment": environment, "mood": mood}
        numbers = track_numbers(*of_map) | {name: value for name, value in known.items() if value is not None}
        if numbers != known:
            found.append({KEY: track_id, **numbers})
    return found


def complete_tracks(connection: Connection, selection: str | None = None) -> int:
    """Fill in environment and mood of these tracks. Return how many changed."""
    found = incomplete_tracks(connection, selection)
    execute_many(connection, updating(_tracks, (KEY, "environment", "mood"), engine_name(connection)), found)
    return len(found)
