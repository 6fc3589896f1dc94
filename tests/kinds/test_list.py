"""`list`: the best N valid replays of the current version of each track, one per driver."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.rows import NOW, FakeClock
from tests.server_clock import set_server_clock
from tests.tool import Tool
from tmxdb.db.database import Database
from tmxdb.kinds.leaderboard import best_replays
from tmxdb.kinds.list import List
from tmxdb.tmx.records import Page, replay_record
from tmxdb_sandbox import RunningSite, running_site

LIST = ("work", "--kind", "list", "--no-wait")


def boards(site: RunningSite) -> list[dict[str, str]]:
    """The parameters of each request for a leaderboard."""
    queries = [parse_qs(urlsplit(line["path"]).query) for line in site.log() if "/api/replays" in line["path"]]
    return [{name: values[0] for name, values in query.items() if name != "fields"} for query in queries]


def best(site: RunningSite, track_id: int, n: int) -> list[int]:
    ranked = [row for row in site.leaderboard(track_id) if row["position"] is not None]
    return [row["replay_id"] for row in sorted(ranked, key=lambda row: row["position"])][:n]


def listed(tool: Tool, track_id: int) -> list[int]:
    return tool.column(
        "select replay_id from replays where track_id = ? and position is not null order by position", track_id
    )


@pytest.fixture(scope="module")
def campaign() -> Iterator[RunningSite]:
    """One track with 2200 replays."""
    with running_site(tracks=1, replays=2200, plain=True) as site:
        yield site


@pytest.mark.parametrize("top", [1, 5, 50])
def test_top_n_lists_exactly_n_replays_with_one_request_per_track(tool: Tool, untidy: RunningSite, top: int) -> None:
    tool("--site", untidy.url, "sync-tracks")
    tool(*LIST, "--top", top)
    with_replays = 0
    for track_id in untidy.track_ids():
        assert listed(tool, track_id) == best(untidy, track_id, top)
        with_replays += bool(listed(tool, track_id))
    assert with_replays > 20
    assert len(boards(untidy)) == len(untidy.track_ids())
    assert all(query["best"] == "1" for query in boards(untidy))


def test_a_listing_keeps_only_current_valid_best_runs(tool: Tool, untidy: RunningSite) -> None:
    tool("--site", untidy.url, "sync-tracks")
    tool(*LIST)
    assert tool.one("select count(*) from replays where position is null or validated = 0") == 0
    twice = "select count(*) from (select track_id, user_id from replays group by 1, 2 having count(*) > 1)"
    assert tool.one(twice) == 0
    every = [row for track_id in untidy.track_ids() for row in untidy.leaderboard(track_id)]
    assert len(every) > tool.one("select count(*) from replays")  # there was something to leave out


def test_facts_from_the_site_are_stored_in_the_replay_row(tool: Tool, untidy: RunningSite) -> None:
    tool("--site", untidy.url, "sync-tracks")
    tool(*LIST, "--all-replays")
    known = {row["replay_id"]: row for row in tool.rows("select * from replays")}
    wanted = {row["replay_id"]: row for track_id in untidy.track_ids() for row in untidy.leaderboard(track_id)}
    assert known.keys() == wanted.keys()
    for replay_id, row in wanted.items():
        found = known[replay_id]
        assert (found["track_id"], found["position"]) == (row["track_id"], row["position"])
        assert found["site_time_ms"] == row["race_time_ms"]
        assert found["user_name"] == row["user"].replace("\0", "")
        assert found["status"] == "pending"
    assert tool.one("select count(*) from replays where position is null") > 0
    assert tool.column("select distinct listed_top from tracks where status = 'done'") == [-1]


def test_more_pages_are_requested_if_n_is_larger_than_a_page(tool: Tool, campaign: RunningSite) -> None:
    campaign.clear_log()
    tool("--site", campaign.url, "sync-tracks")
    (track_id,) = campaign.track_ids()
    tool(*LIST, "--top", 1500)
    assert listed(tool, track_id) == best(campaign, track_id, 1500)
    assert [query["count"] for query in boards(campaign)] == ["1000", "1000"]
    assert boards(campaign)[1]["after"] == str(best(campaign, track_id, 1000)[-1])
    campaign.clear_log()
    tool(*LIST, "--all-replays")
    assert tool.one("select count(*) from replays") == 2200
    assert len(boards(campaign)) == 3


def test_only_a_larger_top_requests_leaderboards_again(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks")
    tool(*LIST, "--top", 2)
    assert tool.rows("select distinct listed_top, listed_whole, listed_count from tracks") == [
        {"listed_top": 2, "listed_whole": 0, "listed_count": 2}
    ]
    site.clear_log()
    tool(*LIST, "--top", 2)
    tool(*LIST, "--top", 1)
    assert boards(site) == []
    tool(*LIST, "--top", 3)
    assert len(boards(site)) == 6
    assert tool.one("select count(*) from replays") == 18


def test_a_complete_leaderboard_is_not_requested_again_with_a_larger_top(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks")
    tool(*LIST, "--top", 10)
    assert tool.column("select distinct listed_whole from tracks") == [1]
    site.clear_log()
    tool(*LIST, "--top", 100)
    assert boards(site) == []
    tool(*LIST, "--all-replays")
    assert len(boards(site)) == 6
    site.clear_log()
    tool(*LIST, "--all-replays")
    tool(*LIST, "--top", 1000)
    assert boards(site) == []


@pytest.mark.parametrize("empty_board", ["404", "list"])
def test_a_track_without_replays_is_done(tool: Tool, empty_board: str) -> None:
    with running_site(tracks=3, replays=0, plain=True, empty_board=empty_board) as site:
        tool("--site", site.url, "sync-tracks")
        tool("run")
        assert tool.rows("select distinct status, listed_count, listed_whole, error_code from tracks") == [
            {"status": "done", "listed_count": 0, "listed_whole": 1, "error_code": None}
        ]
        assert tool.one("select count(*) from attempts") == 0


@pytest.mark.usefixtures("changing")
def test_a_track_that_the_site_no_longer_has_is_skipped(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks")
    deleted = site.track_ids()[2]
    site.delete_track(deleted)
    tool("work", "--kind", "list")
    assert tool.rows("select track_id, error_code from tracks where status = 'skipped'") == [
        {"track_id": deleted, "error_code": "tmx.gone"}
    ]
    assert f"track {deleted}" in tool.one("select error from tracks where status = 'skipped'")
    site.clear_log()
    tool(*LIST)
    assert boards(site) == []


def test_a_smaller_top_leaves_positions_that_it_did_not_request(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks")
    tool(*LIST, "--top", 4)
    before = tool.rows("select replay_id, position from replays")
    tool("retry", "--kind", "list", "--status", "done")
    tool(*LIST, "--top", 1)
    assert tool.rows("select replay_id, position from replays") == before


@pytest.mark.usefixtures("changing")
def test_a_replay_that_left_the_leaderboard_keeps_its_row_without_a_position(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks")
    tool(*LIST, "--top", 4)
    track_id = site.track_ids()[0]
    before = listed(tool, track_id)
    site.add_replays(track_id, 12)
    tool("retry", "--kind", "list", "--id", track_id, "--status", "done")
    tool(*LIST, "--top", 4)
    now = best(site, track_id, 4)
    assert now != before
    assert listed(tool, track_id) == now
    assert set(tool.column("select replay_id from replays where track_id = ?", track_id)) == {*before, *now}
    positions = tool.column("select position from replays where track_id = ? and position is not null", track_id)
    assert len(positions) == len(set(positions))


@pytest.mark.usefixtures("changing")
def test_all_replays_of_a_replaced_track_lose_their_position(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks")
    tool(*LIST)
    track_id = site.track_ids()[0]
    site.update_track(track_id)
    tool("retry", "--kind", "list", "--id", track_id, "--status", "done")
    tool(*LIST)
    assert listed(tool, track_id) == []
    assert tool.one("select count(*) from replays where track_id = ?", track_id) == 4
    new = site.add_replays(track_id, 2)
    tool("retry", "--kind", "list", "--id", track_id, "--status", "done")
    tool(*LIST)
    assert set(listed(tool, track_id)) == set(new)


def test_listing_again_changes_nothing_that_was_downloaded(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks")
    tool("run", "--top", 10)
    query = "select replay_id, status, sha256, file_path, finished_at, race_time_ms from replays order by 1"
    before = tool.rows(query)
    tool("retry", "--kind", "list", "--status", "done")
    site.clear_log()
    tool("run", "--top", 10)
    assert tool.rows(query) == before
    assert not any("recordgbx" in line["path"] for line in site.log())


@pytest.mark.parametrize("fault", ["json-shape", "json-deep", "html", "cut", "500"])
def test_a_leaderboard_with_one_wrong_response_is_requested_again(tool: Tool, site: RunningSite, fault: str) -> None:
    tool("--site", site.url, "sync-tracks")
    name, _, rest = fault.partition(":")
    site.set_faults([f"{name}:100%:first=1:on=replays:{rest}".rstrip(":")])
    tool("work", "--kind", "list", "--n", 3)
    assert tool.column("select distinct status from tracks") == ["done"]
    assert tool.one("select count(*) from replays") == 24
    assert tool.one("select count(*) from attempts where kind = 'list' and outcome = 'retry'") == 6


def test_unusual_values_of_replays_are_stored_as_far_as_possible_and_noted(tool: Tool, untidy: RunningSite) -> None:
    tool("--site", untidy.url, "sync-tracks")
    untidy.set_faults(["json-types:on=replays"])
    tool(*LIST, "--all-replays")
    assert tool.one("select count(*) from replays where oddities is not null") > 100
    assert set(tool.column("select status from tracks")) <= {"done", "retry"}


def test_a_row_with_an_unreadable_track_version_does_not_hide_the_next_ones() -> None:
    rows = [
        {"ReplayId": 10 + n, "User": {"UserId": n}, "Position": n, "TrackAt": moment}
        for n, moment in enumerate(["2020-01-01T00:00:00", "odd", "2020-01-01T00:00:00", "2019-01-01T00:00:00"])
    ]
    page = Page(tuple(filter(None, map(replay_record, rows))), more=False)
    board = best_replays(lambda parameters: page, 50)
    assert board is not None
    assert [record.replay_id for record in board.records()] == [10, 11, 12]


def test_a_leaderboard_that_repeats_pages_ends(tool: Tool, campaign: RunningSite) -> None:
    campaign.clear_log()
    tool("--site", campaign.url, "sync-tracks")
    campaign.set_faults(["page-again:on=replays"])
    try:
        for options in (["--top", 1500], ["--all-replays"]):
            tool(*LIST, *options)
            assert len(boards(campaign)) < 10
    finally:
        campaign.set_faults([])
    rows: list[Any] = tool.rows("select listed_count, listed_whole from tracks")
    assert rows[0]["listed_count"] == 1000


def test_404_once_for_a_leaderboard_that_had_replays_takes_no_position(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks")
    tool(*LIST)
    before = tool.rows("select replay_id, position from replays order by 1")
    tool("retry", "--kind", "list", "--status", "done")
    site.set_faults(["404:first=1:on=replays"])
    tool("work", "--kind", "list")
    assert tool.rows("select replay_id, position from replays order by 1") == before
    assert tool.column("select distinct error_code from attempts") == ["tmx.no_leaderboard"]
    assert tool.column("select distinct status from tracks") == ["done"]


def test_a_leaderboard_that_stays_away_is_believed_the_second_time(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks")
    tool(*LIST)
    tool("retry", "--kind", "list", "--status", "done")
    site.set_faults(["404:on=replays"])
    tool("work", "--kind", "list")
    assert tool.column("select distinct position from replays") == [None]
    assert tool.rows("select distinct status, listed_count from tracks") == [{"status": "done", "listed_count": 0}]


def test_the_time_of_a_listing_is_that_of_the_server(postgresql: Database, clock: FakeClock) -> None:
    """`tmxdb changes` compares the times of listings by several machines, whose clocks may disagree."""
    set_server_clock(postgresql, clock)
    _, now_ms = List(SimpleNamespace(database=postgresql))._known(1)  # type: ignore[arg-type]
    assert NOW <= now_ms < NOW + 2000
