"""Cursors whose track was deleted, and pages that come again."""

from __future__ import annotations

from tests.sync.test_sync import queries, snapshot
from tests.tool import Tool
from tmxdb_sandbox import RunningSite


def test_a_cursor_that_vanished_is_replaced_by_an_older_one(tool: Tool, large_copy: RunningSite) -> None:
    site = large_copy
    ids = site.track_ids()
    tool("--site", site.url, "sync-tracks", "--max-tracks", 10)
    for track_id in ids[8:10]:
        site.delete_track(track_id)
    site.clear_log()
    ran = tool("sync-tracks")
    assert f"Track {ids[9]} is no longer in the site's list. Continuing after track {ids[8]}" in ran.err
    assert [query.get("after") for query in queries(site)][:3] == [str(ids[i]) for i in (9, 8, 7)]
    assert tool.one("select count(*) from tracks") == 250
    assert tool.one("select tracks_seen from syncs where scope = 'order1=1'") == 250


def test_a_cursor_that_vanished_is_recognised_even_if_its_track_was_not_kept(
    tool: Tool, large_copy: RunningSite
) -> None:
    site = large_copy
    filtered = ("sync-tracks", "--min-awards", 3)
    tool("--site", site.url, "--db", "other.db", *filtered)
    wanted = tool.column("select track_id from tracks order by track_id", db="other.db")
    tool("--site", site.url, *filtered, "--max-tracks", len(wanted) // 2)
    cursor = tool.one("select cursor from syncs")
    site.delete_track(cursor)
    assert "no longer in the site's list" in tool(*filtered).err
    assert tool.column("select track_id from tracks order by track_id") == wanted


def test_a_cursor_that_vanished_from_a_filtered_list_starts_it_from_the_beginning(
    tool: Tool, large_copy: RunningSite
) -> None:
    site = large_copy
    filtered = ("sync-tracks", "--difficulty", "beginner")
    tool("--site", site.url, "--db", "other.db", *filtered)
    tool("--site", site.url, "sync-tracks", "--order", "awards", "--max-tracks", 30)  # of all difficulties
    tool(*filtered, "--max-tracks", 40)
    site.delete_track(tool.one("select cursor from syncs"))
    assert "from the beginning" in tool(*filtered).err
    query = "select track_id from tracks where difficulty = 0 order by track_id"
    assert tool.column(query) == tool.column(query, db="other.db")


def test_a_repeated_first_page_is_recognised_and_skipped(tool: Tool, large: RunningSite) -> None:
    tool("--site", large.url, "--db", "other.db", "sync-tracks")
    large.clear_log()
    tool("--site", large.url, "sync-tracks", "--max-tracks", 10)
    large.set_faults(["page-again:times=3"])
    ran = tool("sync-tracks")
    assert "Continuing after track" in ran.err
    assert "the list is complete" in ran.err
    assert snapshot(tool) == snapshot(tool, "other.db")


def test_a_first_page_that_repeats_forever_ends_the_sync_without_calling_it_complete(
    tool: Tool, site: RunningSite
) -> None:
    site.set_faults(["page-again"])
    for order in ([], ["--order", "awards"], ["--tag", "race"]):
        site.clear_log()
        ran = tool("--site", site.url, "sync-tracks", *order, ends=1)
        assert "keeps leading back" in ran.error
        assert "complete" not in ran.err
        assert site.stats()["requests"] < 50
    assert not any(tool.column("select complete from syncs"))
    site.set_faults([])
    assert "the list is complete" in tool("sync-tracks").err
    assert tool.one("select count(*) from tracks") == 12
