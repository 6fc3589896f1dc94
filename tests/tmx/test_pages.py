"""Pages of lists: what msgspec reads at once and what is read value by value are the same records."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tmx.test_records import REPLAY, REPLAY_COLUMNS, TRACK, TRACK_COLUMNS
from tmxdb.errors import InvalidResponse
from tmxdb.storable_text import MAX_INDEXED
from tmxdb.tmx.fields import MAX_AUTHORS, MAX_NUMBERS, MAX_TEXT
from tmxdb.tmx.pages import replay_page, track_page
from tmxdb.tmx.records import REPLAY as REPLAY_LIST
from tmxdb.tmx.records import TRACK as TRACK_LIST
from tmxdb.tmx.typed_list import TypedList

BOM = b"\xef\xbb\xbf"
"""What msgspec refuses and json reads: with it, every value is looked at."""
TRACKS = TypedList(TRACK_LIST)


def _body(*rows: Any, more: Any = True) -> bytes:
    return json.dumps({"More": more, "Results": rows}).encode()


def _read(body: bytes, page: Any = track_page) -> Any:
    """Return the page, or the error and its message."""
    try:
        return page(body, 1000, "the list")
    except InvalidResponse as error:
        return error.code, str(error)


def test_a_usual_entry_is_read_at_once() -> None:
    assert TRACKS.read(json.dumps(TRACK).encode()) == (924307, tuple(TRACK_COLUMNS.values()))
    assert TypedList(REPLAY_LIST).read(json.dumps(REPLAY).encode()) == (12_800_000, tuple(REPLAY_COLUMNS.values()))
    assert (TRACK_LIST.columns, REPLAY_LIST.columns) == (tuple(TRACK_COLUMNS), tuple(REPLAY_COLUMNS))
    split = TRACKS.split(_body(TRACK, TRACK))
    assert split is not None
    assert (list(map(bytes, split[0])), split[1]) == ([json.dumps(TRACK).encode()] * 2, True)


@pytest.mark.parametrize(
    "absent", [{}, {"Uploader": None, "WRReplay": None}, {"WRReplay": {"User": None}}, {"WRReplay": {}}]
)
def test_an_entry_without_an_object_has_none_of_its_values(absent: dict[str, Any]) -> None:
    for _ in range(2):  # what is read where an object is absent is the same for all entries
        assert TRACKS.read(json.dumps({"TrackId": 1, **absent}).encode()) == (1, (None,) * len(TRACK_COLUMNS))


@pytest.mark.parametrize(
    "changes",
    [
        {"TrackId": 2**63},
        {"TrackId": True},
        {"AuthorTime": 2**31},
        {"AuthorTime": True},
        {"AuthorTime": 5.0},
        {"AuthorTime": float("nan")},
        {"TrackName": "a\0b"},
        {"TrackName": "\ud800"},
        {"TrackName": "x" * (MAX_INDEXED + 1)},
        {"AuthorComments": "x" * (MAX_TEXT + 1)},
        {"HasThumbnail": 2},
        {"HasThumbnail": 1.0},
        {"UploadedAt": "yesterday"},
        {"UploadedAt": "2009-02-30T00:00:00"},
        {"Tags": [True]},
        {"Tags": [2**63]},
        {"Tags": [0] * (MAX_NUMBERS + 1)},
        {"Images": {}},
        {"Authors": [None]},
        {"Authors": [{"User": {"UserId": "17"}}]},
        {"Uploader": []},
        {"Unknown": 1},
    ],
)
def test_an_entry_with_an_unusual_value_is_not_read_at_once_and_costs_no_other(changes: dict[str, Any]) -> None:
    assert TRACKS.read(json.dumps(TRACK | changes).encode()) is None
    body = _body(TRACK, TRACK | changes)
    assert _read(body) == _read(BOM + body)
    assert _read(body).records[0].columns == TRACK_COLUMNS


_LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(0, 9)
    | st.floats()
    | st.text()
    | st.sampled_from(["\0", "\ud800", "2024-08-03T17:04:02.12", 10**40, 2**63 - 1, 2**63, -(2**63), 2**31, -(2**31)])
)
_USER = st.none() | st.fixed_dictionaries({}, optional={"UserId": _LEAVES, "Name": _LEAVES, "Other": _LEAVES})
_RECORD = st.fixed_dictionaries({}, optional={"ReplayId": _LEAVES, "ReplayTime": _LEAVES, "User": _USER})
_AUTHOR = _USER | st.fixed_dictionaries({}, optional={"User": _USER, "Role": _LEAVES})
_VALUES = _LEAVES | _USER | _RECORD | st.lists(_LEAVES | _AUTHOR, max_size=3)


def _pages(usual: dict[str, Any]) -> st.SearchStrategy[bytes]:
    """Return pages of entries with a few values that may be anything."""
    changes = st.dictionaries(st.sampled_from([*usual, "Unknown"]), _VALUES, max_size=3)
    return st.lists(changes.map(lambda changed: usual | changed) | _LEAVES, max_size=3).map(lambda rows: _body(*rows))


@settings(deadline=None, max_examples=200)
@given(_pages(TRACK))
def test_any_page_of_tracks_is_the_same_page_read_value_by_value(body: bytes) -> None:
    assert _read(body) == _read(BOM + body)


@settings(deadline=None, max_examples=100)
@given(_pages(REPLAY))
def test_any_page_of_replays_is_the_same_page_read_value_by_value(body: bytes) -> None:
    assert _read(body, replay_page) == _read(BOM + body, replay_page)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"<html>",
        b'{"Results": [], "More": 1}',
        b'{"Results": {}, "More": true}',
        b'{"Results": [], "More": true, "Other": 1}',
        b'{"Results": [], "More": true} {}',
        b'{"Results": [], "More": true',
        b'{"Results": [], "Results": [{"TrackId": 1}], "More": true, "More": false}',
        b'{"Results": [{"TrackId": 1, "TrackId": 2}], "More": true}',
        b'{"Results": [{"TrackId": 1},], "More": true}',
        b'{"Results": [{"TrackId": 01}], "More": true}',
        b'{"Results": [{"TrackId": 1, "TrackName": "\xff"}], "More": true}',
        b'{"Results": [{"TrackId": 1, "TrackName": "\xed\xa0\x80"}], "More": true}',
        b'{"Results": [{"TrackId": 1, "TrackName": "\x01"}], "More": true}',
        b'{"Results": [{"TrackId": 1, "TrackName": "\\x"}], "More": true}',
        b'{"Results": [{"TrackId": 1, "Unknown": "\xff"}], "More": true}',
        b'{"Results": [{"TrackId": 1, "Awards": 1e400}], "More": true}',
        b'{"Results": [{"TrackId": 1, "Awards": ' + b"9" * 5000 + b'}], "More": true}',
        b'{"Results": [{"TrackId": 1, "Images": [NaN, Infinity]}], "More": true}',
        b'{"Results": [{"TrackId": 1, "Images": ["\\ud800"]}], "More": true}',
        b'{"Results": [null, 5, {"TrackId": 1}], "More": true}',
        b'{"Results": [null], "More": true}',
        '{"Results": [{"TrackId": 1}], "More": true}'.encode("utf-16"),
    ],
)
def test_any_answer_is_the_same_read_value_by_value(body: bytes) -> None:
    assert _read(body) == _read(BOM + body if body[:1] in b"[{<" else body)


@pytest.mark.parametrize("depth", [500, 100_000])
def test_a_value_nested_too_deeply_makes_the_answer_invalid_and_nothing_worse(depth: int) -> None:
    body = b'{"Results": [{"TrackId": 1, "Images": ' + b"[" * depth + b"]" * depth + b'}], "More": true}'
    read = _read(body)
    assert (
        read == ("tmx.wrong_json", "the list: the answer is not JSON (RecursionError).")
        if depth > 500
        else read.records
    )


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([17], "the only entry has no usable id; it is 17."),
        ([{"TrackId": None}, 17], "none of the 2 entries has a usable id; the first is {'TrackId': None}."),
    ],
)
def test_a_page_without_a_usable_id_says_what_it_has_instead(rows: list[Any], said: str) -> None:
    assert _read(_body(*rows)) == ("tmx.wrong_json", f"the list: {said}")


def test_more_entries_than_requested_are_refused() -> None:
    for body in (_body(TRACK, TRACK), BOM + _body(TRACK, TRACK)):
        with pytest.raises(InvalidResponse, match="2 entries, more than requested"):
            track_page(body, 1, "the list")


@pytest.mark.parametrize("count", [0, 1, MAX_AUTHORS, MAX_AUTHORS + 1])
def test_authors_are_written_as_json_does(count: int) -> None:
    users = [{"UserId": 1, "Name": 'a"\\\né\u2028\x7f'}, {"UserId": None}, None]
    authors = [{"User": users[number % 3], "Role": (None, "ü", 7)[number % 3]} for number in range(count)]
    usual = TRACKS.read(json.dumps(TRACK | {"Authors": authors}).encode())
    assert usual is not None
    assert (
        usual[1][TRACK_LIST.position["authors"]]
        == _read(BOM + _body(TRACK | {"Authors": authors})).records[0].columns["authors"]
    )


def test_pages_are_read_without_msgspec_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "msgspec", None)
    assert TypedList(TRACK_LIST).split(_body(TRACK)) is None
