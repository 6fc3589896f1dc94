"""Inputs are stored in few bytes, and read as the JSON that they were."""

from __future__ import annotations

import json
import sqlite3
import zlib
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from tests.gbx.samples import expected, needs_samples, sample
from tests.rows import Rows
from tmxdb.db.database import Database
from tmxdb.db.dialect import inputs_for
from tmxdb.db.models import ReplayInputsRow, table_of
from tmxdb.db.packed_inputs import inputs_json, pack_inputs, packed, unpack_inputs
from tmxdb.db.reading.reader import Reader
from tmxdb.gbx import read_replay
from tmxdb.kinds.facts import input_events

EVENTS = [(0, "Steer", -65536), (0, "Accelerate", 1), (1230, "Steer", 65536), (10, "_FakeFinishLine", 1)]
INT64 = some.integers(-(2**63), 2**63 - 1)
TEXT = json.dumps(EVENTS, separators=(",", ":"))


@settings(max_examples=50)
@given(some.lists(some.tuples(some.integers(-(2**62), 2**62 - 1), some.text(max_size=5), INT64)))
def test_events_are_the_same_after_packing(events: list[tuple[int, str, int]]) -> None:
    stored = pack_inputs(events)
    assert json.loads(unpack_inputs(stored)) == [list(event) for event in events]
    text = json.dumps(events, separators=(",", ":"))
    assert (unpack_inputs(stored), packed(text)) == (text, stored)


def test_inputs_whose_times_are_too_far_apart_are_stored_as_they_are() -> None:
    text = json.dumps([(-(2**62), "Steer", 0), (2**62, "Steer", 0)], separators=(",", ":"))
    assert packed(text) == text


@pytest.mark.parametrize("controls", [128, 129, 256])
def test_inputs_of_many_controls(controls: int) -> None:
    events = [(0, f"control {number}", 1) for number in reversed(range(controls))]
    assert json.loads(unpack_inputs(pack_inputs(events))) == [list(event) for event in events]


def test_inputs_of_more_controls_than_any_game_has_are_stored_as_they_are() -> None:
    text = json.dumps([(0, f"control {number}", 1) for number in range(257)], separators=(",", ":"))
    assert packed(text) == text


@pytest.mark.parametrize(
    "text",
    ["", "x", "{}", "null", "[1]", "[[1]]", '[["0","Steer",1]]', '[[0, "Steer", 1]]', '[[0,"\u00fc",1]]',
     '[[0,"Steer",9223372036854775808]]', '[[0,"Steer",null]]', '[[0,"Steer",true]]', "\ud800"],
)  # fmt: skip
def test_a_text_that_would_change_is_stored_as_it_is(text: str) -> None:
    assert packed(text) == text
    assert inputs_json(packed(text)) == text


@pytest.mark.parametrize(
    "stored",
    [
        b"",
        b"x",
        zlib.compress(b""),
        zlib.compress(b"[]"),
        zlib.compress(b'[["a"],"bbb",2]\n\0\1\0\1\0'),
        zlib.compress(b'[["a"],"bbb",1]\n\0\1\0'),
        zlib.compress(b'[["a"],"bb",1]\n\0\0'),
        zlib.compress(b'[["a"],"bbx",1]\n\0\0\0'),
        zlib.compress(b'[["a"],"bbb",-1]\n\0\0\0'),
        zlib.compress(b'[["a"],"bbb","1"]\n\0\0\0'),
        zlib.compress(b'[["a"],"bbb",1e99]\n\0\0\0'),
        zlib.compress(b'[["a"],"bbb",999999999999]\n\0\0\0'),
        pack_inputs(EVENTS)[:-5],
    ],
)
def test_damaged_inputs_are_null_and_no_error(stored: bytes) -> None:
    assert inputs_json(stored) is None


def test_what_is_no_text_is_left_alone() -> None:
    assert [packed(value) for value in (None, 1, 0.5, b"x")] == [None, 1, 0.5, b"x"]
    assert [inputs_json(value) for value in (None, 1, 0.5, "x")] == [None, 1, 0.5, "x"]


@pytest.mark.parametrize("given_packed", [True, False])
def test_they_are_read_as_json_and_as_rows_on_each_engine(database: Database, rows: Rows, given_packed: bool) -> None:
    rows.track(1)
    rows.replay(11, track_id=1)
    table = table_of(ReplayInputsRow)
    value = inputs_for(database.engine.dialect.name, pack_inputs(EVENTS)) if given_packed else TEXT
    with database.write() as connection:
        connection.execute(table.insert().values(replay_id=11, events=value))
        assert connection.execute(table.select()).all() == [(11, TEXT)]
    assert rows.sql("SELECT events FROM inputs") == [(TEXT,)]
    reader = Reader(database.location)
    with closing(reader):
        assert reader.rows("SELECT * FROM inputs") == [{"replay_id": 11, "events": TEXT}]
        found = reader.rows("SELECT time_ms, control, value FROM input_events WHERE replay_id = 11 ORDER BY number")
    assert [tuple(row.values()) for row in found] == EVENTS


def test_sqlite_stores_them_packed(sqlite: Database, tmp_path: Path) -> None:
    rows = Rows(sqlite)
    rows.track(1)
    rows.replay(11, track_id=1)
    with sqlite.write() as connection:
        connection.execute(table_of(ReplayInputsRow).insert().values(replay_id=11, events=TEXT))
    with closing(sqlite3.connect(sqlite.location)) as raw:
        assert raw.execute("SELECT events FROM packed_inputs").fetchall() == [(pack_inputs(EVENTS),)]


@needs_samples
def test_the_inputs_of_real_replays_take_a_tenth_of_their_json() -> None:
    files = [file for file, facts in expected("golden.json").items() if facts["kind"] == "replay"]
    stored = [input_events(read_replay(sample(file))) for file in files]
    sizes = [(len(one), len(unpack_inputs(one))) for one in stored if one is not None]
    small, large = map(sum, zip(*sizes, strict=True))
    assert small < large / 8
    assert small / len(sizes) < 10_000
