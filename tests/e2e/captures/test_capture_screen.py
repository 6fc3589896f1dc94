"""Captures from the screen: a game with a window on a desktop of its own (Xvfb)."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.captures.captures import World
from tests.game.frames.conftest import display, xvfb
from tests.ports import free_ports
from tests.tool import Tool, lengthen_capture_waits

__all__ = ["display", "xvfb"]
SCRIPT = Path(__file__).with_name("shown_game.py")


@pytest.fixture
def world(tool: Tool, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    lengthen_capture_waits(monkeypatch)
    (tool.folder / "tmx.db").write_bytes(sqlite_template.read_bytes())
    return World(tool)


@pytest.fixture(params=["--checkpoint-first", "--no-checkpoint-first"])
def port(world: World, display: str, request: pytest.FixtureRequest) -> Iterator[int]:
    """Yield the port of a game whose window has the size of the frames, so that its code is not scaled."""
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


@pytest.mark.slow
def test_frames_from_the_window_show_the_ticks_in_their_names(world: World, port: int) -> None:
    world.fill(tracks=2, replays=2)
    world.tool("add-captures", "--fps", 50, "--frame-source", "screen", "--width", 128, "--height", 128)
    ran = world.tool(
        *("work", "--kind", "capture", "--n", 1, "--base-tmi-port", port, "--game-user", "Ann"),
        *("--trackmania-path", world.user, "--no-progress"),
    )
    assert "4 done" in ran.err
    assert sum(world.check_folder(row) for row in world.captures()) == 2 * (61 + 64)
    for row in world.captures():
        metadata = json.loads((world.data / row["folder_path"] / "metadata.json").read_bytes())
        assert metadata["tminterface_version"] == "2.2.1"  # from the title of the window


@pytest.mark.slow
def test_the_lag_of_pictures_from_the_window_is_measured(
    world: World, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The picture of a race that stands still is taken when the race goes on, before the next tick is drawn."""
    monkeypatch.setattr("tmxdb.capture.calibration.calibrate.BLOCKS", 2)
    world.fill(tracks=1, replays=1)
    ran = world.tool(
        *("game", "calibrate", "--replay-id", 100, "--base-tmi-port", port, "--trackmania-path", world.user),
        *("--frame-source", "screen", "--width", 128, "--height", 128, "--json"),
    )
    assert (ran.json["lag_ticks"], ran.json["problem"]) == (0, None)
    facts = ran.json["facts"]
    assert (facts["frame_source"], facts["tminterface_version"]) == ("screen", "2.2.1")
