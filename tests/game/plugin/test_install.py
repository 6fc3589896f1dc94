"""`tmxdb game install-plugin`: what it writes, keeps and prints."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tool import Ran, Tool, tool
from tmxdb.game import plugin

__all__ = ["tool"]

SCRIPT = plugin.SCRIPT.read_bytes()
FOREIGN = b"// Python_Link, edited by its user\nvoid Main() {}\n"
CHANGED = SCRIPT + b"// mine\n"
OLDER = SCRIPT.replace(b"version 3:", b"version 0:", 1)
NEWER = SCRIPT.replace(b"version 3:", b"version 99:", 1)


@pytest.fixture
def folder(tool: Tool) -> Path:
    folder = tool.folder / "Plugins"
    folder.mkdir()
    return folder


def run(tool: Tool, folder: Path, *words: str, ends: int = 0) -> Ran:
    return tool("game", "install-plugin", "--folder", folder, *words, ends=ends)


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_it_writes_the_plugin_and_prints_what_to_do_next(tool: Tool, folder: Path) -> None:
    ran = run(tool, folder)
    assert files(folder) == {"TmxdbLink.as": SCRIPT}
    assert "written (before: nothing)" in ran.out
    assert "custom_port" in ran.err
    assert "tmxdb game check" in ran.err


def test_what_to_do_next_names_the_port_that_is_set(tool: Tool, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "`set custom_port 8478`" in run(tool, folder).err
    monkeypatch.setenv("BASE_TMI_PORT", "8500")
    assert "`set custom_port 8500`" in run(tool, folder).err
    said = run(tool, folder, "--base-tmi-port", "8600").err
    assert "8478" not in said
    assert "then run `tmxdb game check --base-tmi-port 8600`." in said


def test_a_second_run_changes_nothing(tool: Tool, folder: Path) -> None:
    run(tool, folder)
    before = (folder / "TmxdbLink.as").stat()
    assert "unchanged (before: this version)" in run(tool, folder).out
    after = (folder / "TmxdbLink.as").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_an_older_version_is_replaced_and_kept_under_a_name_that_the_game_does_not_load(
    tool: Tool, folder: Path
) -> None:
    (folder / "TmxdbLink.as").write_bytes(OLDER)
    assert "an older version" in run(tool, folder).out
    assert files(folder) == {"TmxdbLink.as": SCRIPT, "TmxdbLink.as.1.old": OLDER}


@pytest.mark.parametrize(("present", "word"), [(FOREIGN, "not tmxdb's"), (CHANGED, "edited"), (NEWER, "newer")])
def test_files_of_the_user_are_overwritten_only_with_force(tool: Tool, folder: Path, present: bytes, word: str) -> None:
    (folder / "TmxdbLink.as").write_bytes(present)
    assert word in run(tool, folder, ends=1).error
    assert files(folder) == {"TmxdbLink.as": present}
    run(tool, folder, "--force")
    assert files(folder) == {"TmxdbLink.as": SCRIPT, "TmxdbLink.as.1.old": present}


def test_a_copy_never_replaces_an_earlier_copy(tool: Tool, folder: Path) -> None:
    for present in (FOREIGN, CHANGED):
        (folder / "TmxdbLink.as").write_bytes(present)
        run(tool, folder, "--force")
    assert files(folder) == {"TmxdbLink.as": SCRIPT, "TmxdbLink.as.1.old": FOREIGN, "TmxdbLink.as.2.old": CHANGED}


@pytest.mark.parametrize("present", [None, FOREIGN, OLDER])
def test_a_dry_run_writes_nothing(tool: Tool, folder: Path, present: bytes | None) -> None:
    if present is not None:
        (folder / "TmxdbLink.as").write_bytes(present)
    before = files(folder)
    assert "would be written" in run(tool, folder, "--dry-run").out
    assert files(folder) == before


def test_a_plugin_with_the_same_port_causes_a_warning(tool: Tool, folder: Path) -> None:
    rival = folder / "Linesight" / "Python_Link.as"
    rival.parent.mkdir()
    rival.write_bytes(b'void Main() { RegisterVariable("custom_port", 0.0); }')
    (folder / "Other.as").write_bytes(b"void Main() {}")
    ran = run(tool, folder, "--json")
    assert ran.json["rivals"] == [str(rival)]
    assert ran.err.count("Warning") == 1
    assert str(rival) in ran.err


def test_json_output(tool: Tool, folder: Path) -> None:
    (folder / "TmxdbLink.as").write_bytes(OLDER)
    assert run(tool, folder, "--json").json == {
        "path": str(folder / "TmxdbLink.as"),
        "there": "older",
        "version": "0",
        "installed": True,
        "kept": str(folder / "TmxdbLink.as.1.old"),
        "rivals": [],
    }


def test_a_missing_folder_is_not_created(tool: Tool) -> None:
    missing = tool.folder / "nowhere"
    assert "Start the game with TMInterface once" in run(tool, missing, ends=1).error
    assert not missing.exists()


def test_the_folder_is_the_one_that_captures_use(tool: Tool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    (tmp_path / "Documents/TmForever/Tracks").mkdir(parents=True)
    assert str(tmp_path / "Documents/TMInterface/Plugins") in tool("game", "install-plugin", ends=1).error
    folder = tmp_path / "Documents/TMInterface/Plugins"
    folder.mkdir(parents=True)
    tool("game", "install-plugin")
    assert files(folder) == {"TmxdbLink.as": SCRIPT}


def test_the_folders_can_be_chosen(tool: Tool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "game/Tracks").mkdir(parents=True)
    folder = tmp_path / "elsewhere/Plugins"
    folder.mkdir(parents=True)
    monkeypatch.setenv("TRACKMANIA_BASE_PATH", str(tmp_path / "game"))
    tool("game", "install-plugin", "--tminterface-path", tmp_path / "elsewhere")
    assert files(folder) == {"TmxdbLink.as": SCRIPT}


def test_a_capability_can_be_left_out_and_put_back(tool: Tool, folder: Path) -> None:
    run(tool, folder)
    run(tool, folder, "--without", "map", "--without", "focus")
    assert files(folder) == {"TmxdbLink.as": plugin.script_text(["map", "focus"]).encode()}
    assert "unchanged" in run(tool, folder, "--without", "focus", "--without", "map").out
    run(tool, folder)
    assert files(folder) == {"TmxdbLink.as": SCRIPT}
