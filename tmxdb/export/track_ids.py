"""Track ids that the user names for an export."""

from __future__ import annotations

from collections.abc import Collection

from tmxdb.db.database import Database
from tmxdb.db.models import TrackRow
from tmxdb.db.selected import missing_ids


def unknown_tracks(database: Database, track_ids: Collection[int]) -> list[int]:
    """Return those of the given tracks that are not in the database, in order."""
    with database.read() as connection:
        return missing_ids(connection, TrackRow.track_id, sorted(track_ids))
