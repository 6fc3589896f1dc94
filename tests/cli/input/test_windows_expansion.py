"""Words with `*`, `~` and `$`: a shell on Windows passes them on as they were typed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.gbx.made import a_replay
from tests.tool import Tool
from tmxdb.cli.framework import windows_expansion


@pytest.fixture
def _windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows_expansion, "_SHELL_EXPANDS", False)


def replays(folder: Path, *names: str) -> None:
    folder.mkdir(exist_ok=True)
    for i, name in enumerate(names):
        (folder / name).write_bytes(a_replay(race_time_ms=6_110 + i))


@pytest.mark.usefixtures("_windows")
def test_a_pattern_stands_for_its_files(tool: Tool) -> None:
    replays(tool.folder / "a", "2.Replay.Gbx", "1.Replay.Gbx", "note.txt")
    replays(tool.folder / "a" / "b", "[3].Replay.Gbx")

    def shown(*words: str) -> list[str]:
        return [
            line.split('"')[3].replace("\\\\", "/") for line in tool("gbx", "show", "--json", *words).out.splitlines()
        ]

    assert shown("a/*.Gbx") == ["a/1.Replay.Gbx", "a/2.Replay.Gbx"]
    assert shown("a/**/*.Gbx") == ["a/1.Replay.Gbx", "a/2.Replay.Gbx", "a/b/[3].Replay.Gbx"]
    assert shown("a/b/[3].Replay.Gbx", "a/1.Replay.Gbx") == ["a/b/[3].Replay.Gbx", "a/1.Replay.Gbx"]
    tool("gbx", "line", "a/*.Gbx", "-o", "lines")
    assert {path.name for path in (tool.folder / "lines").glob("*.csv")} == {"1.line.csv", "2.line.csv"}
    assert tool("gbx", "show", "*.nothing", ends=3).err.startswith("Error: *.nothing: ")


@pytest.mark.usefixtures("_windows")
def test_a_path_may_begin_in_the_home_folder(tool: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tool.folder / "home"))
    (tool.folder / "home").mkdir()
    tool("migrate", "--db", "~/mine.db")
    assert (tool.folder / "home" / "mine.db").is_file()
    assert "~b" in tool("migrate", "--db", "~b/x.db", ends=1).err


def test_other_words_stay_as_they_were_typed(done: Tool) -> None:
    """Click expands all words on Windows, unless it is told not to."""
    assert (done.folder / "tmx.db").exists()
    for word in ("tmx.*", "$PATH", "%PATH%"):
        assert word in done("top", word, ends=1).error
