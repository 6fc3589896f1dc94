"""Files per second of the commands that read many files with all cores, and the size of inputs in the database.

    python3 run.py bench files [FOLDER …] [--files 574] [--rounds 3]

The folders contain replays; without one, replays of the sandbox are read. They are copied until there are --files of
them. The baseline reads each file, all its facts and every input in one process, without a database. Each command runs
in its own process, and its start counts. `adopt` reads different files of the sandbox: it looks at the same bytes only
once.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sqlite3
import statistics
import sys
import tempfile
import time
import zlib
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from bench._command import tmxdb_command
from bench._table import print_rows
from bench.gbx import write_sandbox_replays
from tmxdb.db.database import Database
from tmxdb.db.migrate import upgrade
from tmxdb.db.packed_inputs import unpack_inputs
from tmxdb.errors import TmxdbError
from tmxdb.kinds.facts import GbxReader, input_events, parse_replay, replay_columns

MAX_DIFFERENT = 574
"""Files of the sandbox that are made. They are in memory here, which counts for the commands that are started."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="*", metavar="FOLDER")
    parser.add_argument("--files", type=int, default=574)
    parser.add_argument("--rounds", type=int, default=3)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        own, different = folder / "sandbox", min(wanted.files, MAX_DIFFERENT)
        own.mkdir()
        write_sandbox_replays(own, different)
        replays = readable(wanted.folders or [own])
        if not replays:
            sys.exit("No readable replays found in the folders.")
        bodies = [replays[i % len(replays)] for i in range(wanted.files)]
        files = fill(folder, bodies)
        speed, cpu = median([baseline(files) for _ in range(wanted.rounds)])
        rows: list[list[object]] = [["one process: all facts and every input", speed, cpu, 1.0, ""]]
        database = _database(folder)
        for what, arguments in {
            "tmxdb reread --all": (*database, "reread", "--all"),
            "tmxdb reread --all --no-inputs": (*database, "reread", "--all", "--no-inputs"),
            "tmxdb verify --hash": (*database, "verify", "--hash"),
            "tmxdb gbx show FOLDER --json": ("gbx", "show", str(folder / "data"), "--json"),
        }.items():
            ours, cpu, mb = median([command(wanted.files, *arguments) for _ in range(wanted.rounds)])
            rows.append([what, ours, cpu, ours / speed, mb])
        ours, cpu, mb = median(
            [
                command(different, *_database(folder / f"adopted-{n}"), "adopt", str(own), "--no-lookup")
                for n in range(wanted.rounds)
            ]
        )
        rows.append(["tmxdb adopt, files of the sandbox", ours, cpu, "", mb])
        mean_kb = sum(map(len, bodies)) / len(bodies) / 1000
        print_rows(
            f"{wanted.files:,} replays of {mean_kb:,.0f} KB, {os.cpu_count()} cores (median of {wanted.rounds})",
            ("what", "files/s", "CPU s per 1000", "files/s to baseline", "MB at most"),
            rows,
        )
        print_sizes(replays)


def _database(folder: Path) -> tuple[str, ...]:
    """Return the options for a database and a data folder in `folder`."""
    folder.mkdir(exist_ok=True)
    return "--db", str(folder / "tmx.db"), "--data", str(folder / "data")


def readable(folders: list[Path]) -> list[bytes]:
    """Return the replays below `folders` whose ghosts can be read; `gbx show` fails for the others."""
    found = []
    for path in sorted(path for folder in folders for path in folder.rglob("*.[Gg]bx")):
        try:
            _ = parse_replay(data := path.read_bytes(), path.name, GbxReader()).ghosts
        except TmxdbError:
            continue
        found.append(data)
    return found


def fill(folder: Path, bodies: list[bytes]) -> list[Path]:
    """Create a database with a row and a file for each of `bodies`, and return the files."""
    files = []
    database = Database(str(folder / "tmx.db"))
    upgrade(database)
    database.close()
    (folder / "data" / "replays" / "1").mkdir(parents=True)
    with closing(sqlite3.connect(folder / "tmx.db")) as raw, raw:
        raw.execute("insert into tracks (track_id, listed_top, status, finished_at) values (1, 10, 'done', 'x')")
        for replay_id, body in enumerate(bodies, 1):
            path = f"replays/1/{replay_id}.Replay.Gbx"
            files.append(folder / "data" / path)
            files[-1].write_bytes(body)
            raw.execute(
                "insert into replays (replay_id, track_id, file_path, file_bytes, sha256, status, finished_at)"
                " values (?, 1, ?, ?, ?, 'done', 'x')",
                (replay_id, path, len(body), hashlib.sha256(body).hexdigest()),
            )
    return files


def baseline(files: list[Path]) -> tuple[float, float]:
    """Return files per second and CPU seconds per 1000 files of a loop over `files`."""
    began_s, cpu_began_s = time.perf_counter(), time.process_time()
    for file in files:
        body = file.read_bytes()
        hashlib.sha256(body).hexdigest()
        replay = parse_replay(body, "", GbxReader())
        replay_columns(replay, None)
        input_events(replay)
    return len(files) / (time.perf_counter() - began_s), 1000 * (time.process_time() - cpu_began_s) / len(files)


def command(n: int, *arguments: str) -> tuple[float, float, float]:
    """Return the same for a command of tmxdb that reads `n` files, and its memory in MB."""
    measured = tmxdb_command(*arguments)
    return n / measured.seconds, 1000 * measured.cpu_s / n, measured.peak_mb


def median(rounds: Sequence[tuple[float, ...]]) -> list[float]:
    """Return the median of each column."""
    return [statistics.median(values) for values in zip(*rounds, strict=True)]


def print_sizes(replays: list[bytes]) -> None:
    """Print what the inputs of `replays` take in the database, and what they would take as text."""
    packed = [stored for body in replays if (stored := input_events(parse_replay(body, "", GbxReader()))) is not None]
    texts = [unpack_inputs(stored).encode() for stored in packed]
    forms = {"JSON": texts, "JSON, zlib": [zlib.compress(text) for text in texts], "in the database": packed}
    mean = statistics.mean(map(len, texts))
    rows = [
        [form, statistics.mean(sizes) / 1000, statistics.median(sizes) / 1000, statistics.mean(sizes) / mean]
        for form, stored in forms.items()
        if (sizes := [len(one) for one in stored])
    ]
    print_rows(f"Inputs of {len(texts)} replays", ("form", "KB a replay, mean", "KB, median", "mean to JSON"), rows)


if __name__ == "__main__":
    main()
