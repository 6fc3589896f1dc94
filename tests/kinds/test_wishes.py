"""`add-captures`: which replays a filter chooses, and that the same wish is one row."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rows import Rows
from tmxdb.capture.settings import CaptureSettings
from tmxdb.db.engine import Database
from tmxdb.db.models import Capture, Map, Replay
from tmxdb.kinds import wishes
from tmxdb.kinds.wishes import Filter, add, left_out, look

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
        add(connection, Filter(**wanted), SETTINGS)
    return [row["replay_id"] for row in rows.all(Capture)]


def test_all_replays_that_can_be_driven_are_wanted_the_most_urgent_first(db: Rows) -> None:
    db.change(Replay, 21, priority=-5)
    assert chosen(db) == [21, 11, 12, 13, 14]
    assert db.all(Capture)[0]["priority"] == -5
    assert db.all(Capture)[0]["settings"] == SETTINGS.to_json()


def test_the_same_wish_twice_is_one_row_and_other_settings_are_another(db: Rows, database: Database) -> None:
    with database.write() as connection:
        assert add(connection, Filter(), SETTINGS) == 5
        assert add(connection, Filter(), SETTINGS) == 0
        assert add(connection, Filter(track_ids=[2]), CaptureSettings(fps=20)) == 1
    assert len(db.all(Capture)) == 6


def test_a_look_says_what_would_come_and_changes_nothing(db: Rows, database: Database) -> None:
    chosen(db, track_ids=[2])
    with database.read() as connection:
        found = look(connection, Filter(), SETTINGS)
    assert (found.new, found.known, found.tracks) == (4, 1, 1)
    assert found.takes.frames == 4 * 101
    assert len(db.all(Capture)) == 1


@pytest.mark.parametrize(
    ("wanted", "replays"),
    [
        ({"track_ids": [2]}, [21]),
        ({"replay_ids": [12, 21]}, [12, 21]),
        ({"track_ids": [1], "replay_ids": [21]}, []),
        ({"top": 2}, [11, 12, 21]),
    ],
)
def test_replays_are_chosen_by_track_by_id_and_by_place(db: Rows, wanted: dict[str, Any], replays: list[int]) -> None:
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
        ({}, {"map_uid": "other"}),
        ({}, {"map_uid": None}),
    ],
)
def test_a_filter_leaves_out_what_is_otherwise_and_the_next_best_moves_up(
    db: Rows, wanted: dict[str, Any], unlike: dict[str, Any]
) -> None:
    db.change(Replay, 11, **unlike)
    assert sorted(chosen(db, top=2, track_ids=[1], **wanted)) == [12, 13]


@pytest.mark.parametrize(
    ("wanted", "unlike"),
    [
        ({}, {"map_type": "stunts"}),
        ({}, {"status": "pending", "finished_at": None}),
        ({"max_intro_ms": 5_000}, {"has_intro": True, "intro_ms": 6_000}),
        ({"max_intro_ms": 0}, {"has_intro": True, "intro_ms": None}),
    ],
)
def test_a_filter_leaves_out_maps(db: Rows, wanted: dict[str, Any], unlike: dict[str, Any]) -> None:
    db.change(Map, 2, **unlike)
    assert 21 not in chosen(db, **wanted)


def test_any_type_of_map_can_be_asked_for(db: Rows) -> None:
    db.change(Map, 2, map_type="stunts")
    assert 21 in chosen(db, map_type=None)


def test_why_replays_are_left_out_is_told(db: Rows, database: Database) -> None:
    db.change(Replay, 11, finished=False)
    db.change(Replay, 12, input_count=0)
    db.change(Replay, 13, map_uid="older")
    db.change(Map, 2, status="pending", finished_at=None)
    with database.read() as connection:
        assert left_out(connection, Filter()) == {
            "not finished": 1,
            "without inputs": 1,
            "on another version of the map": 1,
            "without their map (tmxdb work --kind extract)": 1,
        }
        assert left_out(connection, Filter(track_ids=[2])) == {"without their map (tmxdb work --kind extract)": 1}


def test_more_tracks_may_be_named_than_a_statement_takes(db: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wishes, "IDS_AT_ONCE", 1)
    assert sorted(chosen(db, track_ids=[1, 2, 3], top=1)) == [11, 21]
