"""The game's folders are found, and tmxdb's files in them are written and removed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tool import Tool
from tmxdb.errors import InvalidInput
from tmxdb.game.folders import (
    GameFiles,
    GameFolders,
    document_folders,
    existing_game_folders,
    find_folders,
    remove_leftovers,
)


@pytest.fixture
def folders(tmp_path: Path) -> GameFolders:
    (tmp_path / "Documents" / "TmForever" / "Tracks" / "Challenges").mkdir(parents=True)
    return find_folders(str(tmp_path / "Documents" / "TmForever"))


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_tminterface_is_beside_the_game_unless_a_folder_is_given(folders: GameFolders, tmp_path: Path) -> None:
    assert folders.scripts == tmp_path / "Documents" / "TMInterface" / "Scripts"
    (tmp_path / "elsewhere").mkdir()
    other = find_folders(str(folders.game), str(tmp_path / "elsewhere"))
    assert other.plugins == tmp_path / "elsewhere" / "Plugins"
    assert other.autosaves == folders.game / "Tracks" / "Replays" / "Autosaves"


def test_a_folder_of_tminterface_that_does_not_exist_is_refused_and_not_created(
    folders: GameFolders, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInput, match=re.escape(f"{tmp_path / 'TMInterfac'}: no such folder")):
        find_folders(str(folders.game), str(tmp_path / "TMInterfac"))
    assert not (tmp_path / "TMInterfac").exists()


def test_a_folder_without_tracks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no folder Tracks"):
        find_folders(str(tmp_path))


@pytest.mark.skipif(os.name == "nt", reason="Windows has no Wine prefix")
def test_the_game_is_found_in_a_wine_prefix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("WINEPREFIX", raising=False)
    with pytest.raises(InvalidInput, match="--trackmania-path"):
        find_folders()
    default = tmp_path / ".wine" / "drive_c" / "users" / "me" / "Documents"
    (default / "TrackMania" / "Tracks").mkdir(parents=True)
    (default / "TmForever").mkdir()  # without Tracks: of an old installation
    assert find_folders().game == default / "TrackMania"
    prefix = tmp_path / "games"
    named = prefix / "drive_c" / "users" / "steam" / "My Documents"
    (named / "TmForever" / "Tracks").mkdir(parents=True)
    monkeypatch.setenv("WINEPREFIX", str(prefix))
    assert document_folders()[0] == named
    assert find_folders().game == named / "TmForever"


def test_nations_comes_before_united_in_each_folder(tmp_path: Path) -> None:
    for place in ("a/TrackMania", "a/TmForever", "b/TmForever"):
        (tmp_path / place / "Tracks").mkdir(parents=True)
    found = existing_game_folders([tmp_path / "b", tmp_path / "a"])
    assert [path.relative_to(tmp_path).as_posix() for path in found] == [
        "b/TmForever",
        "a/TmForever",
        "a/TrackMania",
    ]


def test_maps_and_scripts_are_written_and_removed(folders: GameFolders, tmp_path: Path) -> None:
    other = folders.challenges / "My map.Challenge.Gbx"
    other.write_bytes(b"the user's")
    before = files(tmp_path)
    game = GameFiles(folders, "8478")
    assert game.write_map("../12 ä", b"GBX") == "tmxdb/12.Challenge.Gbx"
    assert game.write_map("../12 ä", b"GBX2") == "tmxdb/12.Challenge.Gbx"
    assert (folders.challenges / "tmxdb" / "12.Challenge.Gbx").read_bytes() == b"GBX2"
    script = game.write_script("99 x", "0-10 press up\n")
    assert script.isascii()
    assert " " not in script
    assert (folders.scripts / script).read_text() == "0-10 press up\n"
    game.remove_files()
    assert files(tmp_path) == before


def test_a_script_that_is_not_ascii_is_refused(folders: GameFolders) -> None:
    with pytest.raises(InvalidInput, match="'ä'"):
        GameFiles(folders, "1").write_script("a", "# ä")


def test_each_game_removes_its_own_scripts_and_the_last_one_the_maps(folders: GameFolders) -> None:
    first, second = GameFiles(folders, "8478"), GameFiles(folders, "84780")
    for game in (first, second):
        game.write_map("1", b"GBX")
    script = second.write_script("1", "0 press up\n")
    assert first.write_script("1", "0 press up\n") != script
    first.remove_files()
    assert [file.name for file in folders.scripts.iterdir()] == [script]
    assert (folders.maps / "1.Challenge.Gbx").is_file()
    second.remove_files()
    assert list(folders.scripts.iterdir()) == []
    assert not folders.maps.exists()


KILLED = """
import os, signal, sys
from tmxdb.game.folders import GameFiles, find_folders
game = GameFiles(find_folders(sys.argv[1]), "8478")
game.write_map("7", b"GBX")
game.write_script("7", "0 press up\\n")
os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
"""


def test_files_of_a_killed_process_are_removed_and_files_in_use_stay(folders: GameFolders, tmp_path: Path) -> None:
    before = files(tmp_path)
    subprocess.run([sys.executable, "-c", KILLED, str(folders.game)], env=Tool.environment(), timeout=300, check=False)
    assert len(files(tmp_path)) == len(before) + 3
    ours = GameFiles(folders, "8479")
    ours.write_map("8", b"GBX")
    remove_leftovers(folders)
    assert (folders.maps / "8.Challenge.Gbx").is_file()
    assert list(folders.scripts.iterdir()) == []
    ours.remove_files()
    assert files(tmp_path) == before
