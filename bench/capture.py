"""Frames per second and CPU time of `capture`, against a floor that only receives, converts, encodes and writes.

    python3 run.py bench capture [--frames 2000] [--rounds 3] [--minutes 10]

`durable` is the floor with each file synced, which a capture must do before its folder gets its name.

The game costs almost nothing and runs in its own process (bench/_feeder.py): 100 frames per second of race time, as
fast as they are accepted. The numbers of tmxdb include its start-up. `held`: how long the game stands still in a step
that requests a picture and the car's state, and in a picture, including its transfer. `at 100 Hz`: the same for a game
that renders 100 ticks per second of wall time, as a real one does. Ends with a race of --minutes to measure the memory.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench._captures import prepare
from bench._table import in_own_process, print_rows

SIZES = ((64, 64), (256, 256), (640, 480))
PACED_MS = 3000
"""Race time of the race at 100 ticks per second of wall time."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=10)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for games in (1, 2):
            rows = [row for size in SIZES for row in _measure(Path(folder), size, games, wanted)]
            print_rows(
                f"{wanted.frames:,} frames each, {games} game(s), median of {wanted.rounds}",
                ("size", "who", "frames/s", "CPU ms a frame", "time to floor", "CPU to floor", "to durable", "CPU",
                 "held: step ms", "p99", "picture ms", "at 100 Hz: step ms", "p99"),
                rows,
            )  # fmt: skip
        if wanted.minutes:
            done, _ = _tmxdb(Path(folder) / "long", (64, 64), 1, round(wanted.minutes * 60_000))
            print_rows(
                f"A race of {wanted.minutes:g} minutes at 100 frames a second, 64x64",
                ("frames", "frames/s", "MB after a quarter", "most MB behind it"),
                [[done["n"], done["n"] / done["wall_s"], done["rss_quarter_mb"], done["rss_most_mb"]]],
            )


def _measure(folder: Path, size: tuple[int, int], games: int, wanted: Any) -> list[list[Any]]:
    runs: dict[str, list[tuple[float, ...]]] = {"floor": [], "durable": [], "tmxdb": []}
    for round_ in range(wanted.rounds):
        place = folder / f"{size[0]}-{games}-{round_}"
        place.mkdir()
        for who in ("floor", "durable"):
            runs[who].append(_costs(_floor(who, place / who, size, games, wanted.frames)))
        done, held = _tmxdb(place / "tmxdb", size, games, wanted.frames * 10 - 10)
        _, paced = _tmxdb(place / "paced", size, games, PACED_MS, "100")
        runs["tmxdb"].append((*_costs(done), held["step_ms"], held["step_p99_ms"], held["frame_ms"],
                              paced["step_ms"], paced["step_p99_ms"]))  # fmt: skip
    floor, durable, ours = (
        [sorted(values)[len(values) // 2] for values in zip(*times, strict=True)] for times in runs.values()
    )
    name = f"{size[0]}x{size[1]}"
    return [
        [name, "floor", *floor, 1, 1, *[""] * 7],
        [name, "durable", *durable, floor[0] / durable[0], durable[1] / floor[1], 1, 1, *[""] * 5],
        [
            name,
            "tmxdb",
            *ours[:2],
            floor[0] / ours[0],
            ours[1] / floor[1],
            durable[0] / ours[0],
            ours[1] / durable[1],
            *ours[2:],
        ],
    ]


def _costs(done: dict[str, Any]) -> tuple[float, float]:
    return done["n"] / done["wall_s"], 1000 * done["cpu_s"] / done["n"]


def _floor(who: str, folder: Path, size: tuple[int, int], games: int, frames: int) -> dict[str, Any]:
    with _feeders(size, games, "raw") as feeders:
        return in_own_process("bench._captures", who, folder, *size, frames, *[port for _, port in feeders])


def _tmxdb(
    folder: Path, size: tuple[int, int], games: int, race_ms: int, rate: str = "0"
) -> tuple[dict[str, Any], dict[str, Any]]:
    prepare(folder, *size, race_ms, games)
    with _feeders(size, games, str(race_ms), rate) as feeders:
        done = in_own_process("bench._captures", "tmxdb", folder, *size, race_ms, *[port for _, port in feeders])
        held = [json.loads(process.communicate(timeout=30)[0].splitlines()[-1]) for process, _ in feeders]
    return done, {name: sum(one[name] for one in held) / len(held) for name in held[0]}


@contextmanager
def _feeders(
    size: tuple[int, int], games: int, what: str, rate: str = "0"
) -> Iterator[list[tuple[subprocess.Popen[str], int]]]:
    """Start games on consecutive ports, below the range that the system assigns."""
    for first in range(18_478, 30_000, 10):
        started: list[tuple[subprocess.Popen[str], int]] = []
        try:
            for port in range(first, first + games):
                process = subprocess.Popen(
                    [sys.executable, "-m", "bench._feeder", *map(str, size), what, str(port), rate],
                    stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                )  # fmt: skip
                started.append((process, port))
            if all(process.stdout and process.stdout.readline() for process, _ in started):
                yield started
                return
        finally:
            for process, _ in started:
                process.kill()
                process.wait()


if __name__ == "__main__":
    main()
