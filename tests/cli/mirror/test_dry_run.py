"""A dry run says what the run does, because both use the same conditions."""

from __future__ import annotations

import re

import pytest

from tests.tool import Tool
from tmxdb_sandbox import RunningSite


def _requests(said: str) -> int:
    if "No request to the site is needed." in said:
        return 0
    found = re.search(r"(?:About|Up to|At least) ([\d,]+) requests?:", said)
    assert found, said
    return int(found[1].replace(",", ""))


@pytest.mark.parametrize("options", [["--top", "4"], ["--from", "site"], ["--all-replays"]], ids=" ".join)
def test_a_finished_database_needs_requests_again_when_the_options_ask_for_more(
    tool: Tool, site: RunningSite, options: list[str]
) -> None:
    tool("--site", site.url, "sync-tracks", "--max-tracks", 12)
    tool("run", "--top", 1)
    before = (tool.folder / "tmx.db").read_bytes()
    planned = tool("run", *options, "--dry-run")
    assert (tool.folder / "tmx.db").read_bytes() == before
    site.clear_log()
    tool("run", *options)
    sent = site.stats()["requests"]
    assert sent > 0
    if "Up to" in planned.err:
        assert sent <= _requests(planned.err)
    elif "At least" in planned.err:
        assert sent >= _requests(planned.err)
    else:
        assert 0.5 * sent <= _requests(planned.err) <= 2 * sent
    assert _requests(tool("run", *options, "--dry-run").err) == 0


def test_a_first_run_is_bounded_and_a_continued_one_is_estimated(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks", "--order", "awards")
    tracks, empty = tool.rows("select count(*) as n, sum(wr_replay_id is null) as empty from tracks")[0].values()
    assert empty
    planned = tool("run", "--top", 8, "--dry-run").err
    assert "Up to" in planned
    assert _requests(planned) == (tracks - empty) * 9 + empty * 2
    said = tool("work", "--kind", "list", "--top", 8, "--limit", tracks // 2, "--rate", 1000).err
    assert f" (--rate). About {tracks // 2} requests in " in said  # nothing is downloaded
    planned = tool("run", "--top", 8, "--dry-run").err
    assert "About" in planned
    site.clear_log()
    tool("run", "--top", 8)
    assert 0.8 * site.stats()["requests"] <= _requests(planned) <= 1.25 * site.stats()["requests"]
    assert "together (--rate).\n" in tool("run", "--top", 8).err


def test_replays_that_were_adopted_are_not_counted_again(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks", "--max-tracks", 8)
    tool("run", "--top", 3)
    kept = tool.one("select count(*) from replays where status = 'done' and position is not null")
    (tool.folder / "data").rename(tool.folder / "older")
    (tool.folder / "tmx.db").unlink()
    tool("--site", site.url, "adopt", "older/replays")
    tracks = tool.one("select count(*) from tracks")
    planned = tool("run", "--top", 3, "--dry-run").err
    assert "Up to" in planned
    assert _requests(planned) == tracks + 3 * tracks - kept
    site.clear_log()
    tool("run", "--top", 3)
    assert site.stats()["requests"] <= _requests(planned)


def test_the_rows_that_are_listed_again_are_counted_exactly(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks", "--max-tracks", 12)
    tool("work", "--kind", "list", "--top", 1)
    planned = tool("work", "--kind", "list", "--top", 4, "--dry-run").err
    site.clear_log()
    tool("work", "--kind", "list", "--top", 4)
    assert _requests(planned) == site.stats()["requests"]


def test_a_limit_bounds_the_requests_and_the_rows_shown(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks", "--max-tracks", 12)
    planned = tool("work", "--kind", "list", "--limit", 3, "--dry-run")
    assert _requests(planned.err) == 3
    assert len(planned.out.splitlines()) == 3


def test_a_kind_without_rows_ends_its_line(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks", "--max-tracks", 2)
    planned = tool("run", "--dry-run")
    assert "list: 2 rows to do; the first that would be claimed:\n" in planned.err
    assert "download: 0 rows to do.\nextract: 0 rows to do.\n" in planned.err
    assert all(line.startswith("list ") for line in planned.out.splitlines())


def test_adding_tracks_says_which_are_known(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks", "--max-tracks", 2)
    known = tool.one("select min(track_id) from tracks")
    said = tool("add-tracks", known, 999_999_999, "--dry-run").err
    assert said == "1 track would be added, 1 known before would come first.\n"
