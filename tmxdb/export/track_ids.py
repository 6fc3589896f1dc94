"""Track ids that the user names for an export."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select

from tmxdb.db.database import Database
from tmxdb.db.models import TrackRow

MAX_IDS_PER_STATEMENT = 10_000


def unknown_tracks(database: Database, track_ids: Collection[int]) -> list[int]:
    """Return those of the given tracks that are not in the database, in order."""
    ids = sorted(set(track_ids))
    known: set[int] = set()
    with database.read() as connection:
        for at in range(0, len(ids), MAX_IDS_PER_STATEMENT):
            query = select(TrackRow.track_id).where(TrackRow.track_id.in_(ids[at : at + MAX_IDS_PER_STATEMENT]))
            known.update(connection.execute(query).scalars())
    return [track_id for track_id in ids if track_id not in known]
