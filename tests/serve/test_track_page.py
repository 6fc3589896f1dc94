"""The page of a track: how its record developed, and the checkpoints of its best runs."""

from __future__ import annotations

import html
import json
from collections.abc import Callable
from typing import Any

from tests.rows import NOW, Rows
from tmxdb.clock import iso
from tmxdb.db.database import Database
from tmxdb.db.reading.reader import Reader
from tmxdb.reports.pages.checkpoints import compared, read_checkpoints
from tmxdb.reports.pages.records import read_record_steps

DAY = 86_400_000


def test_records_follow_the_uploads(rows: Rows, database: Database, serve: Callable[..., Any]) -> None:
    rows.track(1, "done", author_time_ms=31_000)
    for replay_id, day, time_ms, columns in (
        (11, 0, 33_000, {"position": 3}),
        (12, 1, 30_000, {"left_because": "removed"}),
        (13, 2, 29_000, {"left_because": "replaced"}),
        (14, 3, 32_000, {"left_because": "improved"}),
        (15, 4, 32_500, {"position": 2}),
        (16, 5, 31_500, {"position": 0, "user_name": "</script>'\""}),
        (17, 6, None, {}),
    ):
        rows.replay(replay_id, site_time_ms=time_ms, replay_at=iso(NOW + day * DAY), **columns)
    reader = Reader(database.location)
    steps = read_record_steps(reader, 1)
    reader.close()
    assert [(step.replay_id, step.gain_ms) for step in steps] == [(11, None), (14, 1000), (16, 500)]
    page = serve(database).get("/track/1").text
    points = json.loads(html.unescape(page.partition("data-points='")[2].partition("'")[0]))
    assert points["times"] == [33.0, 32.0, 31.5]
    assert points["names"][-1] == "</script>'\""


def test_runs_on_an_older_map_that_are_still_listed_were_no_records(rows: Rows, database: Database) -> None:
    old, new = iso(NOW - DAY), iso(NOW)
    for track_id in (1, 2, 3):
        rows.track(track_id, "done", updated_at=new)
        rows.replay(10 * track_id, site_time_ms=30_000, replay_at=old, track_at=old)
        rows.replay(10 * track_id + 1, site_time_ms=32_000, replay_at=iso(NOW + DAY), track_at=new)
        rows.write(
            f"UPDATE replays SET track_id = {track_id} WHERE replay_id IN ({10 * track_id}, {10 * track_id + 1})"
        )
    rows.write("UPDATE replays SET position = 0 WHERE replay_id = 11")
    rows.write("UPDATE replays SET position = 0 WHERE replay_id = 30")  # listed before the map was replaced
    rows.write("DELETE FROM replays WHERE replay_id = 31")
    reader = Reader(database.location)
    assert [[step.replay_id for step in read_record_steps(reader, track_id)] for track_id in (1, 2, 3)] == [
        [11], [21], [30],
    ]  # fmt: skip
    reader.close()


def test_a_stunts_track_and_one_without_runs_have_no_records(
    rows: Rows, database: Database, serve: Callable[..., Any]
) -> None:
    rows.track(1, "done", primary_type=3)
    rows.replay(11, site_time_ms=33_000, replay_at=iso(NOW), position=0)
    rows.track(2, "done")
    client = serve(database)
    assert "<span>stunts</span>" in client.get("/track/1").text
    for track_id in (1, 2):
        assert 'id="records"' not in client.get(f"/track/{track_id}").text


def test_checkpoints_are_compared_with_the_best_run(rows: Rows, database: Database, serve: Callable[..., Any]) -> None:
    rows.track(1, "done")
    rows.replay(10, position=0, user_name="not downloaded")
    rows.replay(11, "done", position=1, user_name="Ann", checkpoints_ms="[1000, null, 3000]")
    rows.replay(12, "done", position=2, user_name="Bob", checkpoints_ms="[900, 2000, 3250]")
    rows.replay(13, "done", position=3, user_name="Eve", checkpoints_ms="[900, 3250]")
    reader = Reader(database.location)
    table = read_checkpoints(reader, 1, top=10)
    reader.close()
    assert (table.n, [run.replay_id for run in table.runs], table.left_out) == (3, [11, 12], 1)
    assert [(one.gap_ms, one.lost_ms) for one in table.runs[1].crossings] == [(-100, -100), (None, None), (250, 350)]
    page = serve(database).get("/track/1").text
    for part in ("compared with rank 2", "-0.10", "+0.25", "/replay/12?with=11", "1 run with another number"):
        assert part in page


def test_a_run_with_more_checkpoints_than_the_other_is_compared_where_both_have_one() -> None:
    assert [one.gap_ms for one in compared([1, 2, 3], [1, 1])] == [0, 1, None]


def test_many_checkpoints_are_cut(rows: Rows, database: Database, serve: Callable[..., Any]) -> None:
    rows.track(1, "done")
    rows.replay(11, "done", position=0, checkpoints_ms=json.dumps([1000 * n for n in range(1, 101)]))
    page = serve(database).get("/track/1").text
    assert "The first 40 of 100" in page
    assert page.count('<td class="n">0:') == 40
