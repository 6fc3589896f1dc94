"""Entries of the exchange's lists become columns. Unexpected values are noted and never cost the row."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tmxdb.db.models import ReplayRow, TrackRow, table_of
from tmxdb.storable_text import MAX_INDEXED
from tmxdb.tmx.endpoints import REPLAY_FIELDS, TRACK_FIELDS
from tmxdb.tmx.fields import MAX_TEXT, shown
from tmxdb.tmx.records import replay_record, track_record

TRACK: dict[str, Any] = {
    "TrackId": 924307,
    "TrackName": "[PF] Ph/\\ntom Fake",
    "UId": "bjtA2vXJWlGGGVWNJVNZJVNZJVN",
    "AuthorTime": 41230,
    "GoldTarget": 44000,
    "SilverTarget": 50000,
    "BronzeTarget": 62000,
    "AuthorScore": 0,
    "Uploader": {"UserId": 17, "Name": "Ünïcode"},
    "Authors": [{"User": {"UserId": 17, "Name": "Ünïcode"}, "Role": "Author"}, {"User": None, "Role": 2}],
    "UploadedAt": "2009-02-20T16:57:38",
    "UpdatedAt": "2024-08-03T17:04:02.12",
    "ActivityAt": "2024-08-04T00:00:00.5Z",
    "PrimaryType": 0,
    "Style": 10,
    "Tags": [10, 3],
    "Routes": 1,
    "Difficulty": 2,
    "Mood": 3,
    "Environment": 7,
    "Car": 1,
    "Awards": 11,
    "Comments": 12,
    "TrackValue": 1300,
    "ReplayType": 4,
    "HasThumbnail": True,
    "IsPublic": 1,
    "AuthorBeaten": False,
    "UnlimiterVersion": None,
    "AuthorComments": "GPS inside",
    "WRReplay": {"ReplayId": 12_800_000, "ReplayTime": 40100, "ReplayScore": 7, "User": {"UserId": 5, "Name": "x"}},
    "Images": [{"Width": 1}, {"Width": 2}],
}
TRACK_COLUMNS = {
    "name": "[PF] Ph/\\ntom Fake",
    "uid": "bjtA2vXJWlGGGVWNJVNZJVNZJVN",
    "author_time_ms": 41230,
    "gold_ms": 44000,
    "silver_ms": 50000,
    "bronze_ms": 62000,
    "author_score": 0,
    "uploader_id": 17,
    "uploader_name": "Ünïcode",
    "authors": '[{"user_id": 17, "name": "Ünïcode", "role": "Author"}, {"user_id": null, "name": null, "role": 2}]',
    "uploaded_at": "2009-02-20T16:57:38.000Z",
    "updated_at": "2024-08-03T17:04:02.120Z",
    "activity_at": "2024-08-04T00:00:00.500Z",
    "primary_type": 0,
    "style": 10,
    "tags": "[10, 3]",
    "routes": 1,
    "difficulty": 2,
    "mood": 3,
    "environment": 7,
    "car": 1,
    "awards": 11,
    "comments": 12,
    "track_value": 1300,
    "replay_type": 4,
    "has_thumbnail": True,
    "image_count": 2,
    "is_public": True,
    "author_beaten": False,
    "unlimiter_version": None,
    "author_comments": "GPS inside",
    "wr_replay_id": 12_800_000,
    "wr_time_ms": 40100,
    "wr_score": 7,
    "wr_user_id": 5,
    "wr_user_name": "x",
    "oddities": None,
}
REPLAY: dict[str, Any] = {
    "ReplayId": 12_800_000,
    "User": {"UserId": 5, "Name": "driver"},
    "ReplayTime": 40100,
    "ReplayScore": 7,
    "ReplayRespawns": 2,
    "ReplayAt": "2024-08-03T17:04:02.123",
    "TrackAt": "2009-02-20T16:57:38",
    "Position": 0,
    "IsBest": 1,
    "IsLeaderboard": 0,
    "Score": 50,
    "Validated": True,
}
REPLAY_COLUMNS = {
    "user_id": 5,
    "user_name": "driver",
    "site_time_ms": 40100,
    "site_score": 7,
    "site_respawns": 2,
    "replay_at": "2024-08-03T17:04:02.123Z",
    "track_at": "2009-02-20T16:57:38.000Z",
    "position": 0,
    "is_best": True,
    "is_leaderboard": False,
    "leaderboard_points": 50,
    "validated": True,
    "oddities": None,
}


def _track(**changes: Any) -> dict[str, Any]:
    record = track_record(TRACK | changes)
    assert record is not None
    return dict(record.columns)


def _replay(**changes: Any) -> dict[str, Any]:
    record = replay_record(REPLAY | changes)
    assert record is not None
    return dict(record.columns)


def test_every_field_of_a_track_becomes_its_column() -> None:
    record = track_record(TRACK)
    assert record is not None
    assert record.track_id == 924307
    assert record.columns == TRACK_COLUMNS


def test_every_field_of_a_replay_becomes_its_column() -> None:
    record = replay_record(REPLAY)
    assert record is not None
    assert record.replay_id == 12_800_000
    assert record.columns == REPLAY_COLUMNS


def test_every_requested_field_is_kept() -> None:
    assert {name.split("[")[0].split(".")[0] for name in TRACK_FIELDS.split(",")} == set(TRACK)
    assert {name.split(".")[0] for name in REPLAY_FIELDS.split(",")} == set(REPLAY)


def test_the_columns_of_a_record_are_columns_of_its_table() -> None:
    assert set(TRACK_COLUMNS) <= set(table_of(TrackRow).columns.keys())
    assert set(REPLAY_COLUMNS) <= set(table_of(ReplayRow).columns.keys())


def test_an_absent_field_is_not_an_oddity() -> None:
    record = track_record({"TrackId": 1})
    assert record is not None
    assert set(record.columns.values()) == {None}


@pytest.mark.parametrize("wrong", [None, 0, -1, 2**63, 1.0, True, "1", [1], {}])
def test_an_entry_without_a_usable_id_is_not_a_record(wrong: Any) -> None:
    assert track_record({"TrackId": wrong}) is None
    assert replay_record({"ReplayId": wrong}) is None


@pytest.mark.parametrize(
    ("field", "value", "column", "kept"),
    [
        ("AuthorTime", "41230", "author_time_ms", None),
        ("AuthorTime", True, "author_time_ms", None),
        ("AuthorTime", 10**30, "author_time_ms", None),
        ("AuthorTime", 2**31, "author_time_ms", None),
        ("AuthorTime", 1.5, "author_time_ms", None),
        ("AuthorTime", float("nan"), "author_time_ms", None),
        ("AuthorTime", float("inf"), "author_time_ms", None),
        ("AuthorTime", [], "author_time_ms", None),
        ("TrackName", 5, "name", None),
        ("TrackName", "a\0b", "name", "ab"),
        ("TrackName", "a\ud800b", "name", "a?b"),
        ("TrackName", "x" * (MAX_INDEXED + 1), "name", "x" * MAX_INDEXED),
        ("UId", "x" * (MAX_INDEXED + 1), "uid", "x" * MAX_INDEXED),
        ("AuthorComments", "x" * (MAX_TEXT + 1), "author_comments", "x" * MAX_TEXT),
        ("HasThumbnail", "yes", "has_thumbnail", None),
        ("HasThumbnail", 2, "has_thumbnail", None),
        ("UploadedAt", "yesterday", "uploaded_at", None),
        ("UploadedAt", "2009-13-01T00:00:00", "uploaded_at", None),
        ("UploadedAt", "2009-02-30T00:00:00", "uploaded_at", None),
        ("UploadedAt", "0001-01-01T00:00:00+23:00", "uploaded_at", None),
        ("UploadedAt", 1234567890, "uploaded_at", None),
        ("Tags", [1, "2"], "tags", None),
        ("Tags", [10**30], "tags", None),
        ("Tags", 7, "tags", None),
        ("Images", 3, "image_count", None),
        ("Authors", "me", "authors", None),
        ("Authors", [None], "authors", None),
        ("Uploader", "me", "uploader_name", None),
        ("WRReplay", [], "wr_time_ms", None),
    ],
)
def test_an_unexpected_value_becomes_null_and_is_noted(field: str, value: Any, column: str, kept: Any) -> None:
    columns = _track(**{field: value})
    assert columns[column] == kept
    (first, *_) = json.loads(columns["oddities"])
    assert first.startswith(field)
    others = {name for name in TRACK_COLUMNS if columns[name] != TRACK_COLUMNS[name]} - {"oddities", column}
    assert others <= {"uploader_id", "wr_replay_id", "wr_score", "wr_user_id", "wr_user_name"}


def test_an_unexpected_value_within_an_author_is_noted_with_its_field() -> None:
    columns = _track(Authors=[{"User": {"UserId": "x", "Name": "a\0"}, "Role": "\ud800"}])
    assert json.loads(columns["authors"]) == [{"user_id": None, "name": "a", "role": "?"}]
    assert json.loads(columns["oddities"]) == ["Authors[].User.UserId: 'x'", "Authors[].User.Name: 'a\\x00'"]
    columns["authors"].encode("utf-8")


def test_a_whole_number_may_come_with_a_decimal_point() -> None:
    assert _track(Awards=11.0)["awards"] == 11


@pytest.mark.parametrize(("changes", "column"), [({"Position": -1}, "position"), ({"ReplayTime": -1}, "site_time_ms")])
def test_a_negative_position_or_time_is_unexpected(changes: dict[str, Any], column: str) -> None:
    columns = _replay(**changes)
    assert columns[column] is None
    assert columns["oddities"]


@pytest.mark.parametrize(
    ("changes", "ranked"),
    [
        ({}, True),
        ({"Validated": None}, True),
        ({"Validated": False}, False),
        ({"Position": None}, False),
        ({"Score": None}, True),
    ],
)
def test_a_replay_with_a_position_is_ranked_unless_it_is_invalid(changes: dict[str, Any], ranked: bool) -> None:
    record = replay_record(REPLAY | changes)
    assert record is not None
    assert record.is_ranked is ranked


def test_a_value_too_deep_to_be_shown_is_still_noted() -> None:
    deep: list[Any] = []
    for _ in range(200_000):  # how deep repr goes differs between versions of Python
        deep = [deep]
    assert "AuthorTime: a list" in json.loads(_track(AuthorTime=deep)["oddities"])[0]
    assert shown(10**5000) == "a int that cannot be shown"


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["\0", "\ud800", 10**40]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)
_USERS = st.fixed_dictionaries({}, optional={"UserId": _ANY, "Name": _ANY})
_NESTED = st.fixed_dictionaries(
    {}, optional={"User": _ANY | _USERS, "Role": _ANY, "ReplayId": _ANY, "ReplayTime": _ANY}
)


def _rows(fields: dict[str, Any], key: str) -> st.SearchStrategy[dict[str, Any]]:
    values = {name: _ANY | _NESTED | st.lists(_NESTED, max_size=2) for name in fields if name != key}
    return st.fixed_dictionaries({key: st.just(7) | _ANY}, optional=values)


@settings(deadline=None, max_examples=40)
@given(_rows(TRACK, "TrackId"))
def test_any_json_gives_a_track_that_can_be_stored_or_none(raw: dict[str, Any]) -> None:
    record = track_record(raw)
    if record is not None:
        assert set(record.columns) == set(TRACK_COLUMNS)
        _check_storable(record.columns)


@settings(deadline=None, max_examples=40)
@given(_rows(REPLAY, "ReplayId"))
def test_any_json_gives_a_replay_that_can_be_stored_or_none(raw: dict[str, Any]) -> None:
    record = replay_record(raw)
    if record is not None:
        assert set(record.columns) == set(REPLAY_COLUMNS)
        _check_storable(record.columns)


def _check_storable(columns: Any) -> None:
    for value in columns.values():
        if isinstance(value, str):
            assert "\0" not in value.encode("utf-8").decode()
        else:
            assert value is None or isinstance(value, bool) or -(2**63) <= value < 2**63
    json.loads(columns["oddities"] or "[]")
