"""Maps a second of `extract`, everything on, against a loop that only reads, unpacks, slices, hashes and writes.

python3 run.py bench extract [--maps 1500]
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sqlite3
import tempfile
import time
from pathlib import Path

import lzokay

from bench._table import in_own_process, print_rows
from tmxdb.cli import tmxdb
from tmxdb.sandbox import running_site


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--maps", type=int, default=1500)
    parser.add_argument("--rounds", type=int, default=3)
    wanted = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        running_site(tracks=wanted.maps, replays=1, plain=True, file_kb=29) as site,
    ):
        database = str(Path(folder, "tmx.db"))
        for arguments in (
            ["--site", site.url, "sync-tracks"],
            ["work", "--kind", "list", "--kind", "download", "--top", "1", "--n", "32"],
        ):
            tmxdb.main(["--db", database, *arguments, "--no-progress"], standalone_mode=False)
        floor, ours = [], []
        for _ in range(wanted.rounds):
            floor.append(_floor(Path(folder)))
            _reset(Path(folder))
            done = in_own_process("bench._clients", "tmxdb", site.url, folder, os.cpu_count() or 1, "-", "extract")
            ours.append((done["n"] / done["wall_s"], 1000 * done["cpu_s"] / done["n"]))
        (speed, cost), (a, b) = (
            [sorted(values)[wanted.rounds // 2] for values in zip(*runs, strict=True)] for runs in (floor, ours)
        )
        print_rows(
            f"{wanted.maps:,} maps out of replays of 29 KB (median of {wanted.rounds})",
            ("what", "maps/s", "CPU s per 1000", "CPU to the loop"),
            [["read, unpack, slice, hash, write", speed, cost, 1.0], ["tmxdb extract", a, b, b / cost]],
        )


def _floor(folder: Path) -> tuple[float, float]:
    out = folder / "floor"
    out.mkdir(exist_ok=True)
    files = sorted((folder / "data" / "replays").glob("*/*.Gbx"))
    wall, cpu = time.perf_counter(), time.process_time()
    for path in files:
        data = path.read_bytes()
        at = 17 + int.from_bytes(data[13:17], "little") + 8
        plain, packed = (int.from_bytes(data[at + i : at + i + 4], "little") for i in (0, 4))
        body = lzokay.decompress(data[at + 8 : at + 8 + packed], plain)
        map_bytes = body[8 : 8 + int.from_bytes(body[4:8], "little")]
        hashlib.sha256(map_bytes).hexdigest()
        (out / f"{path.parent.name}.Challenge.Gbx").write_bytes(map_bytes)
    return len(files) / (time.perf_counter() - wall), 1000 * (time.process_time() - cpu) / len(files)


def _reset(folder: Path) -> None:
    connection = sqlite3.connect(folder / "tmx.db")
    connection.execute("UPDATE maps SET status = 'pending', finished_at = NULL, file_path = NULL")
    connection.commit()
    connection.close()
    for path in (folder / "data" / "tracks").glob("*.Gbx"):
        path.unlink()


if __name__ == "__main__":
    main()
