"""`tmxdb select` with the name of a selection that exists: other tracks, or other options for the same ones."""

from __future__ import annotations

import pytest

from tests.selections.test_select import chosen
from tests.tool import Tool
from tmxdb_sandbox import RunningSite


def test_top_and_priority_of_a_selection_can_be_changed_alone(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "select", "best", "--order", "awards", "--max-tracks", 3)
    before = chosen(tool, "best")
    tool("select", "best", "--top", 7)
    assert tool("select", "--list", "--json").json[0]["top"] == 7
    assert chosen(tool, "best") == before
    assert "best exists" in tool("select", "best", ends=2).err
    assert "Say which tracks other has" in tool("select", "other", "--top", 3, ends=2).err


def test_a_selection_whose_tracks_cannot_be_read_stays_as_it_was(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "select", "best", "--order", "awards", "--max-tracks", 3)
    before = (tool("select", "--list", "--json").json, chosen(tool, "best"))
    site.set_faults(["404:on=tracks"])
    for name in ("best", "other"):
        assert "404" in tool("select", name, "--order", "uploaded", "--max-tracks", 5, ends=1).error
    assert (tool("select", "--list", "--json").json, chosen(tool, "best")) == before


def test_other_tracks_leave_the_rest_of_a_selection_as_it_was(tool: Tool, site: RunningSite) -> None:
    words = ("--site", site.url, "select", "best", "--order", "awards", "--max-tracks", 3)
    tool(*words, "--top", 2, "--priority", 4, "--fixed")
    tool(*words[:-1], 5)
    (row,) = tool("select", "--list", "--json").json
    assert (row["tracks"], row["top"], row["priority"], row["live"]) == (5, 2, 4, False)
    tool(*words, "--live", "--top", 3)
    (row,) = tool("select", "--list", "--json").json
    assert (row["tracks"], row["top"], row["priority"], row["live"]) == (3, 3, 4, True)


@pytest.mark.usefixtures("changing")
@pytest.mark.parametrize("tracks", [("--where", "awards >= 0"), ("--order", "awards", "--max-tracks", 1)])
def test_refresh_also_looks_for_changes_in_a_database_of_selections(
    tool: Tool, site: RunningSite, tracks: tuple[str | int, ...]
) -> None:
    tool("--site", site.url, "sync-tracks", "--order", "awards", "--max-tracks", 3)
    tool("run", "--top", 1)
    tool("select", "some", *tracks)
    last = tool.one("select track_id from tracks order by priority desc limit 1")
    site.add_record(last)
    assert (
        "The tracks and changes of these selections would be read: some."
        in tool("sync-tracks", "--refresh", "--dry-run").err
    )
    assert tool.one("select count(*) from tracks where status = 'pending'") == 0
    assert "1 changed track to list again." in tool("sync-tracks", "--refresh").err
    assert tool.one("select track_id from tracks where status = 'pending'") == last


@pytest.mark.usefixtures("changing")
def test_refresh_looks_only_at_the_selection_that_the_database_remembers(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks", "--order", "awards", "--max-tracks", 3)
    tool("run", "--top", 1)
    tool("select", "first", "--where", "priority = (select min(priority) from tracks)")
    site.add_record(tool.one("select track_id from tracks order by priority desc limit 1"))
    tool("config", "set", "only", "first")
    assert "0 changed tracks to list again." in tool("sync-tracks", "--refresh").err
    tool("config", "unset", "only")
    assert "1 changed track to list again." in tool("sync-tracks", "--refresh").err
