"""`tmxdb game install-plugin`: what it writes, what it leaves alone, what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tmxdb.game import plugin

from ...tool import Ran, Tool, tool

__all__ = ["tool"]

SCRIPT = plugin.SCRIPT.read_bytes()
FOREIGN = b"// Python_Link, somebody's own version of it\nvoid Main() {}\n"
CHANGED = SCRIPT + b"// mine\n"
OLDER = SCRIPT.replace(b"version 1:", b"version 0:", 1)
NEWER = SCRIPT.replace(b"version 1:", b"version 99:", 1)


@pytest.fixture
def folder(tool: Tool) -> Path:
    folder = tool.folder / "Plugins"
    folder.mkdir()
    return folder


def run(tool: Tool, folder: Path, *words: str, ends: int = 0) -> Ran:
    return tool("game", "install-plugin", "--folder", folder, *words, ends=ends)


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_it_is_written_and_said_what_to_do_next(tool: Tool, folder: Path) -> None:
    ran = run(tool, folder)
    assert files(folder) == {"TmxdbLink.as": SCRIPT}
    assert "written (there was nothing)" in ran.out
    assert "custom_port" in ran.err
    assert "tmxdb game check" in ran.err


def test_a_second_time_changes_nothing(tool: Tool, folder: Path) -> None:
    run(tool, folder)
    before = (folder / "TmxdbLink.as").stat()
    assert "left as it is (there was this version)" in run(tool, folder).out
    after = (folder / "TmxdbLink.as").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_an_older_one_is_replaced_and_kept_under_a_name_that_the_game_does_not_load(tool: Tool, folder: Path) -> None:
    (folder / "TmxdbLink.as").write_bytes(OLDER)
    assert "an older version" in run(tool, folder).out
    assert files(folder) == {"TmxdbLink.as": SCRIPT, "TmxdbLink.as.1.old": OLDER}


@pytest.mark.parametrize(("there", "word"), [(FOREIGN, "not tmxdb's"), (CHANGED, "changed"), (NEWER, "newer")])
def test_what_somebody_may_miss_is_overwritten_only_by_force(tool: Tool, folder: Path, there: bytes, word: str) -> None:
    (folder / "TmxdbLink.as").write_bytes(there)
    assert word in run(tool, folder, ends=1).error
    assert files(folder) == {"TmxdbLink.as": there}
    run(tool, folder, "--force")
    assert files(folder) == {"TmxdbLink.as": SCRIPT, "TmxdbLink.as.1.old": there}


def test_a_copy_never_replaces_an_earlier_copy(tool: Tool, folder: Path) -> None:
    for there in (FOREIGN, CHANGED):
        (folder / "TmxdbLink.as").write_bytes(there)
        run(tool, folder, "--force")
    assert files(folder) == {"TmxdbLink.as": SCRIPT, "TmxdbLink.as.1.old": FOREIGN, "TmxdbLink.as.2.old": CHANGED}


@pytest.mark.parametrize("there", [None, FOREIGN, OLDER])
def test_a_dry_run_only_says_what_would_be_done(tool: Tool, folder: Path, there: bytes | None) -> None:
    if there is not None:
        (folder / "TmxdbLink.as").write_bytes(there)
    before = files(folder)
    assert "would be written" in run(tool, folder, "--dry-run").out
    assert files(folder) == before


def test_another_plugin_for_the_same_port_is_warned_of(tool: Tool, folder: Path) -> None:
    rival = folder / "Linesight" / "Python_Link.as"
    rival.parent.mkdir()
    rival.write_bytes(b'void Main() { RegisterVariable("custom_port", 0.0); }')
    (folder / "Other.as").write_bytes(b"void Main() {}")
    ran = run(tool, folder, "--json")
    assert ran.json["rivals"] == [str(rival)]
    assert ran.err.count("Warning") == 1
    assert str(rival) in ran.err


def test_a_program_reads_what_was_done(tool: Tool, folder: Path) -> None:
    (folder / "TmxdbLink.as").write_bytes(OLDER)
    assert run(tool, folder, "--json").json == {
        "path": str(folder / "TmxdbLink.as"),
        "there": "older",
        "version": "0",
        "installed": True,
        "kept": str(folder / "TmxdbLink.as.1.old"),
        "rivals": [],
    }


def test_a_folder_that_is_not_there_is_not_made(tool: Tool) -> None:
    missing = tool.folder / "nowhere"
    assert "Start the game with TMInterface once" in run(tool, missing, ends=1).error
    assert not missing.exists()


def test_the_folder_is_the_one_that_captures_look_for_too(
    tool: Tool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    (tmp_path / "Documents/TmForever/Tracks").mkdir(parents=True)
    assert str(tmp_path / "Documents/TMInterface/Plugins") in tool("game", "install-plugin", ends=1).error
    folder = tmp_path / "Documents/TMInterface/Plugins"
    folder.mkdir(parents=True)
    tool("game", "install-plugin")
    assert files(folder) == {"TmxdbLink.as": SCRIPT}


def test_the_folders_can_be_named(tool: Tool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "game/Tracks").mkdir(parents=True)
    folder = tmp_path / "elsewhere/Plugins"
    folder.mkdir(parents=True)
    monkeypatch.setenv("TRACKMANIA_BASE_PATH", str(tmp_path / "game"))
    tool("game", "install-plugin", "--tminterface-path", tmp_path / "elsewhere")
    assert files(folder) == {"TmxdbLink.as": SCRIPT}
