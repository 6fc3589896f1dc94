"""The pages about tracks, drivers and errors say the same on both engines."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator

import pytest

from tests.rows import Rows
from tmxdb.db.database import Database
from tmxdb.db.reading.reader import Reader
from tmxdb.errors import InvalidInput
from tmxdb.reports.pages.driver import ORDERS, read_driver
from tmxdb.reports.pages.errors import read_errors
from tmxdb.reports.pages.lookup import find_driver, find_track
from tmxdb.reports.pages.track import read_track


@pytest.fixture
def reader(database: Database, rows: Rows) -> Iterator[Reader]:
    rows.track(1, "done", name="$f00A_01%", environment=7, tags="[5]", awards=3, listed_whole=True)
    rows.track(2, name="B02")
    ann, bob = {"user_id": 7, "user_name": "Ann"}, {"user_id": 8, "user_name": "Bobby"}
    facts = {"finished": True, "respawns": 2, "device": "keyboard", "login": "ann"}
    rows.replay(11, "done", position=0, site_time_ms=1000, replay_at="2020", listed_at="2", **ann, **facts)
    rows.replay(12, "failed", position=1, site_time_ms=1100, **bob)
    rows.replay(13, "retry", track_id=2, site_time_ms=900, replay_at="2021", listed_at="1", user_id=7, user_name="An")
    rows.map(1, "done")
    rows.capture(1, 11)
    reading = Reader(database.location)
    yield reading
    reading.close()


def test_a_track_has_its_facts_leaderboard_and_files(reader: Reader) -> None:
    page = read_track(reader, find_track(reader, "a_01%", None), top=10)
    assert (page.track_id, page.name, page.tags, page.listed) == (1, "A_01%", ["fullspeed"], 2)
    assert (page.replays, page.replay_bytes, page.map_status) == ({"done": 1, "failed": 1}, 1, "done")
    assert (page.captures, page.facts["environment_name"]) == ({"pending": 1}, "stadium")
    assert [(row.rank, row.user_name, row.gap_ms) for row in page.leaderboard] == [(1, "Ann", 0), (2, "Bobby", 100)]
    assert json.loads(json.dumps(page.as_json()))["leaderboard"][0]["replay_id"] == 11


@pytest.mark.parametrize("order", ORDERS)
def test_a_driver_has_counts_names_and_runs(reader: Reader, order: str) -> None:
    page = read_driver(reader, find_driver(reader, "ANN", None), order=order, n=10)
    assert (page.user_id, page.names, page.logins) == (7, ["Ann", "An"], ["ann"])
    assert (page.replays, page.tracks, page.records, page.top_10, page.downloaded) == (2, 2, 1, 1, 1)
    assert (page.finished_runs, page.runs_with_respawns, page.devices) == (1, 1, {"keyboard": 1})
    assert [run.replay_id for run in page.runs] == ([13, 11] if order == "latest" else [11, 13])
    assert json.loads(json.dumps(page.as_json()))["records"] == 1


def test_what_has_no_date_comes_last(reader: Reader, rows: Rows) -> None:
    rows.replay(14, track_id=2, user_id=7, user_name="Old")
    page = read_driver(reader, 7, order="latest", n=1)
    assert [run.replay_id for run in page.runs] == [13]
    assert page.names == ["Ann", "An", "Old"]


def test_stunts_have_no_gap_in_time(reader: Reader, rows: Rows) -> None:
    rows.write("UPDATE tracks SET primary_type = 3 WHERE track_id = 1")
    (run,) = read_driver(reader, 8, order="rank", n=10).runs
    assert (run.rank, run.gap_ms) == (2, None)


@pytest.mark.parametrize("find", [find_track, find_driver])
def test_a_name_with_a_nul_character_is_refused(reader: Reader, find: Callable[..., object]) -> None:
    with pytest.raises(InvalidInput, match="contains a NUL character"):
        find(reader, "a\0b", None)


def test_more_names_than_are_looked_at_are_not_counted(rows: Rows) -> None:
    rows.track(1)
    rows.replays(*range(1, 151))
    rows.write("UPDATE replays SET user_id = replay_id, user_name = 'Ann' || replay_id")
    many = pytest.raises(InvalidInput, match=r"More than 100 drivers match 'a'\.(.|\n)*and more$")
    with contextlib.closing(Reader(rows.database.location)) as reader, many:
        find_driver(reader, "a", None)


def test_names_find_one_or_list_the_candidates(reader: Reader) -> None:
    assert find_driver(reader, "bob", None) == 8
    assert find_track(reader, "2", 2) == 2
    with pytest.raises(InvalidInput, match="The name of the track is empty"):
        find_track(reader, " ", None)
    with pytest.raises(InvalidInput, match="has no track '_02'"):
        find_track(reader, "_02", None)
    with pytest.raises(InvalidInput, match=r"2 tracks match '0'(.|\n)*1  A_01%, by unknown, 3 awards\n  2  B02"):
        find_track(reader, "0", None)


def test_a_name_in_another_case_needs_no_pass_over_all_names(rows: Rows) -> None:
    rows.track(1)
    for replay_id, name in enumerate(["MrX", "Mr", "mrxy", "Élan", "ANN", "aNN"], start=1):
        rows.replay(replay_id, user_id=replay_id, user_name=name)
    with contextlib.closing(Reader(rows.database.location)) as reader:
        statements: list[str] = []
        if reader.file is not None:
            reader.file.set_trace_callback(statements.append)
        assert [find_driver(reader, word, None) for word in ("mrx", "MRXY", "éLAN", "ANN")] == [1, 3, 4, 5]
        with pytest.raises(InvalidInput, match="2 drivers match 'ann'"):
            find_driver(reader, "ann", None)
        assert not [statement for statement in statements if "RECURSIVE" in statement]
        assert find_driver(reader, "LA", None) == 4


def test_errors_have_what_to_type(reader: Reader) -> None:
    groups = {group.status: group for group in read_errors(reader)}
    assert groups["failed"].commands == ["tmxdb show replay 12", "tmxdb retry --kind download --code gbx.lzo"]
    assert groups["retry"].commands == ["tmxdb retry --status retry --kind download --code tmx.timeout"]
    assert read_errors(reader, statuses=("skipped",)) == []
    assert [group.error_code for group in read_errors(reader, kinds=("download",), statuses=("failed",))] == ["gbx.lzo"]
