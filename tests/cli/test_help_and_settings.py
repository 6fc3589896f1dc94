"""Help of every command, suggestions, and where settings come from."""

from __future__ import annotations

import re
from pathlib import Path
from typing import cast

import click
import pytest

from tests.tool import Tool
from tmxdb import __version__
from tmxdb.cli.framework.environment import VARIABLES
from tmxdb.cli.program import COMMANDS, tmxdb
from tmxdb_sandbox import RunningSite


def _leaf_commands() -> list[str]:
    """Every command, those of groups with the group's name."""
    names = []
    for name in COMMANDS:
        command = tmxdb.get_command(click.Context(tmxdb), name)
        names += [f"{name} {sub}" for sub in command.commands] if isinstance(command, click.Group) else [name]
    return names


LEAVES = _leaf_commands()
USES_DATA = {"adopt", "doctor", "run", "work", "status", "show", "plot", "contact-sheet", "film", "verify", "reread",
             "export frames", "export lake", "export lines", "export vcp", "game calibrate", "game check",
             "game prepare", "sync-tracks", "select", "add-tracks", "refresh", "watch", "config", "serve",
             "convert-captures"}  # fmt: skip
USES_SITE = {"adopt", "doctor", "sync-tracks", "add-tracks", "select", "refresh", "watch", "run", "work"}
NO_DATABASE = {"schema", "completion", "copy-db", "demo", "sandbox", "help", "gbx", "game"}
GAME_WITH_DATABASE = {"game calibrate", "game check", "game prepare"}


def _options(command: str) -> set[str]:
    context, found = click.Context(tmxdb), cast(click.Command, tmxdb)
    for word in command.split():
        assert isinstance(found, click.Group)
        found = cast(click.Command, found.get_command(context, word))
    return {name for parameter in found.params if isinstance(parameter, click.Option) for name in parameter.opts}


@pytest.mark.parametrize("command", [*COMMANDS, *LEAVES])
def test_every_command_has_help_with_an_example_in_80_columns(tool: Tool, command: str) -> None:
    ran = tool(*command.split(), "--help")
    assert re.search(rf"^ +tmxdb .*{command}", ran.out, re.MULTILINE), ran.out
    assert max(len(line) for line in ran.out.splitlines() if not line.startswith("Documentation:")) <= 80
    assert ran.err == ""
    assert tool("help", *command.split()).out == ran.out
    assert tool.files() == set()


@pytest.mark.parametrize("command", LEAVES)
def test_a_command_has_only_the_common_options_that_it_uses(command: str) -> None:
    group = command.split()[0]
    options = _options(command)
    has_database = group not in NO_DATABASE or command in GAME_WITH_DATABASE
    assert ("--db" in options) == has_database
    assert ("--data" in options) == (command in USES_DATA)
    for name in ("--site", "--contact", "--rate"):
        assert (name in options) == (command in USES_SITE)


def test_the_options_that_select_tracks_and_replays_are_the_same_in_each_command() -> None:
    for command in ("add-captures", "retry", "skip", "export frames"):
        assert {"--track-id", "--track-ids"} <= _options(command), command
    for command in ("add-captures", "retry", "skip"):
        assert "--replay-id" in _options(command), command


def test_a_selection_can_be_named_in_each_command_that_works_on_many_rows() -> None:
    for command in ("run", "work", "refresh", "watch", "sync-tracks", "status", "verify", "changes", "add-captures",
                    "retry", "skip", "export frames", "export tracks", "export lines", "export vcp",
                    "convert-captures"):  # fmt: skip
        assert "--only" in _options(command), command


def test_only_what_belongs_to_an_installation_has_an_environment_variable() -> None:
    read: set[str] = set()
    for command in ["", *LEAVES]:
        found: click.Command = tmxdb
        for word in command.split():
            found = cast(click.Command, cast(click.Group, found).get_command(click.Context(tmxdb), word))
        for parameter in found.params:
            names = parameter.envvar or ()
            read |= {names} if isinstance(names, str) else set(names)
    assert read == VARIABLES
    assert len(VARIABLES) == 18
    assert tmxdb.auto_envvar_prefix is None if hasattr(tmxdb, "auto_envvar_prefix") else True


def test_the_help_of_the_program_lists_every_command_and_exit_status(tool: Tool) -> None:
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
    assert tool("help").out == ran.out


@pytest.mark.parametrize("command", ["work", "run", "sync-tracks"])
def test_the_common_part_of_the_help_fits_one_screen(tool: Tool, command: str) -> None:
    common = tool(command, "--help").out.split("\nList options:")[0].split("\nFilter options:")[0]
    assert len(common.splitlines()) <= 40


