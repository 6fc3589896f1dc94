"""A URL names a track, replay or user of its own site only: ids of two sites mean different things."""

from __future__ import annotations

import pytest

from tests.tool import Tool
from tmxdb_sandbox import RunningSite

COMMANDS = [
    ["add-tracks", "{url}/trackshow/5", "--no-lookup"],
    ["add-tracks", "--track-ids", "{file}", "--no-lookup", "--skip-bad"],
    ["select", "mine", "--track-ids", "{file}"],
    ["adopt", ".", "--track-ids", "{file}", "--no-lookup"],
    ["run", "--track-id", "{url}/trackgbx/5", "--dry-run"],
    ["run", "--track-ids", "{file}", "--dry-run"],
    ["retry", "--track-ids", "{file}"],
    ["retry", "--replay-id", "{url}/recordgbx/5"],
    ["add-captures", "--replay-id", "{url}/recordshow/5"],
    ["show", "{url}/trackshow/5"],
    ["track", "{url}/trackshow/5"],
    ["top", "{url}/trackshow/5"],
    ["driver", "{url}/usershow/5"],
    ["plot", "{url}/recordgbx/5"],
    ["film", "{url}/recordgbx/5"],
    ["contact-sheet", "{url}/recordgbx/5"],
]


@pytest.fixture
def tmnf(tool: Tool) -> Tool:
    """An empty database of tmnf."""
    tool("migrate")
    tool("config", "set", "site", "tmnf")
    return tool


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command[:2]))
def test_a_url_of_another_site_is_wrong_usage_and_changes_nothing(tmnf: Tool, command: list[str]) -> None:
    (tmnf.folder / "ids.txt").write_text("5\nhttps://tmuf.exchange/trackshow/5\n")
    before = tmnf.rows("select * from settings"), tmnf.files()
    ran = tmnf(*(word.format(url="https://tmuf.exchange", file="ids.txt") for word in command), ends=2)
    assert "belongs to the site tmuf, not to tmnf: ids of two sites would mix." in ran.error
    assert "Use a database of that site with --db." in ran.error
    assert tmnf.one("select count(*) from tracks") == 0
    assert (tmnf.rows("select * from settings"), tmnf.files()) == before


@pytest.mark.parametrize("url", ["https://evil.example", "http://127.0.0.1:1", "https://tmnf.exchange/else"])
def test_the_other_site_is_named(tmnf: Tool, url: str) -> None:
    assert f"belongs to the site {url}, not to tmnf" in tmnf("add-tracks", f"{url}/trackshow/5", ends=2).error


def test_the_default_site_counts_before_there_is_a_database(tool: Tool) -> None:
    ran = tool("add-tracks", "https://tmuf.exchange/trackshow/5", "--no-lookup", ends=2)
    assert "belongs to the site tmuf, not to tmnf" in ran.error
    assert "Name that site with --site tmuf, and its database with --db." in ran.error
    assert tool.files() == set()


@pytest.mark.parametrize(
    "words",
    [
        ["--db", "u.db", "--site", "tmuf", "add-tracks", "{url}"],
        ["add-tracks", "{url}", "--site", "tmuf", "--db", "u.db"],
        ["add-tracks", "{url}", "--site", "https://tmuf.exchange/", "--db", "u.db"],
    ],
)
def test_the_site_and_the_database_may_be_named_before_and_after_the_url(tmnf: Tool, words: list[str]) -> None:
    tool = tmnf
    tool(*(word.format(url="https://tmuf.exchange/trackshow/5") for word in words), "--no-lookup")
    assert tool.one("select track_id from tracks", db="u.db") == 5
    assert tool.one("select value from settings where key = 'site'", db="u.db") == "tmuf"
    assert "not to tmuf" in tool("--db", "u.db", "track", "https://tmnf.exchange/trackshow/5", ends=2).error


def test_a_selection_of_urls_makes_a_database_of_their_site(tool: Tool) -> None:
    (tool.folder / "ids.txt").write_text("https://tmnf.exchange/trackshow/5\n")
    tool("select", "mine", "--track-ids", "ids.txt")
    assert tool.one("select value from settings where key = 'site'") == "tmnf"
    assert "is a database of tmnf" in tool("--site", "tmuf", "add-tracks", "5", "--no-lookup", ends=1).error


@pytest.mark.parametrize(
    "url",
    [
        "http://TMNF.Exchange/trackshow/5",
        "https://tmnf.exchange:443/TrackGbx/5?x=1#y",
        "https://tmnf.exchange/trackshow/5/a",
    ],
)
def test_the_same_site_may_be_written_in_another_way(tool: Tool, url: str) -> None:
    tool("add-tracks", url, "--no-lookup")
    assert tool.one("select track_id from tracks") == 5


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_urls_of_the_sandbox_and_bare_ids_work(tool: Tool, site: RunningSite, host: str) -> None:
    track, other = site.track_ids()[:2]
    base = site.url.replace("127.0.0.1", host)
    tool("--site", site.url, "add-tracks", f"{base}/trackshow/{track}", other)
    assert tool("track", f"{base}/trackshow/{track}", "--json").json["track_id"] == track


def test_a_site_below_a_path_has_urls_below_that_path(tool: Tool) -> None:
    base = "https://mirror.example/tmnf"
    tool("--site", base, "add-tracks", f"{base}/trackshow/5", "--no-lookup")
    assert "not to https://mirror.example/tmnf" in tool("track", "https://mirror.example/trackshow/5", ends=2).error
