"""Replays on several tracks with two games: without trouble, and with killed workers and faults of the stand-in."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.e2e.captures.captures import World, tree
from tests.e2e.captures.killed_captures import FAULTS, Chaos, capture_with_kills, games_left, launching
from tests.tool import Tool, lengthen_capture_waits, until
from tmxdb.capture.games.instance import GameInstance

TRACKS, REPLAYS = 8, 3


@pytest.fixture
def world(tool: Tool, sqlite_template: Path) -> World:
    (tool.folder / "tmx.db").write_bytes(sqlite_template.read_bytes())
    world = World(tool)
    (world.autosaves / "Ann_Map 1.Replay.gbx").write_bytes(b"the user's own run")
    (world.autosaves / "Bob_Map 2.Replay.gbx").write_bytes(b"another one's")
    return world


@pytest.mark.slow
def test_two_games_share_many_replays_and_tracks(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(GameInstance, "stale_s", 600.0)  # a busy machine must not make a game idle
    lengthen_capture_waits(monkeypatch)
    world.fill(TRACKS, REPLAYS)
    world.tool("add-captures", "--fps", "20")
    before = tree(world.user)
    with world.games(2) as games:
        world.tool(*world.work(games))
        maps = [[row["file"] for row in game.log() if row["event"] == "map"] for game in games]
    rows = world.captures()
    assert Counter(row["status"] for row in rows) == {"done": TRACKS * REPLAYS}
    for row in rows:
        world.check_folder(row)
    repeated = world.tool.rows("select item_id, outcome, error_code, error from attempts")
    assert repeated == []
    assert len(maps[0]) + len(maps[1]) == TRACKS  # each track was one game's, and loaded once
    assert min(len(loaded) for loaded in maps) > 0
    assert tree(world.user) == before
    assert not list(world.data.glob("*/.partial/*"))


@pytest.mark.slow
@pytest.mark.parametrize("plugin", ["python_link", "tmxdb_link"])
def test_with_every_fault_and_three_kills_every_replay_is_captured(world: World, plugin: str) -> None:
    """`bench/captures.py` does the same with forty replays and ten kills."""
    tracks, replays = 4, 2
    world.fill(tracks, replays)
    world.tool("add-captures", "--fps", "20")
    found = capture_with_kills(world, Chaos(tracks, replays, kills=3, options=("--plugin", plugin)))
    assert found.complaints == []
    assert found.done == tracks * replays
    assert len(found.happened) > len(FAULTS) / 4


@pytest.mark.slow
@pytest.mark.parametrize("order", ["--last-command-first", "--no-last-command-first"])
def test_without_faults_kills_cost_no_attempt_in_either_order_of_commands(world: World, order: str) -> None:
    tracks, replays = 2, 3
    world.fill(tracks, replays)
    world.tool("add-captures", "--fps", "20")
    found = capture_with_kills(world, Chaos(tracks, replays, kills=2, faults=(), options=(order,)))
    assert found.complaints == []
    assert set(found.attempts) <= {"worker killed"}
    assert found.without_loss == tracks * replays


def test_a_killed_worker_is_cleaned_up_after_also_if_no_capture_is_left(world: World) -> None:
    """The user's own replay stayed hidden, and the game went on running, until more captures were requested."""
    world.fill(1, 1)
    world.tool("add-captures", "--fps", "20")
    before = tree(world.user)
    work = launching(world, Chaos(1, 1, kills=1, games=1, faults=()))
    with world.tool.started(*work) as worker:
        until(lambda: list(world.autosaves.glob("*.tmxdb-lent")) and games_left(world))
        worker.kill()
        worker.wait()
    world.tool("release")
    world.tool("skip", "--kind", "capture", "--track-id", 1, "--reason", "enough")
    ran = world.tool(*work)
    assert "Nothing to do (capture: 1 skipped)." in ran.err
    assert f"Restored 1 file in {world.autosaves} that a killed worker had moved." in ran.err
    assert tree(world.user) == before
    assert games_left(world) == 0
