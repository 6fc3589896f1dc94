"""`tmxdb game check`: what it says of folders, plugins, windows and games that are there, are not, or are odd."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tmxdb.game.driver import Step
from tmxdb.game.plugin import SCRIPT

from ..tool import Tool
from .conformance import connected, next_step
from .games import PeerGame, free_port


@pytest.fixture
def game() -> Iterator[PeerGame]:
    game = PeerGame()
    yield game
    game.close()


@pytest.fixture
def ready(tool: Tool, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The documents of somebody who has all that is needed; named by the older variables."""
    documents = tool.folder / "Documents"
    (documents / "TmForever" / "Tracks").mkdir(parents=True)
    plugins = documents / "TMInterface" / "Plugins"
    plugins.mkdir(parents=True)
    (plugins / SCRIPT.name).write_bytes(SCRIPT.read_bytes())
    monkeypatch.setenv("TRACKMANIA_BASE_PATH", str(documents / "TmForever"))
    monkeypatch.setenv("DISPLAY", "")
    monkeypatch.setenv("HOME", str(tool.folder / "home"))
    return documents


def found(tool: Tool, *words: object, ends: int) -> dict[str, dict[str, Any]]:
    return {finding["what"]: finding for finding in tool("game", "check", *words, "--json", ends=ends).json}


def test_all_that_is_needed_is_there(tool: Tool, game: PeerGame, ready: Path) -> None:
    lines = tool("game", "check", "--base-tmi-port", game.port).out.splitlines()
    assert lines[-1].split() == ["port", str(game.port), "ok", "a", "game", "greets,", "in", "its", "menus"]
    findings = found(tool, "--base-tmi-port", game.port, ends=0)
    assert {name for name, finding in findings.items() if finding["ok"]} >= {
        "game folder",
        "TMInterface folder",
        "plugin",
        "Pillow",
        f"port {game.port}",
    }
    assert findings["game folder"]["found"] == str(ready / "TmForever")
    game.race()
    with connected(game) as driver:  # left in order
        assert isinstance(next_step(driver), Step)


@pytest.mark.usefixtures("ready")
def test_a_game_that_is_not_there_is_one_line_with_what_to_do(tool: Tool) -> None:
    port = free_port()
    finding = found(tool, "--base-tmi-port", port, ends=1)[f"port {port}"]
    assert finding["ok"] is False
    assert f"set custom_port {port}" in finding["mend"]


@pytest.mark.usefixtures("ready")
def test_somebody_else_on_the_port_is_told_from_a_game(tool: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tmxdb.game.check._SPEAKS_S", 0.2)
    monkeypatch.setattr("tmxdb.game.socket_driver.LINGER_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        finding = found(tool, "--base-tmi-port", port, ends=1)[f"port {port}"]
    assert "said nothing" in finding["found"]


def test_folders_that_are_missing_are_named_with_the_option_for_them(
    tool: Tool, game: PeerGame, ready: Path, tmp_path: Path
) -> None:
    words = ("--base-tmi-port", game.port)
    finding = found(tool, *words, "--trackmania-path", tmp_path, ends=1)["game folder"]
    assert "no folder Tracks" in finding["found"]
    finding = found(tool, *words, "--tminterface-path", tmp_path / "none", ends=1)["TMInterface folder"]
    assert "TMINTERFACE_PATH" in finding["mend"]


RIVAL = b'void Main() { RegisterVariable("custom_port", 0.0); }'


@pytest.mark.parametrize(
    ("there", "ok", "words"),
    [
        ({}, False, "none in"),
        ({"TmxdbLink.as": SCRIPT.read_bytes()}, True, "version 1"),
        ({"TmxdbLink.as": b"// TmxdbLink, version 0: old"}, None, "an older version"),
        ({"TmxdbLink.as": b"something"}, None, "not tmxdb's"),
        ({"Python_Link.as": RIVAL}, True, "speaks as ours does"),
        ({"TmxdbLink.as": SCRIPT.read_bytes(), "Python_Link.as": RIVAL}, None, "take the same port"),
    ],
)
def test_the_plugin_is_looked_for_where_the_game_loads_it(
    tool: Tool, game: PeerGame, ready: Path, there: dict[str, bytes], ok: bool | None, words: str
) -> None:
    plugins = ready / "TMInterface" / "Plugins"
    (plugins / SCRIPT.name).unlink()
    for name, data in there.items():
        (plugins / name).write_bytes(data)
    finding = found(tool, "--base-tmi-port", game.port, ends=1 if ok is False else 0)["plugin"]
    assert finding["ok"] is ok
    assert words in finding["found"]
    assert (finding["mend"] is None) is (ok is True)


@pytest.mark.skipif(os.name == "nt", reason="Windows starts games with TMLoader")
def test_a_launch_script_is_looked_at_if_there_is_one(
    tool: Tool, game: PeerGame, ready: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("--base-tmi-port", game.port)
    assert found(tool, *words, ends=0)["launching"]["ok"] is None
    script = ready / "launch.sh"
    monkeypatch.setenv("LINUX_LAUNCH_GAME_PATH", str(script))
    assert "no file" in found(tool, *words, ends=1)["launching"]["found"]
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    assert found(tool, *words, ends=0)["launching"]["found"] == f"{script} {game.port}"


@pytest.mark.skipif(os.name == "nt", reason="Windows has the shared memory")
@pytest.mark.usefixtures("ready")
def test_of_the_older_tminterface_neither_port_nor_plugin_is_looked_for(tool: Tool) -> None:
    findings = found(tool, "--driver", "tmi1", "--n", 2, ends=1)
    assert "Windows" in findings["TMInterface1"]["found"]
    assert "plugin" not in findings
    assert not any(name.startswith("port") for name in findings)


@pytest.mark.usefixtures("ready")
def test_lent_autosaves_are_told(tool: Tool, game: PeerGame, ready: Path) -> None:
    from tmxdb.game.autosaves import Autosaves

    autosaves = Autosaves(ready / "TmForever" / "Tracks" / "Replays" / "Autosaves")
    autosaves.put("me", "A01-Race", b"ours")
    assert "me_A01-Race" in found(tool, "--base-tmi-port", game.port, ends=0)["autosaves"]["found"]
    autosaves.give_back()
    assert "autosaves" not in found(tool, "--base-tmi-port", game.port, ends=0)


@pytest.mark.usefixtures("ready")
def test_what_is_installed_is_named_with_its_version(tool: Tool, game: PeerGame) -> None:
    import mss

    assert found(tool, "--base-tmi-port", game.port, ends=0)["mss"]["found"] == mss.__version__
