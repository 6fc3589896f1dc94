"""`sync-tracks --save-ids FILE`: what is written, and what is refused before a request is sent."""

from __future__ import annotations

import pytest

from tests.tool import Tool
from tmxdb_sandbox import RunningSite


@pytest.mark.parametrize("options", [["--environment", "snow"], ["--max-tracks", "2"], ["--min-awards", "1"]])
def test_a_part_of_the_list_is_saved_only_in_an_order(tool: Tool, site: RunningSite, options: list[str]) -> None:
    tool("--site", site.url, "add-tracks", "--no-lookup", 999_999)
    words = ("--site", site.url, "sync-tracks", *options, "--save-ids", "ids.txt")
    assert f"--save-ids with {options[0]} needs --order" in tool(*words, ends=2).error
    assert site.stats()["requests"] == 0
    tool(*words, "--order", "awards")
    assert set(ids(tool)) == set(tool.column("select track_id from tracks where track_id != 999999"))


def test_without_an_order_all_tracks_of_the_database_are_saved(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks", "--max-tracks", 3)
    tool("sync-tracks", "--save-ids", "ids.txt")
    assert ids(tool) == tool.column("select track_id from tracks order by priority, track_id")


@pytest.mark.parametrize("words", [[], ["--only", "best"], ["--all"], ["--order", "awards"]], ids=" ".join)
@pytest.mark.parametrize("dry_run", [[], ["--dry-run"]], ids=" ".join)
def test_a_file_that_cannot_be_written_is_refused_before_a_request(
    tool: Tool, site: RunningSite, words: list[str], dry_run: list[str]
) -> None:
    tool("--site", site.url, "select", "best", "--order", "awards", "--max-tracks", 2)
    (tool.folder / "ids.txt").write_text("mine\n")
    site.clear_log()
    for file, says in (
        (["ids.txt"], "ids.txt exists already."),
        (["tmx.db", "--force"], "tmx.db is a database and is never overwritten."),
        (["no/ids.txt"], "no/ids.txt: its folder does not exist."),
        ([""], "'' is not a file name."),
    ):
        assert says in tool("sync-tracks", *words, *dry_run, "--save-ids", *file, ends=1).error
    assert site.stats()["requests"] == 0
    assert tool.files() == {"tmx.db", "ids.txt"}


@pytest.mark.parametrize("dry_run", [[], ["--dry-run"]], ids=" ".join)
def test_the_database_that_a_sync_would_create_is_no_file_for_ids(
    tool: Tool, site: RunningSite, dry_run: list[str]
) -> None:
    ran = tool("--site", site.url, "sync-tracks", "--save-ids", "./tmx.db", *dry_run, ends=1)
    assert "./tmx.db is the database, which is never overwritten." in ran.error
    assert tool.files() == set()
    assert site.stats()["requests"] == 0


def ids(tool: Tool) -> list[int]:
    return list(map(int, (tool.folder / "ids.txt").read_text().split()))
