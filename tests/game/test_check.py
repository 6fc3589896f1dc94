"""`tmxdb game check`: what it says of games that are there, are not, or are something else."""

from __future__ import annotations

import socket
from collections.abc import Iterator

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


def found(tool: Tool, *words: object, ends: int) -> dict[str, dict[str, object]]:
    return {finding["what"]: finding for finding in tool("game", "check", *words, "--json", ends=ends).json}


def test_a_game_that_greets_is_found_and_left_in_order(tool: Tool, game: PeerGame) -> None:
    line = tool("game", "check", "--base-tmi-port", game.port).out.splitlines()[-1]
    assert line.split() == ["port", str(game.port), "ok", "a", "game", "greets,", "in", "its", "menus"]
    game.race()
    with connected(game) as driver:
        assert isinstance(next_step(driver), Step)


def test_a_game_that_is_not_there_is_one_line_with_what_to_do(tool: Tool) -> None:
    port = free_port()
    finding = found(tool, "--base-tmi-port", port, ends=1)[f"port {port}"]
    assert finding["ok"] is False
    assert f"set custom_port {port}" in str(finding["mend"])


def test_somebody_else_on_the_port_is_told_from_a_game(tool: Tool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        finding = found(tool, "--base-tmi-port", port, ends=1)[f"port {port}"]
    assert "said nothing" in str(finding["found"])


def test_what_is_installed_is_named_with_its_version(tool: Tool) -> None:
    import mss

    assert found(tool, "--base-tmi-port", free_port(), ends=1)["mss"]["found"] == mss.__version__


RIVAL = b'void Main() { RegisterVariable("custom_port", 0.0); }'


@pytest.mark.parametrize(
    ("there", "ok", "words"),
    [
        ({}, None, "none in"),
        ({"TmxdbLink.as": SCRIPT.read_bytes()}, True, "version 1"),
        ({"TmxdbLink.as": b"// TmxdbLink, version 0: old"}, None, "an older version"),
        ({"TmxdbLink.as": b"something"}, None, "not tmxdb's"),
        ({"Python_Link.as": RIVAL}, True, "speaks as ours does"),
        ({"TmxdbLink.as": SCRIPT.read_bytes(), "Python_Link.as": RIVAL}, None, "take the same port"),
    ],
)
def test_the_plugin_is_looked_for_where_the_game_loads_it(
    tool: Tool, there: dict[str, bytes], ok: bool | None, words: str
) -> None:
    for folder in ("Documents/TmForever/Tracks", "Documents/TMInterface/Plugins"):
        (tool.folder / folder).mkdir(parents=True)
    for name, data in there.items():
        (tool.folder / "Documents/TMInterface/Plugins" / name).write_bytes(data)
    where = ("--trackmania-path", tool.folder / "Documents/TmForever", "--base-tmi-port", free_port())
    findings = found(tool, *where, ends=1)
    assert findings["folders"]["ok"] is True
    assert findings["plugin"]["ok"] is ok
    assert words in str(findings["plugin"]["found"])
    assert (findings["plugin"]["mend"] is None) is (ok is True)


def test_folders_that_are_not_found_are_one_line_with_what_to_do(tool: Tool) -> None:
    finding = found(tool, "--trackmania-path", tool.folder, "--base-tmi-port", free_port(), ends=1)["folders"]
    assert finding["ok"] is None
    assert "Tracks" in str(finding["found"])
