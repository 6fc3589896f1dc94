"""`tmxdb game check`: what it says of games that are there, are not, or are something else."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from tmxdb.game.driver import Step

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
