"""A place that can not be written: each command names the way to choose another one, which is seldom --data."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.frames import captured_database
from tmxdb.db.engine import Database
from tmxdb.db.migrate import upgrade
from tmxdb.errors import DiskTrouble
from tmxdb.game.autosaves import Autosaves
from tmxdb.game.folders import GameFiles, GameFolders
from tmxdb.sandbox import running_site

from ..tool import Tool, tool

__all__ = ["tool"]


@pytest.fixture
def sealed(tmp_path: Path) -> Iterator[Path]:
    """A folder that nobody can write to: of a disk that is mounted so, for root may write everywhere else."""
    folder = tmp_path / "sealed"
    folder.mkdir()
    if os.name == "nt":
        pytest.skip("a folder of Windows has no permissions that Python could take away")
    if os.geteuid() != 0:
        folder.chmod(0o555)
        yield folder
        folder.chmod(0o755)
        return
    command = [shutil.which("mount") or "mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("this machine lets nobody mount a file system")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def worked(tool: Tool) -> Tool:
    """One downloaded replay, and a captured one."""
    with running_site(tracks=1, replays=1, plain=True) as site:
        tool("--site", site.url, "sync-tracks")
        tool("run")
    database = Database(str(tool.folder / "captured.db"))
    upgrade(database)
    captured_database(database, tool.folder / "data", {10: 3})
    database.close()
    return tool


COMMANDS = {
    "plot REPLAY --out SEALED/a.png": "choose another file with --out.",
    "--db captured.db contact-sheet 10 --out SEALED/a.png": "choose another file with --out.",
    "--db captured.db export frames SEALED/out": "give another OUT.",
    "gbx map REPLAY -o SEALED/a.Gbx": "choose another file with --output.",
    "sync-tracks --save-ids SEALED/ids.txt": "choose another file with --save-ids.",
    "game install-plugin --folder SEALED": "name another folder with --folder.",
    "--data SEALED run": "choose another folder with --data.",
}


def test_each_command_says_how_to_choose_another_place(worked: Tool, sealed: Path) -> None:
    (replay,) = (worked.folder / "data").rglob("*.Replay.Gbx")
    worked.change("update replays set status = 'pending', finished_at = null")  # something to do for `run`
    said = {}
    for command in COMMANDS:
        words = command.replace("SEALED", str(sealed)).replace("REPLAY", str(replay)).split()
        ran = worked(*words, ends=1)
        said[command] = re.sub(r".* can not be written \(.*?\)\. Check the permissions, or ", "", ran.error)
        assert str(sealed) in ran.error
    assert said == COMMANDS


def test_a_backup_that_can_not_be_written_is_one_sentence(worked: Tool, sealed: Path) -> None:
    ran = worked("backup", sealed / "monday.db", ends=1)
    assert str(sealed) in ran.error
    assert "--data" not in ran.error


def test_a_backup_that_can_not_be_renamed_asks_for_another_name(worked: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tmxdb.upkeep.aside.os.replace", refuse)
    ran = worked("backup", "monday.db", ends=1)
    assert ran.error.endswith(
        "monday.db: can not be written (Permission denied). Check the permissions, or give another FILE."
    )


PUTS: dict[str, Callable[[Path], object]] = {
    "autosave": lambda sealed: Autosaves(sealed).put("me", "A01-Race", b"ours"),
    "map": lambda sealed: GameFiles(GameFolders(sealed, sealed), "8478").put_map("a", b"map"),
    "script": lambda sealed: GameFiles(GameFolders(sealed, sealed), "8478").put_script("a", "0 press up"),
}


@pytest.mark.parametrize(
    ("what", "option"),
    [("autosave", "--trackmania-path"), ("map", "--trackmania-path"), ("script", "--tminterface-path")],
)
def test_what_is_put_into_the_games_folders_names_their_options(sealed: Path, what: str, option: str) -> None:
    with pytest.raises(DiskTrouble) as refused:
        PUTS[what](sealed)
    assert refused.value.code == "disk.read_only"
    assert refused.value.message.endswith(f"folder with {option}.")
