"""What a person chose once stays: `tmxdb config` and the commands that remember."""

from __future__ import annotations

import pytest

from tests.tool import Tool
from tmxdb.cli.opening.remembered import SETTINGS
from tmxdb_sandbox import RunningSite


def settings(tool: Tool, *before: object) -> dict[str, tuple[str, str]]:
    return {row["key"]: (row["value"], row["origin"]) for row in tool(*before, "config", "--json").json}


def test_each_value_is_listed_with_its_origin(tool: Tool, site: RunningSite, monkeypatch: pytest.MonkeyPatch) -> None:
    tool("--site", site.url, "sync-tracks", "--max-tracks", 2, "--rate", 50)
    found = settings(tool)
    assert found["site"] == (site.url, "database")
    assert found["rate"] == ("50", "database")
    assert found["top"] == ("50", "default")
    monkeypatch.setenv("TMXDB_CONTACT", "me@example.org")
    (tool.folder / ".env").write_text("TMXDB_DATA=elsewhere\nTMXDB_CONTACT=other@example.org\n")
    found = settings(tool)
    assert found["contact"] == ("me@example.org", "environment")
    assert found["data"] == ("elsewhere", ".env")
    assert settings(tool, "--data", "here")["data"] == ("here", "option")


def test_the_depth_the_template_and_the_folder_of_a_run_are_remembered(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks", "--max-tracks", 2)
    tool("run", "--top", 1, "--name-template", "r{replay_id}", "--data", "files")
    found = settings(tool)
    assert [found[key] for key in ("top", "name_template", "data")] == [
        ("1", "database"), ("r{replay_id}", "database"), ("files", "database"),
    ]  # fmt: skip
    tool("sync-tracks", "--max-tracks", 2)
    tool("run")
    assert tool.column("select distinct listed_top from tracks") == [1]
    assert all(path.split("/")[-1].startswith("r") for path in tool.column("select file_path from replays"))
    assert not (tool.folder / "data").exists()
    assert tool("verify").err.count("All is well.") == 1
    assert tool("status", "--json").json["data"].endswith("files")


def test_the_folder_is_remembered_relative_to_the_database(tool: Tool, site: RunningSite) -> None:
    (tool.folder / "a").mkdir()
    tool("--db", "a/tmx.db", "--site", site.url, "sync-tracks", "--max-tracks", 1)
    tool("--db", "a/tmx.db", "--data", "files", "run", "--top", 1)
    assert settings(tool, "--db", "a/tmx.db")["data"] == ("../files", "database")
    tool("--db", "a/tmx.db", "verify")


def test_a_folder_from_the_environment_is_not_remembered(
    tool: Tool, site: RunningSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool("--site", site.url, "sync-tracks", "--max-tracks", 1)
    with monkeypatch.context() as patch:
        patch.setenv("TMXDB_DATA", "files")
        tool("run", "--top", 1)
    assert settings(tool)["data"] == ("data", "default")


def test_settings_are_set_and_unset(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks", "--max-tracks", 2)
    for key, value in {"top": "1000000", "rate": "7", "name-template": "x{replay_id}", "priority": "value"}.items():
        tool("config", "set", key, value)
        assert settings(tool)[key.replace("-", "_")] == (value, "database")
        tool("config", "unset", key)
        assert settings(tool)[key.replace("-", "_")][1] == "default"


def test_a_contact_that_cannot_be_sent_is_refused_before_it_is_remembered(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks", "--max-tracks", 1)
    for refused in (("run", "--contact", "Jürgen"), ("config", "set", "contact", "Jürgen")):
        assert "with --contact." in tool(*refused, ends=2).error
        assert settings(tool)["contact"][1] == "default"
    tool("run", "--top", 1)


def test_a_selection_that_is_set_is_what_a_run_does(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks", "--max-tracks", 3)
    chosen = tool.one("select max(track_id) from tracks")
    tool("select", "one", "--where", f"track_id = {chosen}")
    tool("config", "set", "only", "one")
    assert "Only the selection one" in tool("run", "--top", 1).err
    assert tool.column("select track_id from tracks where status = 'done'") == [chosen]
    assert "Did you mean 'one'?" in tool("config", "set", "only", "oen", ends=1).error


def test_a_selection_that_is_set_cannot_be_dropped(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks", "--max-tracks", 2)
    tool("select", "one", "--where", "1")
    tool("config", "set", "only", "one")
    for words in (("--dry-run",), ()):
        assert (
            "Run `tmxdb config unset only` first; commands then work on everything."
            in tool("select", "--drop", "one", *words, ends=1).error
        )
    tool.change("delete from selection_tracks")
    tool.change("delete from selections")  # as an earlier version left it
    for command in ("run", "sync-tracks", "refresh", "watch"):
        assert "Run `tmxdb config unset only`" in tool(command, ends=1).error
    tool("config", "unset", "only")
    tool("run", "--top", 1)


def test_a_depth_that_was_typed_for_some_tracks_is_not_remembered(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks", "--max-tracks", 2)
    track_id = tool.one("select max(track_id) from tracks")
    tool("select", "one", "--where", f"track_id = {track_id}")
    tool("run", "--top", 1, "--track-id", track_id)
    tool("run", "--top", 2, "--only", "one")
    tool("work", "--kind", "download", "--top", 3)
    tool("config", "set", "only", "one")
    tool("run", "--top", 5)
    tool("config", "unset", "only")
    assert settings(tool)["top"] == ("50", "default")
    tool("run", "--top", 4)
    assert settings(tool)["top"] == ("4", "database")


def test_a_negative_number_is_a_value_and_what_else_begins_with_a_minus_an_option(tool: Tool) -> None:
    tool("migrate")
    for wrong in ("-1", "-1.5"):
        assert f"'{wrong}' is not a number from 0 to 1,000,000" in tool("config", "set", "rate", wrong, ends=2).err
    assert "'-5' is not a whole number from 1 to 1,000,000" in tool("config", "set", "top", "-5", ends=2).err
    assert "Write `tmxdb config`" in tool("config", "set", "rate", "-1", "--jsn", ends=2).err
    assert "No such option '-x'" in tool("config", "set", "rate", "-x", ends=2).err
    assert "No such option '-1'" in tool("backup", "-1", ends=2).err


def test_what_cannot_be_set_is_one_sentence(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks", "--max-tracks", 1)
    assert "Did you mean 'top'?" in tool("config", "set", "tpo", "3", ends=2).err
    for wrong in ("0", "x", "1.5", "99999999999", "1_0", "٣"):
        assert "is not a whole number from 1 to 1,000,000" in tool("config", "set", "top", wrong, ends=2).err
    assert "has no {replay_id}" in tool("config", "set", "name_template", "x", ends=2).err
    assert "ids of two sites would mix" in tool("config", "set", "site", "tmuf", ends=1).error
    assert "ids of two sites would mix" in tool("config", "unset", "site", ends=1).error
    assert "Write `tmxdb config`" in tool("config", "top", "3", ends=2).err


@pytest.mark.parametrize("key", SETTINGS)
def test_an_empty_value_is_no_way_to_unset(tool: Tool, key: str) -> None:
    tool("migrate")
    before = settings(tool)
    for empty in ("", " "):
        assert (
            f"The value of {key} is empty. Run `tmxdb config unset {key}`"
            in tool("config", "set", key, empty, ends=2).error
        )
    assert settings(tool) == before


@pytest.mark.parametrize("arguments", [("--data", "tmx.db", "run"), ("config", "set", "data", "tmx.db")])
def test_a_file_is_no_data_folder_and_is_not_remembered(tool: Tool, arguments: tuple[str, ...]) -> None:
    tool("migrate")
    assert tool(*arguments, ends=1).error == "Error: tmx.db is not a folder. Choose another with --data."
    assert settings(tool)["data"] == ("data", "default")


def test_an_empty_data_folder_is_the_default_and_is_not_remembered(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks", "--max-tracks", 1)
    tool("--data", "", "run")
    assert settings(tool)["data"] == ("data", "default")


def test_a_data_folder_that_cannot_be_used_is_not_remembered(done: Tool) -> None:
    before = settings(done)["data"]
    (done.folder / "empty").mkdir()
    assert "has none of the files" in done("--data", "empty", "run", ends=1).error
    assert settings(done)["data"] == before


@pytest.mark.parametrize(
    "words", ["sync-tracks --max-tracks 1", "add-tracks 100 --no-lookup", "select best --max-tracks 1"]
)
@pytest.mark.parametrize("before", [True, False])
def test_a_folder_typed_before_anything_is_downloaded_is_that_of_the_next_run(
    tool: Tool, site: RunningSite, words: str, before: bool
) -> None:
    folder = ("--data", "files")
    tool("--site", site.url, *(folder if before else ()), *words.split(), *(() if before else folder))
    assert settings(tool)["data"] == ("files", "database")
    assert tool("status", "--json").json["data"] == str(tool.folder / "files")


def test_a_folder_typed_for_a_sync_must_have_the_files(done: Tool) -> None:
    before = settings(done)["data"]
    done("--data", "other", "sync-tracks", "--max-tracks", 1, ends=1)
    assert settings(done)["data"] == before


def test_the_folder_of_a_watch_is_remembered(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks", "--order", "awards", "--max-tracks", 1)
    tool("watch", "--once", "--data", "files")
    assert settings(tool)["data"] == ("files", "database")
    assert (tool.folder / "files").is_dir()
    tool("run")
    assert not (tool.folder / "data").exists()


def test_a_command_without_files_says_that_it_does_not_use_the_folder(tool: Tool) -> None:
    assert "`migrate` does not use --data. `tmxdb config set data FOLDER` stores" in tool("--data", "x", "migrate").err
    assert settings(tool)["data"] == ("data", "default")
    assert tool("status", "--data", "x").err == ""
    error = tool("pause", "--data", "x", "download", ends=2).error
    assert "No such option" in error
    assert "Write it before" not in error
