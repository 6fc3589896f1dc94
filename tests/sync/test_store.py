"""Storing a page of tracks: what is new, what has changed, and what is the same."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, update

from tests.rows import NOW
from tmxdb.clock import iso
from tmxdb.db.engine import Database
from tmxdb.db.models import TrackRow, table_of
from tmxdb.sync.store import Stored, store_tracks
from tmxdb.tmx.records import TrackRecord, track_record

_tracks = table_of(TrackRow)


def _listed(track_id: int, **fields: Any) -> TrackRecord:
    record = track_record({"TrackId": track_id, "UId": f"uid{track_id}", "ActivityAt": "2024-08-03T17:04:02", **fields})
    assert record is not None
    return record


def test_a_changed_track_is_listed_again_and_an_unchanged_one_is_not(database: Database) -> None:
    with database.write() as connection:
        assert store_tracks(connection, [_listed(2), _listed(1)], NOW) == Stored(new=2)
        connection.execute(update(_tracks).values(status="done", finished_at=iso(NOW), listed_top=1))
    page = [_listed(1), _listed(2, ActivityAt="2024-08-04T00:00:00"), _listed(3)]
    with database.write() as connection:
        assert store_tracks(connection, page, NOW) == Stored(new=1, reopened=1)
    with database.read() as connection:
        statuses = select(_tracks.c.track_id, _tracks.c.status, _tracks.c.activity_at).order_by(_tracks.c.track_id)
        assert [tuple(row) for row in connection.execute(statuses)] == [
            (1, "done", "2024-08-03T17:04:02.000Z"),
            (2, "pending", "2024-08-04T00:00:00.000Z"),
            (3, "pending", "2024-08-03T17:04:02.000Z"),
        ]
