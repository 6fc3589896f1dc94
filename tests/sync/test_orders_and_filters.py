"""Which tracks a sync takes, and the order in which work is done afterwards."""

from __future__ import annotations

import pytest

from tests.sync.test_sync import queries
from tests.tool import Tool
from tmxdb.sync.bases import BASES
from tmxdb.sync.filters import Filters
from tmxdb_sandbox import RunningSite


@pytest.mark.parametrize(
    ("order", "order1", "column", "newest_first"),
    [
        ("awards", "6", "awards", True),
        ("activity", "10", "activity_at", True),
        ("updated", "4", "updated_at", True),
        ("uploaded-asc", "1", "uploaded_at", False),
        ("comments", "8", "comments", True),
    ],
)
def test_the_first_n_of_an_order_are_read_with_as_few_requests_as_possible(
    tool: Tool, large: RunningSite, order: str, order1: str, column: str, newest_first: bool
) -> None:
    tool("--site", large.url, "--db", "all.db", "sync-tracks")
    large.clear_log()
    tool("--site", large.url, "sync-tracks", "--order", order, "--max-tracks", 10)
    assert queries(large) == [{"order1": order1, "count": "10"}]
    every = tool.column(f"select {column} from tracks", db="all.db")
    assert sorted(tool.column(f"select {column} from tracks")) == sorted(sorted(every, reverse=newest_first)[:10])


def test_an_order_is_read_page_by_page_and_completely_without_a_limit(tool: Tool, large: RunningSite) -> None:
    tool("--site", large.url, "sync-tracks", "--order", "awards", "--max-tracks", 13)
    assert tool.one("select count(*) from tracks") == 13
    tool("sync-tracks", "--order", "awards")
    assert tool.one("select count(*) from tracks") == 25


def test_max_tracks_stops_a_sync_in_the_middle_of_a_page_and_the_next_one_continues(
    tool: Tool, large: RunningSite
) -> None:
    ids = large.track_ids()
    ran = tool("--site", large.url, "sync-tracks", "--max-tracks", 13)
    assert "13 of them new; stopped before the end" in ran.err
    assert set(tool.column("select track_id from tracks")) == set(ids[:13])
    large.clear_log()
    assert "12 of them new; the list is complete" in tool("sync-tracks").err
    assert queries(large)[0]["after"] == str(ids[12])
    assert set(tool.column("select track_id from tracks")) == set(ids)


@pytest.mark.parametrize(
    ("options", "parameters", "holds"),
    [
        (["--environment", "stadium"], {"environment": "6"}, "environment = 7"),
        (["--environment", "Snow"], {"environment": "0"}, "environment = 1"),
        (["--difficulty", "lunatic"], {"difficulty": "3"}, "difficulty = 3"),
        (["--mood", "night"], {"mood": "3"}, "mood = 3"),
        (["--tag", "fullspeed"], {"tag": "5"}, "tags like '%5%'"),
        (["--primary-type", "race"], {"primarytype": "0"}, "primary_type = 0"),
        (["--name", "race"], {"name": "race"}, "name like '%race%'"),
        (["--author-time-max", 30000], {"authortimemax": "30000"}, "author_time_ms <= 30000"),
        (["--author-time-min", 30000], {"authortimemin": "30000"}, "author_time_ms >= 30000"),
        (["--uploaded-after", "2012-01-01"], {"uploadedafter": "2012-01-01T00:00:00"}, "uploaded_at >= '2012-01-01'"),
        (["--uploaded-before", "2012-01-01"], {"uploadedbefore": "2012-01-01T00:00:00"}, "uploaded_at < '2012-01-02'"),
        (["--has-replays"], {"inhasrecord": "1"}, "wr_replay_id is not null"),
        (["--no-replays"], {"inhasrecord": "0"}, "wr_replay_id is null"),
        (["--author", "a", "--mood", "day"], {"author": "a", "mood": "1"}, "mood = 1 and uploader_name like '%a%'"),
        (["--author-user-id", 5, "--pack-id", 6], {"authoruserid": "5", "packid": "6"}, "uploader_id = 5"),
    ],
)  # fmt: skip
def test_each_filter_reaches_the_site(
    tool: Tool, large: RunningSite, options: list[object], parameters: dict[str, str], holds: str
) -> None:
    tool("--site", large.url, "sync-tracks", *options)
    first = queries(large)[0]
    assert first == {"order1": "1", "count": "10"} | parameters
    assert tool.one(f"select count(*) from tracks where not ({holds})") == 0


