"""Captures with workers that are killed and games with faults: run them to their end, and judge what is left.

`tests/e2e/captures/test_capture_chaos.py` is a short run, `bench/captures.py` one of the full size.
"""

from __future__ import annotations

import json
import os
import random
import stat
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.e2e.captures.captures import World, tree
from tests.ports import free_ports
from tests.tool import until

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
ROUNDS_AFTER = 4
"""Runs after the last kill, for rows that a kill left in backoff or that a fault failed."""


@dataclass(frozen=True)
class Chaos:
    """What to do. `options`: of the stand-in, such as `--plugin tmxdb_link`."""

    tracks: int
    replays: int
    kills: int
    games: int = 2
    faults: Sequence[str] = FAULTS
    options: Sequence[str] = ()
    seed: int = 5


@dataclass
class Judgement:
    """What was left. `attempts`: lost or failed ones by error code. `complaints`: empty if all is well."""

    captures: int
    done: int = 0
    without_loss: int = 0
    """Captures with every due frame and the time of the replay."""
    frames: int = 0
    attempts: Counter[str] = field(default_factory=Counter)
    happened: set[str] = field(default_factory=set)
    seconds: float = 0.0
    complaints: list[str] = field(default_factory=list)


def capture_with_kills(world: World, chaos: Chaos) -> Judgement:
    """Capture everything in `world` while workers are killed, and check each frame that was stored."""
    before, began_s = tree(world.user), time.monotonic()
    work = launching(world, chaos)
    total, rng = chaos.tracks * chaos.replays, random.Random(chaos.seed)
    for kill in range(chaos.kills):
        with world.tool.started(*work) as worker:
            wanted = min(total - 1, 2 + kill * total // (chaos.kills + 1))
            until(lambda wanted=wanted, worker=worker: _done(world) >= wanted or worker.poll() is not None, seconds=600)
            time.sleep(rng.random())
            worker.kill()
            worker.wait()
    for _ in range(ROUNDS_AFTER):
        world.tool("retry", "--kind", "capture", ends=None)
        world.tool(*work, ends=None)
        if _done(world) == total:
            break
    judgement = Judgement(total, seconds=time.monotonic() - began_s)
    _judge(world, judgement)
    judgement.happened = _happened(world)
    after = tree(world.user)
    if changed := sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name)):
        judgement.complaints.append(f"the game's folder is not as it was: {', '.join(changed)}")
    if running := games_left(world):
        judgement.complaints.append(f"{running} games still run")
    if partial := list(world.data.glob("*/.partial/*")):
        judgement.complaints.append(f"{len(partial)} temporary files are left")
    return judgement


def launching(world: World, chaos: Chaos) -> list[str]:
    """Return a command that starts games and captures with them."""
    port = free_ports(chaos.games)
    return ["work", "--kind", "capture", "--n", str(chaos.games), "--base-tmi-port", str(port), "--trackmania-path",
            str(world.user), "--game-user", "Ann", "--launch-game", "--game-path", str(_launcher(world, chaos)),
            "--max-attempts", "12"]  # fmt: skip


def _judge(world: World, judgement: Judgement) -> None:
    for row in world.captures():
        if row["status"] != "done":
            judgement.complaints.append(f"capture {row['capture_id']}: {row['status']} ({row['error']})")
            continue
        judgement.done += 1
        try:
            judgement.frames += world.check_folder(row, every=False)
        except AssertionError as error:
            judgement.complaints.append(f"capture {row['capture_id']}: {str(error)[:300]}")
        judgement.without_loss += row["frames_missed"] == 0 and row["time_matches"] == 1
    for attempt in world.tool.rows("select outcome, error_code from attempts where kind = 'capture'"):
        judgement.attempts[attempt["error_code"] if attempt["outcome"] != "lost" else "worker killed"] += 1


def _done(world: World) -> int:
    done: int = world.tool.one("select count(*) from captures where status = 'done'")
    return done


def games_left(world: World) -> int:
    """Return how many games of this world run."""
    left = 0
    for process in psutil.process_iter(["cmdline", "status"]):
        words, status = process.info["cmdline"] or [], process.info["status"]
        left += str(world.user) in words and "tmxdb_sandbox.game" in words and status != psutil.STATUS_ZOMBIE
    return left


def _happened(world: World) -> set[str]:
    """Return the faults that occurred in any game."""
    found = set()
    for memory in world.tool.folder.glob("faults-*"):
        found |= {rule.split(" ", 1)[1] for rule, n in json.loads(memory.read_text())["happened"].items() if n}
    return found


def _launcher(world: World, chaos: Chaos) -> Path:
    """Return a script that starts a game, as a user's own would. Restarted games keep counting their faults."""
    words = ["exec", sys.executable, "-m", "tmxdb_sandbox.game", "--user-folder", str(world.user),
             "--replay-folders", str(world.data / "replays"), "--port", '"$1"', "--user", "Ann", *chaos.options,
             "--memory-file", f'{world.tool.folder}/faults-"$1"', "--faults", *chaos.faults]  # fmt: skip
    script = world.tool.folder / "launch.sh"
    package = str(Path(__file__).resolve().parents[3])
    script.write_text(f"#!/bin/sh\nexport PYTHONPATH={package}\n{' '.join(words)}\n")
    os.chmod(script, os.stat(script).st_mode | stat.S_IXUSR)
    return script
