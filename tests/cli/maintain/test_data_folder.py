"""A data folder that lacks files of the rows, or cannot be read: `config` warns and `doctor` reports it."""

from __future__ import annotations

import shutil
from typing import Any

import pytest

from tests.names import name_not_utf8
from tests.permissions import bound_by_permissions
from tests.tool import Tool

LARGE = (".csv", ".parquet", ".vcp", ".npy")
"""Of the files of an export: those with its rows."""


def found_by_doctor(tool: Tool, *, ends: int) -> dict[str, Any]:
    """Return the only finding about the data folder."""
    (found,) = [one for one in tool("doctor", "--offline", "--json", ends=ends).json if one["check"] == "data folder"]
    return found


def set_data(tool: Tool, folder: str) -> str:
    """Set the data folder. Return what is said after the new value."""
    first, *rest = tool("config", "set", "data", folder).err.splitlines()
    assert first == f"data is {folder}."
    return "\n".join(rest)


def test_setting_the_folder_that_has_the_files_says_nothing_more(done: Tool) -> None:
    (done.folder / "data").rename(done.folder / "moved")
    assert set_data(done, "moved") == ""
    assert found_by_doctor(done, ends=0)["level"] == "ok"


@pytest.mark.parametrize("exists", [False, True])
def test_setting_a_folder_without_the_files_is_a_warning(done: Tool, exists: bool) -> None:
    if exists:
        (done.folder / "other").mkdir()
    warning = set_data(done, "other")
    assert warning.startswith(f"Warning: {done.folder / 'other'} ")
    assert ("has none of the files" in warning) == exists
    assert warning.endswith(
        f" It was {done.folder / 'data'}. Move the files or set the right folder before the next run."
    )
    found = found_by_doctor(done, ends=3)
    assert found["level"] == "problem"
    assert found["cure"] == ("tmxdb config set data FOLDER" if exists else "tmxdb --data FOLDER verify")


def test_unsetting_the_folder_that_has_the_files_is_a_warning(done: Tool) -> None:
    (done.folder / "data").rename(done.folder / "moved")
    set_data(done, "moved")
    assert f"Warning: {done.folder / 'data'} does not exist" in done("config", "unset", "data").err


def test_a_folder_with_some_of_the_files_is_a_warning(done: Tool) -> None:
    first = done.one("select min(track_id) from replays where status = 'done'")
    shutil.copytree(done.folder / "data" / "replays" / str(first), done.folder / "some" / "replays" / str(first))
    assert " files that were looked for. It was " in set_data(done, "some")
    found = found_by_doctor(done, ends=0)
    assert (found["level"], found["cure"]) == ("warning", "tmxdb verify")


def test_a_new_folder_of_a_database_without_files_is_no_problem(tool: Tool) -> None:
    tool("migrate")
    assert set_data(tool, "new") == f"{tool.folder / 'new'} does not exist yet; the next run creates it."
    assert found_by_doctor(tool, ends=0)["level"] == "note"


@pytest.mark.parametrize("closed", ["data", "data/replays"])
def test_a_folder_that_cannot_be_read_is_a_problem(done: Tool, closed: str) -> None:
    folder = done.folder / closed
    folder.chmod(0)
    try:
        with bound_by_permissions():
            found, warning = found_by_doctor(done, ends=3), set_data(done, "data")
            refused = done("run", ends=1).error if closed == "data" else "Check the permissions"
    finally:
        folder.chmod(0o755)
    assert (found["level"], found["cure"]) == ("problem", "tmxdb verify")
    assert found["found"].startswith(str(folder))
    assert "cannot be read" in found["found"]
    assert warning.startswith(f"Warning: {folder}")
    assert warning.endswith(" cannot be read (Permission denied). Check the permissions before the next run.")
    assert "Check the permissions" in refused


def test_a_file_in_the_place_of_the_folder_is_a_problem(done: Tool) -> None:
    (done.folder / "data").rename(done.folder / "moved")
    (done.folder / "data").write_bytes(b"")
    found = found_by_doctor(done, ends=3)
    assert found["found"] == f"{done.folder / 'data'} is not a folder"


