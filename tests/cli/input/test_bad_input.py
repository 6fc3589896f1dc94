"""What a user can get wrong: one sentence that names the thing, the right status, nothing changed."""

from __future__ import annotations

import sqlite3

import pytest

from tests.tool import Tool
from tmxdb_sandbox import RunningSite

EVERY = [["sync-tracks"], ["add-tracks", "5"], ["run"], ["status"], ["query", "select 1"], ["retry"], ["migrate"],
         ["reread"], ["show", "5"], ["verify"], ["backup", "copy.db"], ["release"],
         ["skip", "--track-id", "5", "--reason", "x"]]  # fmt: skip
MAKERS = [["sync-tracks"], ["add-tracks", "5"]]


def _foreign(tool: Tool) -> None:
    with sqlite3.connect(tool.folder / "tmx.db") as connection:
        connection.execute("create table photos (id)")
    connection.close()


@pytest.mark.parametrize("command", EVERY)
def test_a_database_of_another_program_is_refused_and_left_alone(
    tool: Tool, site: RunningSite, command: list[str]
) -> None:
    _foreign(tool)
    before = (tool.folder / "tmx.db").read_bytes()
    ran = tool("--site", site.url, *command, ends=1)
    assert "tmx.db" in ran.error
    assert "not made by tmxdb" in ran.error
    assert (tool.folder / "tmx.db").read_bytes() == before


@pytest.mark.parametrize("command", EVERY)
def test_a_file_that_is_no_database_is_refused_and_left_alone(
    tool: Tool, site: RunningSite, command: list[str]
) -> None:
    (tool.folder / "tmx.db").write_bytes(b"GBX" * 3000)
    ran = tool("--site", site.url, *command, ends=1)
    assert "tmx.db: file is not a database" in ran.error
    assert (tool.folder / "tmx.db").read_bytes() == b"GBX" * 3000


@pytest.mark.parametrize("command", EVERY)
def test_a_database_of_a_newer_tmxdb_is_refused_and_left_alone(
    tool: Tool, site: RunningSite, command: list[str]
) -> None:
    tool("migrate")
    tool.change("update alembic_version set version_num = '9999'")
    ran = tool("--site", site.url, *command, ends=1)
    assert "newer tmxdb (revision 9999" in ran.error
    assert tool.one("select version_num from alembic_version") == "9999"


@pytest.mark.parametrize("command", EVERY)
def test_a_path_that_cannot_be_a_database_is_named(tool: Tool, site: RunningSite, command: list[str]) -> None:
    (tool.folder / "a_file").write_text("")
    for path in ("no/such/folder/tmx.db", "a_file/tmx.db", "."):
        ran = tool("--db", path, "--site", site.url, *command, ends=1)
        assert path.split("/")[0] in ran.error
    assert tool.files() == {"a_file"}


@pytest.mark.parametrize("command", EVERY)
def test_a_url_that_is_no_database_is_refused(tool: Tool, site: RunningSite, command: list[str]) -> None:
    ran = tool("--db", "nosql://x", "--site", site.url, *command, ends=1)
    assert "nosql://x" in ran.error
    assert tool.files() == set()


@pytest.mark.parametrize("command", MAKERS)
@pytest.mark.parametrize("name", ["nope", "ftp://x", "http://", "http://a b"])
def test_a_wrong_site_is_wrong_usage_and_makes_no_database(tool: Tool, name: str, command: list[str]) -> None:
    ran = tool("--site", name, *command, ends=2 if name != "http://a b" else None)
    assert ran.status in (1, 2)
    assert name in ran.error
    assert tool.files() == set()


@pytest.mark.parametrize("command", MAKERS)
def test_a_site_that_is_not_there_makes_no_database_and_is_not_remembered(
    tool: Tool, site: RunningSite, command: list[str]
) -> None:
    ran = tool("--site", "http://127.0.0.1:1", *command, ends=1)
    assert "http://127.0.0.1:1" in ran.error
    assert tool.files() == set()
    tool("--site", site.url, "sync-tracks")


def test_a_site_that_goes_away_stops_a_run_with_one_sentence(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks")
    site.set_faults(["refuse"])
    ran = tool("run", ends=1)
    assert f"{site.url} cannot be reached" in ran.error
    assert tool.one("select count(*) from tracks where status = 'running'") == 0
    assert tool.one("select count(*) from workers") == 0
    site.set_faults([])
    tool("run")


@pytest.mark.parametrize("folder", ["a_file", "a_file/data"])
def test_a_data_folder_that_cannot_be_used_is_reported_before_any_request(
    tool: Tool, site: RunningSite, folder: str
) -> None:
    tool("--site", site.url, "sync-tracks")
    (tool.folder / "a_file").write_text("")
    site.clear_log()
    ran = tool("--data", folder, "run", ends=1)
    assert "a_file" in ran.error
    assert site.stats()["requests"] == 0
    assert tool.column("select distinct status from tracks") == ["pending"]


@pytest.mark.parametrize(
    "options",
    [["--n", "0"], ["--n", "-1"], ["--n", "x"], ["--n", "100000"], ["--top", "0"], ["--limit", "0"], ["--rate", "-1"],
     ["--max-attempts", "0"], ["--from", "moon"], ["--gbx-reader", "nope"]],
)  # fmt: skip
def test_an_impossible_option_value_is_wrong_usage(tool: Tool, options: list[str]) -> None:
    ran = tool("run", *options, ends=2)
    assert options[0] in ran.error
    assert tool.files() == set()


@pytest.mark.parametrize(
    "options",
    [["--max-tracks", "0"], ["--order", "size"], ["--tag", "nope"], ["--uploaded-after", "yesterday"],
     ["--priority", "luck"], ["--refresh", "--order", "awards"], ["--min-awards", "-1"]],
)  # fmt: skip
def test_impossible_sync_options_are_wrong_usage(tool: Tool, site: RunningSite, options: list[str]) -> None:
    ran = tool("--site", site.url, "sync-tracks", *options, ends=2)
    assert options[0] in ran.error
    assert tool.files() == set()
    assert site.stats()["requests"] == 0


@pytest.mark.parametrize("number", ["1_0", "٣"])
def test_numbers_are_written_in_plain_digits(tool: Tool, site: RunningSite, number: str) -> None:
    for option in ("--max-tracks", "--rate"):
        ran = tool("--site", site.url, "sync-tracks", option, number, ends=2)
        assert f"{number!r} is not a valid" in ran.err
    assert site.stats()["requests"] == 0


def test_ids_that_cannot_be_saved_are_reported_with_the_path(tool: Tool, site: RunningSite) -> None:
    ran = tool("--site", site.url, "sync-tracks", "--save-ids", "no/such/ids.txt", ends=1)
    assert "no/such/ids.txt" in ran.error
    assert ran.error.count("\n") == 0
