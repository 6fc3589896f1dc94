"""Captures with pictures of the screen: a game with a window on a desktop of its own (Xvfb)."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..game.frames.conftest import display, xvfb
from ..tool import Tool
from .captures import World, free_ports

__all__ = ["display", "xvfb"]
SCRIPT = Path(__file__).with_name("shown_game.py")


@pytest.fixture
def world(tool: Tool, sqlite_template: Path) -> World:
    (tool.folder / "tmx.db").write_bytes(sqlite_template.read_bytes())
    return World(tool)


@pytest.fixture(params=["--checkpoint-first", "--no-checkpoint-first"])
def port(world: World, display: str, request: pytest.FixtureRequest) -> Iterator[int]:
    """Of a game whose window has the size of the pictures: its machine-readable code can not be made smaller."""
    port = free_ports(1)
    words = ["Trackmania Modded Forever (2.12.0) [default]: TMInterface (2.2.1)", "128", "128"]
    words += ["--user-folder", str(world.user), "--replay-folders", str(world.data / "replays")]
    words += ["--port", str(port), "--sees-later-files", request.param]
    with subprocess.Popen(
        [sys.executable, str(SCRIPT), *words], env=Tool.environment(), stdout=subprocess.PIPE, text=True
    ) as game:
        assert game.stdout
        assert game.stdout.readline() == f"port {port}\n"
        yield port
        game.kill()


def test_frames_from_the_window_show_the_ticks_of_their_names(world: World, port: int) -> None:
    world.fill(tracks=2, replays=2)
    world.tool("add-captures", "--fps", 50, "--frame-source", "screen", "--width", 128, "--height", 128)
    ran = world.tool(
        *("work", "--kind", "capture", "--n", 1, "--base-tmi-port", port, "--game-user", "Ann"),
        *("--trackmania-path", world.user, "--no-progress"),
    )
    assert "4 done" in ran.err
    assert sum(world.check_folder(row) for row in world.captures()) == 2 * (61 + 64)
