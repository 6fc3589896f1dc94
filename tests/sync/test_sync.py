"""`sync-tracks`: the whole list in upload order, what is new, what has changed."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.processes import needs_ctrl_c
from tests.tool import Tool, until
from tmxdb.sync import store
from tmxdb.tmx.endpoints import TRACK_FIELDS
from tmxdb_sandbox import RunningSite, running_site


def queries(site: RunningSite) -> list[dict[str, str]]:
    """Return the parameters of each request for a page of tracks, without the fields and the first check."""
    queries = [parse_qs(urlsplit(line["path"]).query) for line in site.log() if "/api/tracks" in line["path"]]
    assert all(query.pop("fields") == [TRACK_FIELDS] for query in queries)
    return [{name: values[0] for name, values in query.items()} for query in queries if query["count"] != ["1"]]


def snapshot(tool: Tool, db: str = "tmx.db") -> list[dict[str, Any]]:
    """Return everything that a sync writes, except times."""
    rows = tool.rows("select * from tracks order by track_id", db=db)
    return [{name: value for name, value in row.items() if name not in ("first_seen_at", "synced_at")} for row in rows]


@pytest.fixture(scope="module")
def shared_huge() -> Iterator[RunningSite]:
    with running_site(tracks=2500, replays=1, plain=True) as site:
        yield site


@pytest.fixture
def huge(shared_huge: RunningSite) -> RunningSite:
    """Three pages of a thousand tracks. Do not change it."""
    shared_huge.clear_log()
    return shared_huge


def test_a_full_sync_reads_pages_of_a_thousand_in_upload_order(tool: Tool, huge: RunningSite) -> None:
    ran = tool("--site", huge.url, "sync-tracks")
    ids = huge.track_ids()
    assert tool.column("select track_id from tracks order by uploaded_at, track_id") == ids
    assert queries(huge) == [
        {"order1": "1", "count": "1000"},
        {"order1": "1", "count": "1000", "after": str(ids[999])},
        {"order1": "1", "count": "1000", "after": str(ids[1999])},
    ]
    assert "2,500 of them new; the list is complete" in ran.err
    (sync,) = tool.rows("select * from syncs where scope = 'order1=1'")
    assert (sync["cursor"], sync["pages"], sync["tracks_seen"], sync["complete"]) == (ids[-1], 3, 2500, 1)


@pytest.mark.slow
def test_a_killed_sync_continues_where_it_was(tool: Tool, huge: RunningSite) -> None:
    tool("--site", huge.url, "--db", "other.db", "sync-tracks")
    tool("migrate")
    for pages in (1, 2):
        huge.set_latency(300)  # time to strike between two pages
        with tool.started("--site", huge.url, "sync-tracks") as process:
            until(lambda pages=pages: tool.one("select coalesce(max(pages), 0) from syncs") >= pages)
            process.kill()
        assert tool.one("select count(*) from tracks") == tool.one("select sum(tracks_seen) from syncs")
    huge.set_latency(0)
    tool("sync-tracks")
    assert snapshot(tool) == snapshot(tool, "other.db")


@pytest.mark.usefixtures("changing")
def test_the_next_sync_requests_only_what_is_new(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks")
    last = site.track_ids()[-1]
    new = site.add_tracks(2)
    site.clear_log()
    assert "2 tracks, 2 of them new" in tool("sync-tracks").err
    assert queries(site) == [{"order1": "1", "count": "1000", "after": str(last)}]
    assert set(tool.column("select track_id from tracks")) >= set(new)
    site.clear_log()
    assert "1 page, 0 tracks" in tool("sync-tracks").err
    assert queries(site) == [{"order1": "1", "count": "1000", "after": str(new[-1])}]


def test_the_next_page_is_requested_while_a_page_is_stored(
    tool: Tool, large: RunningSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    requested_by_then: list[int] = []
    store_tracks = store.store_tracks

    def watched(*arguments: Any) -> store.Stored:
        page = len(requested_by_then) + 1
        until(lambda: large.stats()["requests"] >= min(page + 1, 3))  # it would wait in vain otherwise
        requested_by_then.append(page)
        return store_tracks(*arguments)

    monkeypatch.setattr(store, "store_tracks", watched)
    tool("--site", large.url, "sync-tracks")
    assert requested_by_then == [1, 2, 3]


@pytest.mark.parametrize("broken", ["store_tracks", "save_cursor"])
def test_a_sync_that_breaks_between_two_writes_loses_and_doubles_nothing(
    tool: Tool, large: RunningSite, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    tool("--site", large.url, "--db", "other.db", "sync-tracks")
    working = getattr(store, broken)
    calls = 0

    def breaks_in_the_second_page(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        result = working(*arguments)
        if calls == 2:
            raise KeyboardInterrupt
        return result

    with monkeypatch.context() as patch:
        patch.setattr(store, broken, breaks_in_the_second_page)
        tool("--site", large.url, "sync-tracks", ends=130)
    assert tool.one("select count(*) from tracks") == 10
    assert tool.one("select cursor from syncs") == large.track_ids()[9]
    large.clear_log()
    tool("sync-tracks")
    assert [query["after"] for query in queries(large)] == [str(large.track_ids()[i]) for i in (9, 19)]
    assert snapshot(tool) == snapshot(tool, "other.db")


def test_tracks_of_a_sync_that_was_killed_before_ranking_are_ranked_by_the_next_one(
    tool: Tool, site: RunningSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*arguments: Any) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("tmxdb.cli.actions.mirror.sync_tracks.rank_tracks", killed)
        tool("--site", site.url, "sync-tracks", ends=130)
    assert tool.one("select min(priority) from tracks") == store.UNRANKED
    tool("sync-tracks")
    assert sorted(tool.column("select priority from tracks")) == list(range(1, 13))


def test_a_page_that_fails_is_requested_again(tool: Tool, large: RunningSite) -> None:
    large.set_faults(["503:100%:first=1", "html:100%:first=2"])
    ran = tool("--site", large.url, "sync-tracks")
    assert tool.one("select count(*) from tracks") == 25
    assert "Trying again" in ran.err


def test_a_page_that_keeps_failing_ends_the_sync_with_one_sentence_and_keeps_what_was_stored(
    tool: Tool, large: RunningSite
) -> None:
    tool("--site", large.url, "sync-tracks", "--max-tracks", 10)
    large.set_faults(["html"])
    ran = tool("sync-tracks", ends=1)
    assert ran.error.startswith("Error: the track list: a web page instead of data. Gave up after 5 tries.")
    assert tool.one("select count(*) from tracks") == 10
    large.set_faults([])
    tool("sync-tracks")
    assert tool.one("select count(*) from tracks") == 25


@pytest.mark.usefixtures("changing")
def test_refresh_reopens_what_has_changed_and_nothing_else(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks")
    tool("run", "--top", 5)
    first, second, *_, other = site.track_ids()
    site.update_track(first)
    site.add_replays(second, 2)
    tool("sync-tracks")
    assert tool.column("select distinct status from tracks") == ["done"]
    ran = tool("sync-tracks", "--refresh")
    assert "2 changed tracks to list again" in ran.err
    assert set(tool.column("select track_id from tracks where status = 'pending'")) == {first, second}
    assert tool.column("select track_id from maps where status = 'pending'") == [first]
    assert tool.one("select status from tracks where track_id = ?", other) == "done"
    tool("run", "--top", 5)
    assert tool.one("select count(*) from replays where track_id = ?", second) == 4
    site.clear_log()
    assert "0 changed tracks to list again" in tool("sync-tracks", "--refresh").err
    assert "the list is complete" in ran.err
    assert "done" in tool.column("select distinct status from tracks")


def test_a_refresh_of_a_part_does_not_call_the_list_complete(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks", "--order", "awards", "--max-tracks", 3)
    said = tool("sync-tracks", "--refresh").err
    assert "New tracks are not added" in said
    assert "complete" not in said


@pytest.mark.usefixtures("changing")
def test_a_replaced_map_no_longer_matches_the_downloaded_replays(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks")
    tool("run", "--top", 5)
    track_id = site.track_ids()[0]
    assert tool.column("select map_uid_matches from replays where track_id = ?", track_id) == [1, 1]
    site.update_track(track_id)
    tool("sync-tracks", "--refresh")
    assert tool.column("select map_uid_matches from replays where track_id = ?", track_id) == [0, 0]
    assert tool.one("select uid_matches from maps where track_id = ?", track_id) == 0
    assert tool.column("select distinct map_uid_matches from replays where track_id <> ?", track_id) == [1]
    tool("run", "--top", 5)
    assert tool.column("select position from replays where track_id = ?", track_id) == [None, None]


@pytest.mark.usefixtures("changing")
@pytest.mark.parametrize("seen_by", [["sync-tracks", "--order", "awards"], ["add-tracks", "2233"]])
def test_a_change_is_not_lost_when_another_command_sees_it_first(
    tool: Tool, site: RunningSite, seen_by: list[str]
) -> None:
    tool("--site", site.url, "sync-tracks")
    tool("run", "--top", 5)
    site.update_track(2233)
    tool(*seen_by)
    tool("sync-tracks", "--refresh")
    assert tool.column("select track_id from maps where status = 'pending'") == [2233]


def test_unexpected_values_and_hostile_names_are_stored_and_never_shown_raw(tool: Tool) -> None:
    with running_site(tracks=300, replays=1) as site:
        tool("--site", site.url, "sync-tracks")
        names = tool.column("select name from tracks")
        assert any("\x1b" in name for name in names)
        assert not any("\0" in name for name in names)
        assert any("\0" not in odd for odd in tool.column("select oddities from tracks where oddities is not null"))
        tool("--db", "odd.db", "--site", site.url, "sync-tracks", "--max-tracks", 1)
        site.set_faults(["json-types"])
        ran = tool("--db", "odd.db", "sync-tracks")
        assert "without a usable TrackId" in ran.err
        assert "\x1b" not in ran.err
        kept = tool.one("select count(*) from tracks", db="odd.db")
        assert 280 < kept <= 300
        assert tool.one("select count(*) from tracks where oddities is not null", db="odd.db") > 200
        assert "\x1b" not in tool("--db", "odd.db", "query", "select name, oddities from tracks limit 999").out


def test_an_unreachable_site_is_reported_soon_in_one_sentence(tool: Tool) -> None:
    ran = tool("--site", "http://127.0.0.1:1", "sync-tracks", ends=1)
    assert "http://127.0.0.1:1 does not answer" in ran.error
    assert "connection refused" in ran.error
    assert "--site" in ran.error


@needs_ctrl_c
def test_ctrl_c_does_not_wait_for_an_answer(tool: Tool, site: RunningSite) -> None:
    site.set_faults(["hang"])
    for faults in (["hang"], ["hang:on=tracks"]):  # before and after the database is made
        site.clear_log()
        with tool.started("--site", site.url, "sync-tracks") as process:
            until(lambda: site.stats()["requests"])
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=300)
        assert process.returncode == 130
        assert "Run the same command again to continue" in err
        site.set_faults([])
        tool("--site", site.url, "sync-tracks")
        site.set_faults(faults)
    site.set_faults([])
    tool("sync-tracks")
    assert tool.one("select count(*) from tracks") == 12


def test_a_dry_run_prints_the_first_request_and_sends_nothing(tool: Tool, site: RunningSite) -> None:
    tool("migrate")
    ran = tool("--site", site.url, "sync-tracks", "--dry-run", "--environment", "stadium")
    assert ran.out.startswith(f"{site.url}/api/tracks?order1=1&environment=6&fields=")
    tool("--site", site.url, "sync-tracks")
    site.clear_log()
    last = site.track_ids()[-1]
    assert f"&after={last}" in tool("sync-tracks", "--dry-run").out
    assert "order1=6" in tool("sync-tracks", "--dry-run", "--order", "awards").out
    assert site.stats()["requests"] == 0


def test_a_dry_run_without_a_database_creates_none(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks", "--dry-run", ends=None)
    assert tool.files() == set()


def test_ids_are_saved_one_per_line_in_the_order_of_the_list(tool: Tool, site: RunningSite, tmp_path: Path) -> None:
    tool("--site", site.url, "sync-tracks", "--order", "awards", "--max-tracks", 5, "--save-ids", "ids.txt")
    ids = tool.column("select track_id from tracks order by awards desc")
    written = (tool.folder / "ids.txt").read_bytes()
    assert written.endswith(b"\n")
    assert b"\r" not in written
    assert sorted(map(int, written.split())) == sorted(ids)
    awards = dict(tool.rows("select track_id, awards from tracks")[i].values() for i in range(5))
    assert [awards[int(i)] for i in written.split()] == sorted(awards.values(), reverse=True)
    tool("sync-tracks", "--save-ids", "all.txt")
    assert len((tool.folder / "all.txt").read_text().split()) == 12
