"""Captures of a game that cannot send as many pictures as frames are due."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.captures.captures import World
from tests.tool import Tool


@pytest.fixture
def world(tool: Tool, sqlite_template: Path) -> World:
    """Return two replays to capture with 100 frames a second."""
    (tool.folder / "tmx.db").write_bytes(sqlite_template.read_bytes())
    world = World(tool)
    world.fill(tracks=1, replays=2)
    tool("add-captures", "--fps", 100)
    return world


def metadata(world: World, row: dict[str, Any]) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((world.data / row["folder_path"] / "metadata.json").read_bytes())
    return document


def test_missed_frames_are_reported_with_a_speed_that_avoids_them(world: World) -> None:
    with world.games(pictures_per_s=60) as games:
        ran = world.tool(*world.work(games), "--no-progress")
    rows = world.captures()
    assert [row["status"] for row in rows] == ["done", "done"]
    missed = sum(row["frames_missed"] for row in rows)
    due = missed + sum(row["frame_count"] for row in rows)
    assert due == 121 + 126
    assert missed > 50
    assert f"{missed} of {due} due frames were missed in 2 captures." in ran.err
    assert "cannot send 100 pictures per second" in ran.err
    assert "--running-speed 0." in ran.err
    assert "--adapt-speed" in ran.err
    assert metadata(world, rows[0])["frames_missed"] == rows[0]["frames_missed"]
    assert f"{missed} of {due} due frames were missed in 2 captures" in world.tool("status").out
    incomplete = world.tool("status", "--json").json["incomplete_captures"]
    assert incomplete == {"captures": 2, "frames_missed": missed, "frames_stored": due - missed}


def test_no_frame_is_missed_at_the_speed_that_is_proposed(world: World) -> None:
    with world.games(pictures_per_s=25) as games:
        ran = world.tool(*world.work(games), "--no-progress")
        found = re.search(r"--running-speed ([0-9.]+)", ran.err)
        assert found, ran.err
        world.tool("add-captures", "--fps", 100, "--running-speed", found[1])
        world.tool(*world.work(games), "--no-progress")
    rows = world.captures()
    assert min(row["frames_missed"] for row in rows[:2]) > 80
    assert [row["frames_missed"] for row in rows[2:]] == [0, 0]


def test_an_adapted_speed_misses_no_frame_and_is_kept_for_the_next_capture(world: World) -> None:
    with world.games(pictures_per_s=60) as games:
        ran = world.tool(*world.work(games), "--adapt-speed", "--no-progress")
    first, second = world.captures()
    for row in (first, second):
        world.check_folder(row)
    facts = [metadata(world, row) for row in (first, second)]
    assert facts[1]["speed"] <= facts[0]["speed"] <= 0.6
    assert facts[0]["settings"]["running_speed"] == 1
    assert facts[0]["restarts"] > 0
    assert ran.err.count("due frames were missed at speed 1; driving again at speed") == 1
    assert "were missed in" not in ran.err
    assert "missed" not in world.tool("status").out


def test_a_game_that_keeps_up_is_not_slowed_down(world: World) -> None:
    with world.games() as games:
        ran = world.tool(*world.work(games), "--adapt-speed", "--no-progress")
    assert [metadata(world, row)["speed"] for row in world.captures()] == [1, 1]
    assert "missed" not in ran.err
