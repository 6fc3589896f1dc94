"""`tmxdb select` with the name of a selection that exists: other tracks, or other options for the same ones."""

from __future__ import annotations

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