def test_min_awards_is_applied_here_because_the_site_has_no_such_filter(tool: Tool, large_copy: RunningSite) -> None:
    ran = tool("--site", large_copy.url, "sync-tracks", "--min-awards", 3)
    assert "250 tracks," in ran.err
    assert tool.one("select min(awards) from tracks") >= 3
    assert all("award" not in str(query) for query in queries(large_copy))
    kept = tool.one("select count(*) from tracks")
    assert 0 < kept < 250
    tool("--db", "first.db", "--site", large_copy.url, "sync-tracks", "--min-awards", 3, "--max-tracks", 2)
    assert tool.one("select count(*) from tracks", db="first.db") == 2


def test_syncs_with_different_filters_have_cursors_of_their_own(tool: Tool, large: RunningSite) -> None:
    tool("--site", large.url, "sync-tracks", "--mood", "day")
    tool("sync-tracks")
    assert tool.one("select count(*) from tracks") == 25
    assert Filters({"mood": 1, "tag": 2}).scope(1) == Filters({"tag": 2, "mood": 1}).scope(1)
    assert Filters({"mood": 1}).scope(1) != Filters({"mood": 1}, min_awards=1).scope(1)
    assert Filters({"name": "a&mood=1"}).scope(1) != Filters({"name": "a", "mood": 1}).scope(1)


def test_tracks_are_ranked_by_awards_and_work_is_done_in_that_order(tool: Tool, large: RunningSite) -> None:
    tool("--site", large.url, "sync-tracks")
    by_awards = tool.column("select track_id from tracks order by awards desc, track_id")
    assert tool.column("select track_id from tracks order by priority") == by_awards
    assert tool.column("select priority from tracks order by priority") == list(range(1, 26))
    tool("work", "--kind", "list", "--limit", 3, "--n", 1)
    assert set(tool.column("select track_id from tracks where status <> 'pending'")) == set(by_awards[:3])


@pytest.mark.parametrize("basis", [name for name in BASES if name != "awards"])
def test_another_basis_ranks_again_applies_to_open_rows_and_is_remembered(
    tool: Tool, large: RunningSite, basis: str
) -> None:
    column = {"activity": "activity_at", "value": "track_value", "uploaded": "uploaded_at", "updated": "updated_at"}
    tool("--site", large.url, "sync-tracks")
    tool("work", "--kind", "list")
    tool("work", "--kind", "download", "--limit", 4)
    done = tool.rows("select replay_id, priority from replays where status = 'done'")
    tool("sync-tracks", "--priority", basis)
    wanted = f"select track_id from tracks order by {column.get(basis, basis)} desc, track_id"
    assert tool.column("select track_id from tracks order by priority") == tool.column(wanted)
    wrong = "select count(*) from {0} join tracks using (track_id) where {0}.priority <> tracks.priority"
    assert tool.one(wrong.format("replays") + " and replays.status = 'pending'") == 0
    assert tool.one(wrong.format("maps") + " and maps.status = 'pending'") == 0
    assert tool.rows("select replay_id, priority from replays where status = 'done'") == done
    tool("sync-tracks")
    assert tool.column("select track_id from tracks order by priority") == tool.column(wanted)


def test_priorities_of_added_tracks_are_never_changed(tool: Tool, large: RunningSite) -> None:
    chosen = large.track_ids()[7]
    tool("--site", large.url, "add-tracks", chosen)
    own = tool.one("select priority from tracks")
    assert own < 0
    for options in ([], ["--priority", "uploaded"], ["--order", "awards"]):
        tool("sync-tracks", *options)
        assert tool.one("select priority from tracks where track_id = ?", chosen) == own
    assert tool.one("select track_id from tracks order by priority limit 1") == chosen


def test_reading_the_whole_list_into_a_database_with_a_part_of_it_is_announced(tool: Tool, site: RunningSite) -> None:
    note = "The database has a part of the list so far."
    assert note not in tool("--site", site.url, "sync-tracks", "--order", "awards", "--max-tracks", 3).err
    assert note not in tool("sync-tracks", "--tag", "race").err
    assert note in tool("sync-tracks").err
    assert note not in tool("sync-tracks").err


def test_the_whole_list_that_was_asked_for_is_not_announced(tool: Tool, site: RunningSite) -> None:
    note = "The database has a part of the list so far."
    assert note not in tool("--site", site.url, "--db", "new.db", "sync-tracks").err
    tool("--site", site.url, "sync-tracks", "--order", "awards", "--max-tracks", 3)
    assert note not in tool("sync-tracks", "--all").err
