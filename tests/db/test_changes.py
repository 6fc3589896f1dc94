"""The changes and the history views give the same on both engines."""

from __future__ import annotations

import contextlib

from tests.rows import NOW, Rows
from tmxdb.clock import iso
from tmxdb.db.reading.reader import Reader
from tmxdb.reports.changes import read_changes
from tmxdb.selections.reading import ChosenTracks
from tmxdb.sync.due import count_due, reopen_old

OLD, NEW = iso(NOW - 1000), iso(NOW)


def test_a_beaten_record_and_a_removed_replay_are_told(rows: Rows) -> None:
    rows.track(1, "done", name="A", first_listed_at=OLD, listed_at=NEW, first_seen_at=OLD)
    rows.track(2, "done", name="B", first_listed_at=OLD, listed_at=OLD, first_seen_at=NEW)
    seen = {"first_seen_at": OLD, "listed_at": NEW}
    rows.replay(1, position=1, position_since=NEW, user_name="Ann", site_time_ms=9000, **seen)
    rows.replay(2, position=0, position_since=NEW, user_name="Bob", site_time_ms=8500, first_seen_at=NEW)
    rows.replay(3, left_at=NEW, left_because="removed", **seen)
    rows.write(
        "INSERT INTO past_positions (track_id, replay_id, position, from_at, last_seen_at, until_at)"
        f" VALUES (1, 1, 0, '{OLD}', '{OLD}', '{NEW}')"
    )
    rows.select("few", 1)
    for chosen in (None, ChosenTracks("few"), ChosenTracks(None, (1,))):
        with contextlib.closing(Reader(rows.database.location)) as reader:
            found = read_changes(reader, NEW, chosen)
        assert [(row["user_name"], row["before_user_name"], row["faster_by_ms"]) for row in found.records] == [
            ("Bob", "Ann", 500)
        ]
        assert [row["replay_id"] for row in found.replays] == [2]
        assert [(row["replay_id"], row["reason"]) for row in found.left] == [(3, "removed")]
        assert [row["track_id"] for row in found.tracks] == ([] if chosen else [2])
    assert rows.sql("SELECT replay_id FROM record_history ORDER BY from_at") == [(1,), (2,)]
    assert rows.sql("SELECT user_name, time_ms FROM records") == [("Bob", 8500)]


def test_old_listings_are_reopened_the_most_wanted_first(rows: Rows) -> None:
    for track_id in range(1, 6):
        rows.track(track_id, "done", listed_at=OLD if track_id < 5 else NEW, priority=10 - track_id)
    rows.select("few", 1, 2)
    with rows.database.read() as connection:
        assert count_due(connection, NOW, None).by_age == 4
        assert count_due(connection, NOW, "few").by_age == 2
    assert reopen_old(rows.database, NOW, None, 1) == 1
    assert rows.sql("SELECT track_id FROM tracks WHERE status = 'pending'") == [(4,)]
    assert reopen_old(rows.database, NOW, "few", None) == 2
    assert rows.sql("SELECT count(*) FROM tracks WHERE status = 'pending'") == [(3,)]
