"""Looking for tracks that moved, a few requests at a time."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from tests.rows import NOW, FakeClock, Rows
from tmxdb.clock import iso
from tmxdb.db.database import Database
from tmxdb.db.models import TrackRow
from tmxdb.sync.refresh import look_for_changes
from tmxdb.tmx.endpoints import IDS_AT_ONCE
from tmxdb.tmx.records import TRACK, Page, TrackRecord


class MovedTracks:
    """An exchange on which all tracks have new activity, except those with an id up to `gone`, which it deleted."""

    def __init__(self, gone: int) -> None:
        self._gone = gone

    def tracks(self, parameters: Mapping[str, str | int]) -> Page[TrackRecord]:
        values = tuple(iso(NOW) if name == "activity_at" else None for name in TRACK.columns)
        ids = map(int, str(parameters["id"]).split(","))
        return Page(tuple(TrackRecord(track_id, values) for track_id in ids if track_id > self._gone), False)


def test_tracks_that_the_site_deleted_do_not_keep_the_others_from_being_asked_about(
    database: Database, rows: Rows, clock: FakeClock
) -> None:
    for track_id in range(1, IDS_AT_ONCE + 11):
        synced_at = iso(0) if track_id % 2 else None  # tracks that were adopted without facts have none
        rows.track(track_id, "done", listed_at=iso(0), synced_at=synced_at, priority=track_id)

    def moved() -> int:
        clock.pass_s(60)
        exchange = MovedTracks(gone=IDS_AT_ONCE)
        return look_for_changes(
            database,
            exchange,  # type: ignore[arg-type]
            None,  # type: ignore[arg-type]
            None,
            max_requests=1,
            stop=threading.Event(),
            note=print,
            clock=clock,
        )[0]

    moved()
    moved()
    assert rows.one(TrackRow, IDS_AT_ONCE + 9)["status"] == "pending"
    assert rows.sql("SELECT count(*) FROM tracks WHERE synced_at IS NULL") == [(0,)]
    assert rows.one(TrackRow, 1)["status"] == "done"