@pytest.mark.parametrize(
    ("words", "suggested"),
    [
        (["statuz"], "Did you mean 'status'?"),
        (["stauts"], "Did you mean 'status'?"),
        (["sync-track"], "Did you mean 'sync-tracks'?"),
        (["gbx", "shwo", "x"], "Did you mean 'show'?"),
        (["xyzzy"], "`tmxdb --help` lists all commands."),
        (["work", "--kind", "dwnload"], "Did you mean 'download'?"),
        (["run", "--form", "site"], "--from"),
        (["run", "-v"], "`tmxdb -v run`"),
        (["help", "wrok"], "Did you mean 'work'?"),
        (["changes", "--site", "x"], "`tmxdb --site NAME|URL changes`"),
        (["export", "vcp", "-v"], "`tmxdb -v export vcp`"),
    ],
)
def test_a_mistyped_command_option_or_value_gets_a_suggestion(tool: Tool, words: list[str], suggested: str) -> None:
    assert suggested in tool(*words, ends=2).error


@pytest.mark.parametrize(
    ("command", "old", "new"),
    [("copy-db", "--anew", "--restart"), ("verify", "--anew", "--restart"), ("verify", "--mend", "--repair"),
     ("skip", "--track", "--track-id"), ("add-tracks", "--file", "--track-ids"),
     ("game check", "--autologin", "--game-user"), ("gbx inputs", "--output", "--out"),
     ("gbx map", "--output", "--out"), ("adopt", "--jobs", "--processes"), ("gbx show", "--workers", "--processes"),
     ("gbx line", "--workers", "--processes"), ("export lines", "--n", "--processes"),
     ("export lake", "--n", "--processes"), ("export vcp", "--n", "--processes")],
)  # fmt: skip
def test_old_spellings_are_accepted_but_not_shown(tool: Tool, command: str, old: str, new: str) -> None:
    ran = tool(*command.split(), "--help")
    assert new in ran.out
    assert not re.search(rf"{old}\b(?!-)", ran.out)
    context = click.Context(tmxdb)
    found: click.Command = tmxdb
    for word in command.split():
        found = cast(click.Command, cast(click.Group, found).get_command(context, word))
    parameter = next(parameter for parameter in found.params if new in parameter.opts)
    parser = found.make_parser(click.Context(found, **found.context_settings))
    options, _, _ = parser.parse_args([old, *([] if getattr(parameter, "is_flag", False) else ["5"])])
    assert options[parameter.name or ""]


def test_the_version_is_printed(tool: Tool) -> None:
    assert tool("--version").out == f"tmxdb {__version__}\n"


@pytest.mark.parametrize("wrong", [["nope"], ["status", "--nope"], ["work"], ["work", "--kind", "nope"], ["query"]])
def test_wrong_usage_is_status_2_and_changes_nothing(tool: Tool, wrong: list[str]) -> None:
    ran = tool(*wrong, ends=2)
    assert ran.error
    assert ran.out == ""
    assert tool.files() == set()


def test_an_option_after_the_command_overrides_one_before_it(tool: Tool, site: RunningSite) -> None:
    tool("--db", "a.db", "--site", site.url, "sync-tracks", "--max-tracks", 1)
    tool("sync-tracks", "--max-tracks", 2, "--site", site.url, "--db", "b.db")
    tool("--db", "a.db", "--site", "http://127.0.0.1:1", "sync-tracks", "--db", "c.db", "--site", site.url)
    assert tool.files() == {"a.db", "b.db", "c.db"}
    tool("--data", "here", "work", "--kind", "list", "--kind", "download", "--limit", 40, "--db", "c.db",
         "--data", "there")  # fmt: skip
    assert {name.split("/")[0] for name in tool.files()} == {"a.db", "b.db", "c.db", "there"}


def test_an_option_overrides_the_environment(tool: Tool, site: RunningSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMXDB_DB", "env.db")
    monkeypatch.setenv("TMXDB_SITE", site.url)
    monkeypatch.setenv("TMXDB_MAX_TRACKS", "1")  # not a setting of an installation: not read
    tool("sync-tracks", "--max-tracks", 3)
    assert tool.one("select count(*) from tracks", db="env.db") == 3
    tool("--db", "given.db", "sync-tracks", "--max-tracks", 2)
    assert tool.one("select count(*) from tracks", db="given.db") == 2


def test_the_environment_overrides_the_file_dot_env(
    tool: Tool, site: RunningSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TMXDB_DB", "TMXDB_SITE", "TMXDB_CONTACT", "TMXDB_DATA"):
        monkeypatch.setenv(name, "x")  # so that it is restored after the test
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
def test_a_public_site_gets_no_request_without_a_contact(
    tool: Tool, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def request(*arguments: object, **options: object) -> None:
        raise AssertionError("a request was sent")

    monkeypatch.setattr("requests.Session.request", request)
    for command in (["sync-tracks"], ["add-tracks", "5"]):
        ran = tool("--site", name, *command, ends=2)
        assert "--contact" in ran.error
        assert tool.files() == set()


def test_the_data_folder_is_beside_the_database_by_default(tool: Tool, site: RunningSite) -> None:
    (tool.folder / "sub").mkdir()
    tool("--db", "sub/x.db", "--site", site.url, "sync-tracks", "--order", "awards", "--max-tracks", 1)
    tool("--db", "sub/x.db", "run", "--top", 1)
    assert {str(Path(name).parts[:2]) for name in tool.files()} == {str(("sub", "x.db")), str(("sub", "data"))}
