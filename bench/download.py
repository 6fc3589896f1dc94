"""Files per second and CPU of `download` with all its checks, compared with clients that only write the files.

    python3 run.py bench download [--files 4000] [--n 64]

The sandbox serves files of 29 KB on loopback, without delay and with a latency of 50 ms. It runs in its own process and
needs processor time, too. The whole command, with its start, runs in one process and in one for each core.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

from bench._command import tmxdb_command
from bench._table import in_own_process, print_rows
from tmxdb.cli.program import tmxdb
from tmxdb_sandbox import running_site


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=4000)
    parser.add_argument("--n", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    wanted = parser.parse_args()
    replays = 20
    with (
        tempfile.TemporaryDirectory() as folder,
        running_site(tracks=-(-wanted.files // replays), replays=replays, plain=True, file_kb=29) as site,
    ):
        base = Path(folder)
        listed = base / "listed"
        listed.mkdir()
        for arguments in (["--site", site.url, "sync-tracks"], ["work", "--kind", "list", "--top", "1000"]):
            tmxdb.main(["--db", str(listed / "tmx.db"), *arguments, "--no-progress"], standalone_mode=False)
        ids = _write_ids(listed)
        for latency_ms in (0, 50):
            site.set_latency(latency_ms)
            rows = _measure(site.url, base / str(latency_ms), listed, ids, wanted.n, wanted.rounds)
            title = f"{wanted.files:,} files of 29 KB, {wanted.n} in flight, {latency_ms} ms latency"
            print_rows(title, ("client", "files/s", "CPU s per 1000", "files/s to pycurl", "CPU to pycurl"), rows)


def _measure(url: str, folder: Path, listed: Path, ids: Path, n: int, rounds: int) -> list[list[object]]:
    results: dict[str, list[tuple[float, float]]] = {}
    for round_ in range(rounds):
        for client in ("pycurl", "urllib3", "requests", "tmxdb"):
            place = folder / f"{client}-{round_}"
            place.mkdir(parents=True)
            if client == "tmxdb":
                (place / "tmx.db").write_bytes((listed / "tmx.db").read_bytes())
            done = in_own_process("bench._clients", client, url, place, n, ids)
            results.setdefault(client, []).append((done["n"] / done["wall_s"], 1000 * done["cpu_s"] / done["n"]))
        for processes in sorted({1, os.cpu_count() or 1}):
            place = folder / f"processes-{processes}-{round_}"
            place.mkdir()
            (place / "tmx.db").write_bytes((listed / "tmx.db").read_bytes())
            options = ("--kind", "download", "--n", str(n), "--processes", str(processes), "--no-progress")
            whole, files = tmxdb_command("--db", str(place / "tmx.db"), "work", *options), len(ids.read_text().split())
            speed_and_cpu = files / whole.seconds, 1000 * whole.cpu_s / files
            results.setdefault(f"tmxdb work --processes {processes}, with the start", []).append(speed_and_cpu)
    medians = {
        name: [sorted(values)[rounds // 2] for values in zip(*runs, strict=True)] for name, runs in results.items()
    }
    speed, cost = medians["pycurl"]
    return [[name, a, b, a / speed, b / cost] for name, (a, b) in medians.items()]


def _write_ids(listed: Path) -> Path:
    import sqlite3

    connection = sqlite3.connect(listed / "tmx.db")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    rows = connection.execute("SELECT replay_id FROM replays ORDER BY priority, replay_id").fetchall()
    connection.close()
    path = listed / "ids.txt"
    path.write_text("\n".join(str(row[0]) for row in rows))
    return path


if __name__ == "__main__":
    main()
