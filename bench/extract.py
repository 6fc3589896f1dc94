"""How many maps per second `tmxdb work --kind extract` writes, compared with the least that has to be done.

The baseline is a loop that reads and unpacks each replay, and hashes and writes its map, without a database. It syncs
nothing. The whole command, with its start, runs in one process and in one for each core.

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

from bench._command import tmxdb_command
from bench._table import in_own_process, print_rows
from tmxdb.cli.options.work import DEFAULT_N
from tmxdb.cli.program import tmxdb
from tmxdb_sandbox import running_site


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--maps", type=int, default=1500)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        running_site(tracks=options.maps, replays=1, plain=True, file_kb=29) as site,
    ):
        database = str(Path(folder, "tmx.db"))
        for arguments in (
            ["--site", site.url, "sync-tracks"],
            ["work", "--kind", "list", "--kind", "download", "--top", "1", "--n", "32"],
        ):
            tmxdb.main(["--db", database, *arguments, "--no-progress"], standalone_mode=False)
        runs: dict[str, list[tuple[float, float]]] = {}
        for _ in range(options.rounds):
            runs.setdefault("read, unpack, slice, hash, write", []).append(_baseline(Path(folder)))
            _reset(Path(folder))
            done = in_own_process("bench._clients", "tmxdb", site.url, folder, DEFAULT_N, "-", "extract")
            runs.setdefault("tmxdb extract", []).append((done["n"] / done["wall_s"], 1000 * done["cpu_s"] / done["n"]))
            for processes in sorted({1, os.cpu_count() or 1}):
                _reset(Path(folder))
                whole = tmxdb_command(
                    "--db", database, "work", "--kind", "extract", "--processes", str(processes), "--no-progress"
                )
                speed_and_cpu = options.maps / whole.seconds, 1000 * whole.cpu_s / options.maps
                runs.setdefault(f"tmxdb work --processes {processes}, with the start", []).append(speed_and_cpu)
        medians = {
            what: [sorted(values)[options.rounds // 2] for values in zip(*measured, strict=True)]
            for what, measured in runs.items()
        }
        baseline_cpu = next(iter(medians.values()))[1]
        print_rows(
            f"{options.maps:,} maps from replays of 29 KB (median of {options.rounds})",
            ("what", "maps/s", "CPU s per 1000", "CPU to baseline"),
            [[what, speed, cpu, cpu / baseline_cpu] for what, (speed, cpu) in medians.items()],
        )


def _baseline(folder: Path) -> tuple[float, float]:
    """Return maps per second and CPU seconds per 1000 maps of the baseline.

    Its files are new in each round, as those of tmxdb are: ext4 takes two to three times as long to write over one.
    """
    out = folder / f"baseline-{time.monotonic_ns()}"
    out.mkdir()
    files = sorted((folder / "data" / "replays").glob("*/*.Gbx"))
    began_s, cpu_began_s = time.perf_counter(), time.process_time()
    for path in files:
        data = path.read_bytes()
        start = 17 + int.from_bytes(data[13:17], "little") + 8
        size, packed_size = (int.from_bytes(data[start + i : start + i + 4], "little") for i in (0, 4))
        body = lzokay.decompress(data[start + 8 : start + 8 + packed_size], size)
        map_bytes = body[8 : 8 + int.from_bytes(body[4:8], "little")]
        hashlib.sha256(map_bytes).hexdigest()
        (out / f"{path.parent.name}.Challenge.Gbx").write_bytes(map_bytes)
    return len(files) / (time.perf_counter() - began_s), 1000 * (time.process_time() - cpu_began_s) / len(files)


def _reset(folder: Path) -> None:
    """Make all maps pending again, and move their files away.

    They are not deleted: ext4 does not use an inode again for some seconds, and looking for another one cost more CPU
    than all else after 1,500 deletions.
    """
    connection = sqlite3.connect(folder / "tmx.db")
    connection.execute("UPDATE maps SET status = 'pending', finished_at = NULL, file_path = NULL")
    connection.commit()
    connection.close()
    tracks = folder / "data" / "tracks"
    if tracks.exists():
        tracks.rename(folder / f"tracks-{time.monotonic_ns()}")


if __name__ == "__main__":
    main()
