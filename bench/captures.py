"""Capture forty replays on ten tracks with two games, while workers are killed and games have every fault.

    python3 run.py bench captures [--kills 10] [--tracks 10] [--replays 4]

For each plugin: once with all faults, and once without any, in both orders of console commands. Checked: every replay
is captured, every stored picture shows the tick of its label, the game's folder is as before, and without faults no
attempt is lost. `tests/e2e/captures/test_capture_chaos.py` is a short run of the same. Exit status 1: a check failed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import pytest

from bench._table import print_rows
from tests.e2e.captures.captures import World
from tests.e2e.captures.killed_captures import FAULTS, Chaos, Judgement, capture_with_kills
from tests.tool import Tool, isolate, shorten_waits
from tmxdb.db.database import Database
from tmxdb.db.migrate import upgrade

PLUGINS = ("python_link", "old_python_link", "tmxdb_link")
ORDERS = ("--last-command-first", "--no-last-command-first")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--tracks", type=int, default=10)
    parser.add_argument("--replays", type=int, default=4)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--plugins", nargs="*", choices=PLUGINS, default=PLUGINS)
    wanted = parser.parse_args()
    rows, complaints = [], []
    for plugin in wanted.plugins:
        for faults, order in ((FAULTS, ORDERS[0]), *(((), order) for order in ORDERS)):
            chaos = Chaos(
                wanted.tracks,
                wanted.replays,
                wanted.kills,
                faults=faults,
                options=("--plugin", plugin, order),
                seed=wanted.seed,
            )
            found = _run(chaos)
            name = f"{plugin}, {'all faults' if faults else 'no faults'}, {order.strip('-')}"
            complaints += [f"{name}: {complaint}" for complaint in found.complaints]
            lost = sum(count for code, count in found.attempts.items() if code != "worker killed")
            if not faults and lost:
                complaints.append(f"{name}: lost attempts without a fault: {dict(found.attempts)}")
            rows.append(
                [name, found.done, found.without_loss, found.frames, lost, len(found.happened), round(found.seconds)]
            )
    print_rows(
        f"{wanted.tracks * wanted.replays} replays on {wanted.tracks} tracks, 2 games, {wanted.kills} kills",
        ("what", "done", "without loss", "frames", "attempts lost", "faults", "s"),
        rows,
    )
    print("\n".join(complaints) or "\nEvery replay captured, every label exact.")
    sys.exit(1 if complaints else 0)


def _run(chaos: Chaos) -> Judgement:
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        folder = Path(name) / "here"
        folder.mkdir()
        isolate(patch, folder)
        shorten_waits(patch)
        database = Database(str(folder / "tmx.db"))
        upgrade(database)
        database.close()
        world = World(Tool(folder, patch))
        world.fill(chaos.tracks, chaos.replays)
        world.tool("add-captures", "--fps", "20")
        return capture_with_kills(world, chaos)


if __name__ == "__main__":
    main()
