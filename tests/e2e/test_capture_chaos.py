"""Forty replays on ten tracks with two games: as it should be, and with everything going wrong that can."""

from __future__ import annotations

import json
import os
import random
import signal
import stat
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from ..tool import Tool, until
from .captures import World, free_ports, tree

TRACKS, REPLAYS = 10, 4
FAULTS = (
    "no-start:20%:first=1",
    "intro:10%:first=1:s=2",
    "wrong-map:10%:first=1",
    "stale-steps:30%:first=2",
    "stale-clock:30%:first=2",
    "parked:20%:first=2",
    "desync:10%:first=1:ms=0",
    "rewind:20%:first=3:at=400",
    "end-dialog:10%:first=1",
    "freeze:20%:first=3:at=500:s=0.5",
    "plugin-gone:20%:first=2:at=300:s=0.5",
    "game-dead:15%:first=1:at=700",
    "script-error:10%:first=2:at=200",
    "second-client:10%:first=2:at=600:s=0.2",
    "checkpoint-order:30%:first=9",
    "lap-messages:30%:first=9",
    "late-frames:2%:n=2",
    "lost-frames:1%:times=20",
    "wrong-size:1%:times=3",
)


@pytest.fixture
def world(tool: Tool, sqlite_template: Path) -> World:
    (tool.folder / "tmx.db").write_bytes(sqlite_template.read_bytes())
    world = World(tool)
    world.fill(TRACKS, REPLAYS)
    tool("add-captures", "--fps", "20")
    (world.autosaves / "Ann_Map 1.Replay.gbx").write_bytes(b"the user's own run")
    (world.autosaves / "Bob_Map 2.Replay.gbx").write_bytes(b"another one's")
    return world


def test_forty_replays_on_ten_tracks_with_two_games(world: World) -> None:
    before = tree(world.user)
    with world.games(2) as games:
        world.tool(*world.work(games))
        maps = [[row["file"] for row in game.log() if row["event"] == "map"] for game in games]
    rows = world.captures()
    assert Counter(row["status"] for row in rows) == {"done": TRACKS * REPLAYS}
    for row in rows:
        world.check_folder(row)
    assert len(maps[0]) + len(maps[1]) == TRACKS  # each track was one game's, and loaded once
    assert min(len(loaded) for loaded in maps) > 0
    assert tree(world.user) == before
    assert not list(world.data.glob("*/.partial/*"))


@pytest.mark.slow
def test_with_every_fault_and_the_worker_killed_five_times_the_end_is_the_same(world: World) -> None:
    before = tree(world.user)
    port = free_ports(2)
    script = _launcher(world)
    work = ["work", "--kind", "capture", "--n", "2", "--base-tmi-port", str(port), "--trackmania-path",
            str(world.user), "--game-user", "Ann", "--launch-game", "--game-path", str(script),
            "--max-attempts", "12"]  # fmt: skip
    rng = random.Random(5)
    for kill in range(5):
        with world.tool.started(*work) as worker:
            wanted = 2 + 5 * kill
            until(lambda wanted=wanted, worker=worker: _done(world) >= wanted or worker.poll() is not None, seconds=120)
            time.sleep(rng.random())
            worker.send_signal(signal.SIGKILL)
            worker.wait()
    for _ in range(4):  # rows that a kill has left in backoff, or that a fault has failed for good
        world.tool("retry", "--kind", "capture")
        world.tool(*work, ends=None)
        if _done(world) == TRACKS * REPLAYS:
            break
    rows = world.captures()
    assert Counter(row["status"] for row in rows) == {"done": TRACKS * REPLAYS}
    whole = 0
    for row in rows:
        every = row["frames_missed"] == 0 and row["time_matches"] == 1
        world.check_folder(row, every=False)
        whole += every
    assert whole >= TRACKS * REPLAYS / 4
    assert len(_happened(world)) > len(FAULTS) / 2
    assert tree(world.user) == before
    assert not list(world.data.glob("*/.partial/*"))


def _done(world: World) -> int:
    done: int = world.tool.one("select count(*) from captures where status = 'done'")
    return done


def _happened(world: World) -> set[str]:
    """The faults that have struck, of both games."""
    found = set()
    for memory in world.tool.folder.glob("faults-*"):
        found |= {rule.split(" ", 1)[1] for rule, n in json.loads(memory.read_text())["happened"].items() if n}
    return found


def _launcher(world: World) -> Path:
    """Starts a game as the user's own script does, with all faults; games that are started again go on counting."""
    words = ["exec", sys.executable, "-m", "tmxdb.sandbox.game", "--user-folder", str(world.user),
             "--replay-folders", str(world.data / "replays"), "--port", '"$1"', "--user", "Ann",
             "--memory-file", f'{world.tool.folder}/faults-"$1"', "--faults", *FAULTS]  # fmt: skip
    script = world.tool.folder / "launch.sh"
    package = str(Path(__file__).resolve().parents[2])
    script.write_text(f"#!/bin/sh\nexport PYTHONPATH={package}\n{' '.join(words)}\n")
    os.chmod(script, os.stat(script).st_mode | stat.S_IXUSR)
    return script
