"""Which finished maps and captures a job reopens, on both engines."""

from __future__ import annotations

from tests.rows import Rows
from tmxdb.db.database import Database
from tmxdb.db.models import CaptureRow, MapRow, table_of
from tmxdb.kinds.outdated import NEEDS_A_REPLAY, OLD_MAP, ON_THIS_MAP
from tmxdb.queue.rows.settle import reopen

CURRENT, OLD = {"map_uid": "new", "map_uid_matches": True}, {"map_uid": "old", "map_uid_matches": False}


def _statuses(rows: Rows) -> dict[int, str]:
    return {row["track_id"]: row["status"] for row in rows.all(MapRow)}


def test_only_old_maps_of_which_a_downloaded_replay_has_the_current_one_are_reopened(
    database: Database, rows: Rows
) -> None:
    replays = [CURRENT, OLD, CURRENT, CURRENT, CURRENT, CURRENT]
    matches = [False, False, True, None, False, False]
    for track_id, (replay, uid_matches) in enumerate(zip(replays, matches, strict=True), start=1):
        rows.map(track_id, "running" if track_id == 6 else "done", uid_matches=uid_matches)
        rows.replay(track_id, "failed" if track_id == 5 else "done", track_id=track_id, **replay)
    rows.map(7, "skipped")
    rows.map(8, "skipped", error_code="user.skipped")
    rows.map(9, "failed", error_code="local.no_map")
    rows.map(10, "failed", error_code="gbx.lzo")
    maps = table_of(MapRow)
    with database.write() as connection:
        assert reopen(connection, maps, OLD_MAP) == 1
    assert [track_id for track_id, status in _statuses(rows).items() if status == "pending"] == [1]
    with database.write() as connection:
        assert reopen(connection, maps, NEEDS_A_REPLAY) == 2
    assert [track_id for track_id, status in _statuses(rows).items() if status == "pending"] == [1, 7, 9]


def test_captures_that_failed_because_of_an_older_map_are_reopened_if_theirs_is_there(
    database: Database, rows: Rows
) -> None:
    rows.map(1, "done", uid="new")
    for replay_id, facts in ((1, CURRENT), (2, OLD), (3, CURRENT)):
        rows.replay(replay_id, "done", **facts)
        code = "game.lost" if replay_id == 3 else "capture.other_map"
        rows.capture(replay_id, replay_id, "failed", error_code=code)
    with database.write() as connection:
        assert reopen(connection, table_of(CaptureRow), ON_THIS_MAP) == 1
    assert [row["status"] for row in rows.all(CaptureRow)] == ["pending", "failed", "failed"]
