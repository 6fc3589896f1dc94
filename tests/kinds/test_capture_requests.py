"""`add-captures`: which replays a filter selects, which it excludes and why; the same request is one row."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rows import Rows
from tmxdb.capture.settings import CaptureSettings
from tmxdb.db.database import Database
from tmxdb.db.models import CaptureRow, MapRow, ReplayRow
from tmxdb.kinds.captures import requests
from tmxdb.kinds.captures.requests import CaptureRequestFilter, add_requests, excluded_replays, preview, unknown_ids

SETTINGS = CaptureSettings()
GOOD = {"finished": True, "race_time_ms": 10_000, "input_count": 50, "map_uid": "uid", "device": "keyboard"}


@pytest.fixture
def db(rows: Rows) -> Rows:
    """Track 1 with replays 11 to 14, best first; track 2 with 21."""
    for track_id in (1, 2):
        rows.map(track_id, "done", uid="uid", map_type="race", has_intro=False)
    for position, replay_id in enumerate((11, 12, 13, 14)):
        replay(rows, replay_id, position=position)
    replay(rows, 21, track_id=2, position=0)
    return rows


def replay(rows: Rows, replay_id: int, **columns: Any) -> None:
    rows.replay(replay_id, "done", **{**GOOD, **columns})


def chosen(rows: Rows, **wanted: Any) -> list[int]:
    with rows.database.write() as connection:
        add_requests(connection, CaptureRequestFilter(**wanted), SETTINGS)
    return [row["replay_id"] for row in rows.all(CaptureRow)]


def test_all_replays_that_can_be_driven_are_requested_in_order_of_priority(db: Rows) -> None:
    db.change(ReplayRow, 21, priority=-5)
    assert chosen(db) == [21, 11, 12, 13, 14]
    assert db.all(CaptureRow)[0]["priority"] == -5
    assert db.all(CaptureRow)[0]["settings"] == SETTINGS.to_json()


def test_the_same_request_twice_is_one_row_and_other_settings_are_another(db: Rows, database: Database) -> None:
    with database.write() as connection:
        assert add_requests(connection, CaptureRequestFilter(), SETTINGS) == 5
        assert add_requests(connection, CaptureRequestFilter(), SETTINGS) == 0
        assert add_requests(connection, CaptureRequestFilter(track_ids=[2]), CaptureSettings(fps=20)) == 1
    assert len(db.all(CaptureRow)) == 6


def test_a_preview_counts_without_changing_anything(db: Rows, database: Database) -> None:
    chosen(db, track_ids=[2])
    with database.read() as connection:
        found = preview(connection, CaptureRequestFilter(), SETTINGS)
    assert (found.new, found.known, found.tracks) == (4, 1, 1)
    assert found.takes.frames == 4 * 101
    assert len(db.all(CaptureRow)) == 1


@pytest.mark.parametrize(
    ("wanted", "replays"),
    [
        ({"track_ids": [2]}, [21]),
        ({"replay_ids": [12, 21]}, [12, 21]),
        ({"track_ids": [1], "replay_ids": [21]}, []),
        ({"top": 2}, [11, 12, 21]),
    ],
)
def test_replays_are_selected_by_track_by_id_and_by_rank(db: Rows, wanted: dict[str, Any], replays: list[int]) -> None:
    assert sorted(chosen(db, **wanted)) == replays


@pytest.mark.parametrize(
    ("wanted", "unlike"),
    [
        ({"no_respawns": True}, {"respawns": 1}),
        ({"no_respawns": True}, {"respawns": None, "respawn_events": 2}),
        ({"keyboard_only": True}, {"device": "pad"}),
        ({"keyboard_only": True}, {"device": None}),
        ({"min_time_ms": 10_000}, {"race_time_ms": 9_990}),
        ({"max_time_ms": 10_000}, {"race_time_ms": 10_010}),
        ({}, {"finished": False}),
        ({}, {"race_time_ms": None}),
        ({}, {"input_count": 2}),
        ({}, {"control_names": '["Accelerate", "Steer (analog)"]'}),
        ({}, {"map_uid": "other"}),
        ({}, {"map_uid": None}),
    ],
)
def test_a_filter_excludes_a_replay_and_the_next_best_moves_up(
    db: Rows, wanted: dict[str, Any], unlike: dict[str, Any]
) -> None:
    db.change(ReplayRow, 11, **unlike)
    assert sorted(chosen(db, top=2, track_ids=[1], **wanted)) == [12, 13]


@pytest.mark.parametrize("columns", [{"respawns": 1}, {"device": "pad"}, {"race_time_ms": 1_000}])
def test_optional_filters_are_off_by_default(db: Rows, columns: dict[str, Any]) -> None:
    db.change(ReplayRow, 11, **columns)
    assert sorted(chosen(db, top=2, track_ids=[1])) == [11, 12]


@pytest.mark.parametrize(
    ("wanted", "unlike"),
    [
        ({}, {"map_type": "stunts"}),
        ({}, {"status": "pending", "finished_at": None}),
        ({"max_intro_ms": 5_000}, {"has_intro": True, "intro_ms": 6_000}),
        ({"max_intro_ms": 0}, {"has_intro": True, "intro_ms": None}),
    ],
)
def test_a_filter_excludes_maps(db: Rows, wanted: dict[str, Any], unlike: dict[str, Any]) -> None:
    db.change(MapRow, 2, **unlike)
    assert 21 not in chosen(db, **wanted)


def test_any_type_of_map_can_be_selected(db: Rows) -> None:
    db.change(MapRow, 2, map_type="stunts")
    assert 21 in chosen(db, map_type=None)


def test_excluded_replays_are_counted_by_reason(db: Rows, database: Database) -> None:
    db.change(ReplayRow, 11, finished=False)
    db.change(ReplayRow, 12, input_count=0)
    db.change(ReplayRow, 13, map_uid="older")
    db.change(MapRow, 2, status="pending", finished_at=None)
    with database.read() as connection:
        assert excluded_replays(connection, CaptureRequestFilter()) == {
            "not finished": 1,
            "without inputs": 1,
            "on another version of the map": 1,
            "without their map (tmxdb work --kind extract)": 1,
        }
        without_map = {"without their map (tmxdb work --kind extract)": 1}
        assert excluded_replays(connection, CaptureRequestFilter(track_ids=[2])) == without_map


def test_replays_that_are_not_downloaded_or_excluded_by_a_default_are_counted_too(db: Rows, database: Database) -> None:
    for status, replay_id in (("pending", 15), ("failed", 16), ("retry", 17)):
        db.replay(replay_id, status)
    db.change(MapRow, 2, map_type="stunts")
    with database.read() as connection:
        assert excluded_replays(connection, CaptureRequestFilter()) == {
            "failed to download (tmxdb errors; tmxdb retry --kind download)": 1,
            "not downloaded (tmxdb work --kind download)": 2,
            "on a map of another type than race (--map-type any)": 1,
        }


@pytest.mark.parametrize(
    ("wanted", "columns", "reason"),
    [
        ({"no_respawns": True}, {"respawns": 1}, "with respawns (--no-respawns)"),
        ({"keyboard_only": True}, {"device": None}, "not driven by keyboard only (--keyboard-only)"),
        ({"min_time_ms": 9_000}, {"race_time_ms": 8_990}, "under the minimum time (--min-time)"),
        ({"max_time_ms": 10_000}, {"race_time_ms": 10_010}, "over the maximum time (--max-time)"),
    ],
)
def test_each_filter_is_a_reason_and_every_replay_counts_once(
    db: Rows, database: Database, wanted: dict[str, Any], columns: dict[str, Any], reason: str
) -> None:
    db.change(ReplayRow, 11, **columns)
    request_filter = CaptureRequestFilter(**wanted, top=2)
    with database.read() as connection:
        excluded = excluded_replays(connection, request_filter)
        assert excluded == {reason: 1, "not among the best 2 of their track (--top)": 1}
        assert preview(connection, request_filter, SETTINGS).new + sum(excluded.values()) == 5


def test_excluded_tracks_are_left_out_and_counted(db: Rows, database: Database) -> None:
    """There may be more of them than a statement takes parameters."""
    request_filter = CaptureRequestFilter(exclude_track_ids=[1, *range(1000, 50_000)])
    with database.read() as connection:
        assert excluded_replays(connection, request_filter) == {"on a map that is excluded (--exclude-maps)": 4}
    assert chosen(db, exclude_track_ids=[1, *range(1000, 50_000)]) == [21]


def test_ids_that_are_not_in_the_database_are_returned(db: Rows, database: Database) -> None:
    wanted = CaptureRequestFilter(track_ids=[1, 3], replay_ids=[11, 999, 998])
    with database.read() as connection:
        assert unknown_ids(connection, wanted) == ([3], [998, 999])


def test_more_ids_may_be_given_than_fit_one_statement(db: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "MAX_IDS_PER_STATEMENT", 1)
    assert sorted(chosen(db, track_ids=[1, 2, 3], top=1)) == [11, 21]