def test_a_folder_whose_name_is_not_utf8_is_refused(done: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    odd, database = name_not_utf8(done.folder), str(done.folder / "tmx.db")
    (done.folder / odd).mkdir()
    for inside, folder in ((done.folder, odd), (done.folder / odd, "files")):
        monkeypatch.chdir(inside)
        ran = done("--db", database, "config", "set", "data", folder, ends=2)
        assert "The value of data is not valid UTF-8" in ran.error


@pytest.mark.parametrize(
    "command",
    [
        ("export", "lines", "lines.csv", "--force"),
        ("export", "lake", "lake", "--table", "lines", "--force"),
        ("export", "vcp", "vcp"),
        ("reread", "--all"),
    ],
    ids=lambda command: command[1],
)
def test_a_folder_that_is_not_mounted_ends_what_reads_its_files(done: Tool, command: tuple[str, ...]) -> None:
    """An export with --force replaced a good one by an empty one, with one line for each missing replay."""
    done(*command)
    before = {path: path.read_bytes() for path in done.folder.rglob("*") if path.is_file() and path.suffix in LARGE}
    (done.folder / "data").rename(done.folder / "unmounted")
    assert "has none of the files that the database lists. Check that its disk is mounted" in done(*command, ends=1).err
    assert {path: path.read_bytes() for path in before if "data" not in path.parts} == {
        path: content for path, content in before.items() if "data" not in path.parts
    }


def test_adopt_remembers_the_data_folder(done: Tool) -> None:
    (done.folder / "data").rename(done.folder / "old")
    done("--db", "other.db", "adopt", "old", "--data", "big", "--no-lookup", "--no-progress")
    settings = done("--db", "other.db", "config", "--json").json
    assert [one["value"] for one in settings if one["key"] == "data"] == ["big"]


@pytest.mark.parametrize("command", ["plot {}", "plot --track-id {track}", "film {}", "contact-sheet {}"])
def test_a_folder_that_is_not_mounted_ends_what_draws_a_replay(done: Tool, command: str) -> None:
    """The advice was to repair the row, and to download its file again."""
    found = done.rows("select replay_id, track_id from replays where status = 'done' limit 1")[0]
    done.change(
        "INSERT INTO captures (replay_id, track_id, settings, status, folder_path, finished_at, frame_count)"
        " VALUES (?, ?, '{}', 'done', 'frames/1', '2026-01-01T00:00:00Z', 1)",
        found["replay_id"],
        found["track_id"],
    )
    (done.folder / "data").rename(done.folder / "unmounted")
    words = command.format(found["replay_id"], track=found["track_id"]).split()
    assert "has none of the files that the database lists. Check that its disk is mounted" in done(*words, ends=1).err


@pytest.mark.parametrize("mount_point", [False, True])
def test_status_warns_of_a_folder_that_is_not_mounted(done: Tool, mount_point: bool) -> None:
    """It counted the files as if they were there, and named the free space of another disk."""
    state = done("status", "--json").json
    assert state["data_problem"] is None
    assert state["free_bytes"] > 0
    (done.folder / "data").rename(done.folder / "unmounted")
    if mount_point:
        (done.folder / "data").mkdir()
    why = "has none of the files that the database lists" if mount_point else "does not exist, but the database lists"
    text = done("status").out
    assert f"Warning: {done.folder / 'data'} {why}" in text
    assert "Check that its disk is mounted" in text
    assert "free on the disk" not in text
    state = done("status", "--json").json
    assert why in state["data_problem"]
    assert state["free_bytes"] is None


def test_status_has_no_warning_before_the_first_download(tool: Tool) -> None:
    tool("migrate")
    assert "Warning" not in tool("status").out


def test_an_export_without_any_file_to_read_keeps_the_older_one(done: Tool) -> None:
    done("export", "lines", "lines.csv")
    before = (done.folder / "lines.csv").read_bytes()
    shutil.rmtree(done.folder / "data" / "replays")  # the folder of maps is there: the disk is mounted
    error = done("export", "lines", "lines.csv", "--force", ends=1).error
    assert "lines.csv is kept: none of " in error
    assert (done.folder / "lines.csv").read_bytes() == before
    assert [path.name for path in done.folder.glob("lines*")] == ["lines.csv"]
    done("export", "lines", "new.csv", ends=3)
