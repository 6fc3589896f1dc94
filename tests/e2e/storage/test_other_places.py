"""If a folder cannot be written, each command names the option that chooses another one."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.frames import captured_database
from tests.needs import lacking
from tests.tool import Tool, tool
from tmxdb.db.database import Database
from tmxdb.db.migrate import upgrade
from tmxdb.errors import DiskError
from tmxdb.game.autosaves import Autosaves
from tmxdb.game.folders import GameFiles, GameFolders
from tmxdb_sandbox import running_site

__all__ = ["tool"]


@pytest.fixture
def sealed(tmp_path: Path) -> Iterator[Path]:
    """A folder that cannot be written: on a file system mounted read-only, because root may write everywhere else."""
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
        lacking("no read-only folder to test with: this user cannot mount a file system")
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
    "--db captured.db export frames SEALED/out": "choose another OUT.",
    "gbx map REPLAY -o SEALED/a.Gbx": "choose another file with --out.",
    "film REPLAY --out SEALED/a.mp4": "choose another file with --out.",
    "export replays SEALED/a.csv": "choose another file.",
    "export lake SEALED/lake": "choose another OUT.",
    "backup SEALED/a.db": "give another FILE.",
    "sync-tracks --save-ids SEALED/ids.txt": "choose another file with --save-ids.",
    "game install-plugin --folder SEALED": "choose another folder with --folder.",
    "--data SEALED run": "choose another folder with --data.",
}


def test_each_command_names_the_option_for_another_folder(worked: Tool, sealed: Path) -> None:
    (replay,) = (worked.folder / "data").rglob("*.Replay.Gbx")
    for table in ("replays", "maps"):  # something to do for `run`, and no files that another folder would lack
        worked.change(f"update {table} set status = 'pending', finished_at = null")
    said = {}
    for command in COMMANDS:
        words = command.replace("SEALED", str(sealed)).replace("REPLAY", str(replay)).split()
        ran = worked(*words, ends=1)
        said[command] = re.sub(r".* cannot be written \(.*?\)\. Check the permissions, or ", "", ran.error)
        assert str(sealed) in ran.error
        assert ".partial" not in ran.error
    assert said == COMMANDS


def test_a_backup_that_cannot_be_written_is_one_sentence(worked: Tool, sealed: Path) -> None:
    ran = worked("backup", sealed / "monday.db", ends=1)
    assert str(sealed) in ran.error
    assert "--data" not in ran.error


def test_a_backup_that_cannot_be_renamed_asks_for_another_name(worked: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tmxdb.storage.durable.os.link", refuse)
    monkeypatch.setattr("tmxdb.storage.durable.os.replace", refuse)
    ran = worked("backup", "monday.db", ends=1)
    assert ran.error.endswith(
        "monday.db: cannot be written (Permission denied). Check the permissions, or give another FILE."
    )


PUTS: dict[str, Callable[[Path], object]] = {
    "autosave": lambda sealed: Autosaves(sealed).replace("me", "A01-Race", b"ours"),
    "map": lambda sealed: GameFiles(GameFolders(sealed, sealed), "8478").write_map("a", b"map"),
    "script": lambda sealed: GameFiles(GameFolders(sealed, sealed), "8478").write_script("a", "0 press up"),
}


@pytest.mark.parametrize(
    ("what", "option"),
    [("autosave", "--trackmania-path"), ("map", "--trackmania-path"), ("script", "--tminterface-path")],
)
def test_files_in_the_games_folders_name_their_options(sealed: Path, what: str, option: str) -> None:
    with pytest.raises(DiskError) as refused:
        PUTS[what](sealed)
    assert refused.value.code == "disk.read_only"
    assert refused.value.message.endswith(f"folder with {option}.")
