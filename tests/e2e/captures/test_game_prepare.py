"""`tmxdb game prepare`, and maps that stay in the game's folder while captures on them are open."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.captures.captures import World, tree
from tests.tool import Tool
from tmxdb.gbx import read_challenge


@pytest.fixture
def world(tool: Tool, sqlite_template: Path) -> World:
    (tool.folder / "tmx.db").write_bytes(sqlite_template.read_bytes())
    world = World(tool)
    world.fill(tracks=2, replays=1)
    return world


def maps(world: World) -> list[str]:
    return sorted(path.name for path in world.user.rglob("*.Challenge.Gbx"))


def prepare(world: World, *arguments: str, ends: int = 0) -> object:
    ran = world.tool("game", "prepare", "--json", "--trackmania-path", str(world.user), *arguments, ends=ends)
    return json.loads(ran.out)


def test_a_game_that_knows_only_earlier_maps_captures_prepared_ones_over_several_runs(world: World) -> None:
    before = tree(world.user)
    world.tool("add-captures")
    ran = world.tool("game", "prepare", "--trackmania-path", str(world.user))
    assert "2 maps" in ran.out
    assert "2 copied" in ran.out
    assert "0 copied" in world.tool("game", "prepare", "--trackmania-path", str(world.user)).out
    with world.games(sees_later_files=False) as games:
        first = world.tool(*world.work(games), "--limit", "1", "--no-progress")
        assert "copied to" not in first.err  # nothing that the game may not know
        assert len(maps(world)) == 1
        world.tool(*world.work(games), "--no-progress")
    assert [row["status"] for row in world.captures()] == ["done", "done"]
    assert tree(world.user) == before


def test_only_named_tracks_are_prepared_and_removed_by_the_next_run(world: World) -> None:
    report = prepare(world, "--track-id", "1")
    assert isinstance(report, dict)
    assert (report["maps"], report["copied"], report["without_map"]) == (1, 1, [])
    assert len(maps(world)) == 1
    with world.games() as games:
        world.tool("add-captures", "--track-id", "2")
        world.tool(*world.work(games), "--no-progress")
    assert maps(world) == []


def test_tracks_without_a_map_are_named(world: World) -> None:
    report = prepare(world, "--track-id", "1", "--track-id", "999", ends=3)
    assert isinstance(report, dict)
    assert report["without_map"] == [999]
    ran = world.tool("game", "prepare", "--track-id", "999", "--trackmania-path", str(world.user), ends=1)
    assert "tmxdb work --kind extract" in ran.err


def test_without_open_captures_nothing_is_copied_and_it_says_so(world: World) -> None:
    ran = world.tool("game", "prepare", "--trackmania-path", str(world.user))
    assert "No capture is waiting" in ran.err
    assert maps(world) == []


def test_maps_can_be_prepared_without_their_clips(world: World) -> None:
    from tests.sandbox.game.conftest import build_map

    uid = f"EndToEndMapNumber{1:010d}"
    (world.data / "tracks" / "1.Challenge.Gbx").write_bytes(build_map(uid=uid, name="Map 1", intro_ms=5000))
    report = prepare(world, "--track-id", "1", "--cut-intro")
    assert isinstance(report, dict)
    assert report["clips_removed"] == 1
    (copy,) = world.user.rglob("*.Challenge.Gbx")
    assert copy.name.endswith("-cut.Challenge.Gbx")
    assert read_challenge(copy).uid == uid
