"""`tmxdb verify`: files that were adopted in place, moved or on a disk that is not mounted."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.adoption.conftest import private_replay
from tests.tool import Tool, tool

__all__ = ["tool"]
FILES = 6


@pytest.fixture
def col(tool: Tool) -> Path:
    """Six replays that no exchange has, adopted in place. The data folder has no file."""
    folder = tool.folder / "col"
    folder.mkdir()
    for n in range(FILES):
        data = private_replay(n, on_map=1, time_ms=20_000 + 100 * n, login="a")
        (folder / f"{n}.Replay.Gbx").write_bytes(data)
    tool("adopt", folder, "--in-place", "--no-lookup")
    return folder


def replays(tool: Tool) -> list[dict[str, object]]:
    return tool.rows("select replay_id, status, position, is_best, file_path, sha256 from replays order by 1")


def test_moved_files_are_named_one_by_one_and_no_other_command_blames_the_data_folder(tool: Tool, col: Path) -> None:
    col.rename(col.with_name("moved"))
    ran = tool("verify", ends=3)
    assert ran.out.count("the file does not exist") == FILES
    assert f"missing: replay local1, {col.as_posix()}/" in ran.out
    assert "adopt the folder that they are in now: `tmxdb adopt FOLDER --in-place`." in ran.err
    assert "has none of the files" not in tool("config", "set", "data", "data").err
    assert "has none of the files" not in tool("doctor", "--offline", ends=None).out
    (tool.folder / "data").rename(tool.folder / "other")
    assert "but the database lists" not in tool("doctor", "--offline", ends=None).out


@pytest.mark.parametrize("is_mount_point", [True, False])
def test_repair_changes_nothing_if_every_one_is_missing_and_names_their_folder(
    tool: Tool, col: Path, is_mount_point: bool
) -> None:
    before, moved = replays(tool), col.with_name("moved")
    col.rename(moved)
    if is_mount_point:
        col.mkdir()
    refused = tool("verify", "--repair", ends=1).error
    assert refused.startswith(f"Error: {col.as_posix()} has none of the files that were adopted in place there.")
    assert replays(tool) == before
    tool("adopt", moved, "--in-place", "--no-lookup")
    assert "All is well." in tool("verify", "--repair", "--hash").err


def test_a_repaired_local_replay_keeps_its_row_until_its_file_is_back(tool: Tool, col: Path) -> None:
    tool("run")
    before, file = replays(tool), col / "0.Replay.Gbx"
    away = file.rename(tool.folder / "away")
    assert tool("verify", "--repair").out.count("now pending") == 1
    assert "Put it back" in tool("run", ends=3).err
    assert [{**row, "status": "done"} for row in replays(tool)] == before
    away.rename(file)
    tool("retry", "--kind", "download")
    tool("run")
    assert replays(tool) == before


def test_a_few_files_deleted_from_a_folder_in_use_are_repaired(tool: Tool) -> None:
    folder = tool.folder / "few"
    folder.mkdir()
    for n in range(2):
        (folder / f"{n}.Replay.Gbx").write_bytes(private_replay(n, on_map=1, time_ms=20_000 + n * 100, login="a"))
    tool("adopt", folder, "--in-place", "--no-lookup")
    for file in folder.iterdir():
        file.unlink()
    assert "has none of the files" in tool("verify", "--repair", ends=1).error
    (folder / "notes.txt").write_text("")
    assert tool("verify", "--repair").out.count("now pending") == 2


@pytest.mark.parametrize("is_mount_point", [True, False])
def test_repair_changes_nothing_about_one_of_two_disks_that_is_not_mounted(
    tool: Tool, col: Path, is_mount_point: bool
) -> None:
    other = tool.folder / "other disk"
    other.mkdir()
    (other / "7.Replay.Gbx").write_bytes(private_replay(7, on_map=1, time_ms=19_000, login="a"))
    tool("adopt", other, "--in-place", "--no-lookup")
    before = replays(tool)
    away = other.rename(tool.folder / "unplugged")
    if is_mount_point:
        other.mkdir()
    (col / "0.Replay.Gbx").unlink()  # from a folder that is there
    ran = tool("verify", "--repair", ends=3)
    assert ran.out.count("; now pending") == 1
    assert "Rows of files whose folder is missing or empty were not reset. Check that the disk is mounted." in ran.err
    changed = [new for old, new in zip(before, replays(tool), strict=True) if old["status"] != new["status"]]
    assert [row["file_path"] for row in changed] == [(col / "0.Replay.Gbx").as_posix()]
    if is_mount_point:
        other.rmdir()
    away.rename(other)
    assert "All is well." in tool("verify", "--repair").err


def test_files_of_the_data_folder_are_still_looked_for_among_many_adopted_in_place(
    tool: Tool, col: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tmxdb.upkeep.data_folder_check.SAMPLE", 2)
    tool.change("update replays set file_path = 'replays/1/' || replay_id where replay_id in (-3, -4)")
    (tool.folder / "data").rename(tool.folder / "other")
    refused = tool("verify", ends=1).error
    assert f"{tool.folder / 'data'} has none of the files that the database lists" in refused
