"""The latest records: those that beat another one, from the past of leaderboards."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from tests.rows import NOW, Rows
from tmxdb.clock import iso
from tmxdb.db.database import Database
from tmxdb.db.reading.reader import Reader
from tmxdb.reports.changes import read_changes
from tmxdb.reports.pages import records
from tmxdb.reports.pages.records import BeatenRecord, read_latest_records

AT = [iso(NOW + 1000 * second) for second in range(10)]


def past(rows: Rows, track_id: int, replay_id: int, until_at: str, from_at: str = AT[0], position: int = 0) -> None:
    rows.write(
        "INSERT INTO past_positions (track_id, replay_id, position, from_at, last_seen_at, until_at)"
        f" VALUES ({track_id}, {replay_id}, {position}, '{from_at}', '{from_at}', '{until_at}')"
    )


def latest(database: Database, n: int = 10) -> list[BeatenRecord]:
    with closing(Reader(database.location)) as reader:
        return read_latest_records(reader, n=n)


def test_records_that_were_beaten_are_listed_the_newest_first(database: Database, rows: Rows) -> None:
    rows.track(1, "done", name="A")
    rows.replay(1, position=2, position_since=AT[3], user_id=7, user_name="Ann", site_time_ms=9_000)
    rows.replay(2, position=1, position_since=AT[5], user_id=8, user_name="Bob", site_time_ms=8_500)
    rows.replay(3, position=0, position_since=AT[5], user_id=7, user_name="Ann", site_time_ms=8_490)
    past(rows, 1, 1, AT[3])
    past(rows, 1, 1, AT[5], AT[3], position=1)
    past(rows, 1, 2, AT[5], AT[3])
    found = latest(database)
    assert found[0] == BeatenRecord(AT[5], 1, "A", 3, 7, "Ann", 8_490, 8, "Bob", 10)
    assert [(one.user_name, one.beaten_user_name, one.gain_ms) for one in found] == [
        ("Ann", "Bob", 10),
        ("Bob", "Ann", 500),
    ]
    assert latest(database, 1) == found[:1]


def test_what_the_site_removed_was_not_beaten(database: Database, rows: Rows) -> None:
    for track_id, why in enumerate(("removed", "replaced", "improved"), 1):
        rows.track(track_id, "done")
        rows.replay(10 * track_id, left_at=AT[4], left_because=why, site_time_ms=9_000)
        rows.replay(10 * track_id + 1, position=0, position_since=AT[4], site_time_ms=8_000)
    rows.write("UPDATE replays SET track_id = replay_id / 10")
    for track_id in (1, 2, 3):
        past(rows, track_id, 10 * track_id, AT[4])
    assert [one.track_id for one in latest(database)] == [3]


def test_a_run_on_an_older_map_was_not_beaten(database: Database, rows: Rows) -> None:
    rows.track(1, "done")
    rows.replay(10, site_time_ms=9_000, track_at=AT[1])
    rows.replay(11, position=0, position_since=AT[4], site_time_ms=8_000, track_at=AT[2])
    past(rows, 1, 10, AT[4])
    assert latest(database) == []
    with closing(Reader(database.location)) as reader:
        (record,) = read_changes(reader, AT[3]).records
    assert (record["before_left"], record["faster_by_ms"]) == ("replaced", None)


def test_points_and_slower_runs_are_no_faster_records(database: Database, rows: Rows) -> None:
    rows.track(1, "done", primary_type=3)
    rows.track(2, "done")
    for track_id, time_ms in ((1, 8_000), (2, 9_500)):
        rows.replay(10 * track_id, site_time_ms=9_000)
        rows.replay(10 * track_id + 1, position=0, position_since=AT[4], site_time_ms=time_ms)
        past(rows, track_id, 10 * track_id, AT[4])
    rows.write("UPDATE replays SET track_id = replay_id / 10")
    assert latest(database) == []


def test_an_index_finds_them(sqlite: Database) -> None:
    assert sqlite.path
    with closing(sqlite3.connect(sqlite.path)) as connection:
        plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {records._BEATEN}", {"looks": 200})]
    assert any("ix_past_positions_record" in step for step in plan), plan
    assert [step for step in plan if step.startswith("SCAN") and "past_positions USING INDEX" not in step] == [
        "SCAN past"
    ], plan
