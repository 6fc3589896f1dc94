"""Help of every command, and where settings come from."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tmxdb import __version__
from tmxdb.cli import COMMANDS
from tmxdb.sandbox import RunningSite

from ..tool import Tool


@pytest.mark.parametrize("command", [*(command for command in COMMANDS if command != "export"), "export frames"])
def test_every_command_has_help_with_an_example_and_its_options(tool: Tool, command: str) -> None:
    ran = tool(*command.split(), "--help")
    assert re.search(rf"^ +(Example: )?tmxdb .*{command}", ran.out, re.MULTILINE), ran.out
    assert ran.err == ""
    if command not in ("gbx", "game", "sandbox", "demo"):
        for option in ("--db", "--data", "--site", "--contact"):
            assert option in ran.out
            assert f"TMXDB_{option[2:].upper()}" in ran.out
    assert tool.files() == set()


def test_the_help_of_the_group_names_every_command_and_every_exit_status(tool: Tool) -> None:
    ran = tool("--help")
    assert all(f"  {command} " in ran.out for command in COMMANDS)
    for status in (
        "0 all well",
        "1 the command failed",
        "2 wrong usage",
        "3 finished but some items",
        "130 interrupted",
    ):
        assert status in " ".join(ran.out.split())
    assert tool("-h").out == ran.out


HEAVY = ("alembic", "filelock", "lzokay", "matplotlib", "mss", "numpy", "PIL", "psutil", "psycopg", "pyarrow", "pycurl",
         "requests", "sqlalchemy", "tqdm")  # fmt: skip
LOADED = f"""
import sys
from tmxdb.cli import main
try:
    main()
finally:
    print(*[name for name in {HEAVY} if name in sys.modules], file=sys.stderr)
"""


@pytest.mark.parametrize(
    "command", ["", "status", "game", "game check", "export", "export frames", "add-captures", "gbx"]
)
def test_help_waits_for_no_library_that_only_the_work_needs(tool: Tool, command: str) -> None:
    words = [sys.executable, "-c", LOADED, *command.split(), "--help"]
    ran = subprocess.run(words, cwd=tool.folder, env=tool.environment(), capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stderr) == (0, "\n")
    assert "Usage: tmxdb" in ran.stdout


def test_the_version_is_told(tool: Tool) -> None:
    assert tool("--version").out == f"tmxdb {__version__}\n"


@pytest.mark.parametrize("wrong", [["nope"], ["status", "--nope"], ["work"], ["work", "--kind", "nope"], ["query"]])
def test_wrong_usage_is_status_2_and_changes_nothing(tool: Tool, wrong: list[str]) -> None:
    ran = tool(*wrong, ends=2)
    assert ran.error
    assert ran.out == ""
    assert tool.files() == set()


def test_options_work_before_and_after_the_command_and_after_counts_more(tool: Tool, site: RunningSite) -> None:
    tool("--db", "a.db", "--site", site.url, "sync-tracks", "--max-tracks", 1)
    tool("sync-tracks", "--max-tracks", 2, "--site", site.url, "--db", "b.db")
    tool("--db", "a.db", "--site", "http://127.0.0.1:1", "sync-tracks", "--db", "c.db", "--site", site.url)
    assert tool.files() == {"a.db", "b.db", "c.db"}
    tool(
        "--data",
        "here",
        "work",
        "--kind",
        "list",
        "--kind",
        "download",
        "--limit",
        40,
        "--db",
        "c.db",
        "--data",
        "there",
    )
    assert {name.split("/")[0] for name in tool.files()} == {"a.db", "b.db", "c.db", "there"}


def test_settings_come_from_the_environment_unless_they_are_given(
    tool: Tool, site: RunningSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMXDB_DB", "env.db")
    monkeypatch.setenv("TMXDB_SITE", site.url)
    monkeypatch.setenv("TMXDB_MAX_TRACKS", "3")
    tool("sync-tracks")
    assert tool.one("select count(*) from tracks", db="env.db") == 3
    tool("--db", "given.db", "sync-tracks", "--max-tracks", 2)
    assert tool.one("select count(*) from tracks", db="given.db") == 2


def test_settings_come_from_a_dot_env_file_below_the_environment(
    tool: Tool, site: RunningSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TMXDB_DB", "TMXDB_SITE", "TMXDB_CONTACT", "TMXDB_DATA"):
        monkeypatch.setenv(name, "x")  # so that what the file sets is taken back after the test
        monkeypatch.delenv(name)
    (tool.folder / ".env").write_text(f"TMXDB_SITE={site.url}\nTMXDB_DB=dot.db\nTMXDB_CONTACT=me@dot.example\n")
    tool("sync-tracks", "--max-tracks", 1)
    assert tool.one("select value from settings where key = 'contact'", db="dot.db") == "me@dot.example"
    monkeypatch.setenv("TMXDB_DB", "env.db")
    tool("sync-tracks", "--max-tracks", 1)
    assert tool.files() == {".env", "dot.db", "env.db"}


def test_the_contact_is_sent_with_each_request_and_remembered(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "--contact", "me@example.org", "sync-tracks", "--max-tracks", 1)
    tool("sync-tracks")
    tool("work", "--kind", "list", "--kind", "download", "--limit", 40)
    agents = {line["user_agent"] for line in site.log()}
    assert agents == {f"tmxdb/{__version__} (+https://github.com/tmxdb/tmxdb; me@example.org)"}


def test_a_database_remembers_its_site_and_refuses_another(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks")
    before = (tool.folder / "tmx.db").read_bytes()
    for command in (["sync-tracks"], ["add-tracks", "5"], ["work", "--kind", "list"], ["run"]):
        ran = tool("--site", "http://127.0.0.1:1", *command, ends=1)
        assert f"tmx.db is a database of {site.url}, not of http://127.0.0.1:1" in ran.error
    assert (tool.folder / "tmx.db").read_bytes() == before


@pytest.mark.parametrize("name", ["tmnf", "https://tmuf.exchange", "http://203.0.113.5"])
def test_a_public_site_is_asked_nothing_before_it_is_told_whom_to_write_to(
    tool: Tool, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(*arguments: object, **options: object) -> None:
        raise AssertionError("a request was made")

    monkeypatch.setattr("requests.Session.request", asked)
    for command in (["sync-tracks"], ["add-tracks", "5"]):
        ran = tool("--site", name, *command, ends=2)
        assert "--contact" in ran.error
        assert tool.files() == set()


def test_data_lies_beside_the_database_unless_told_otherwise(tool: Tool, site: RunningSite) -> None:
    (tool.folder / "sub").mkdir()
    tool("--db", "sub/x.db", "--site", site.url, "sync-tracks", "--order", "awards", "--max-tracks", 1)
    tool("--db", "sub/x.db", "run", "--top", 1)
    assert {str(Path(name).parts[:2]) for name in tool.files()} == {str(("sub", "x.db")), str(("sub", "data"))}
