"""Time and memory of `tmxdb export lake`: the whole, again without a change, and after a change of one replay in 1,000.

    python3 run.py bench lake [--replays 25000 100000] [--lines 20000]

Every replay has 100 input events. `--lines`: how many replays have a file, the same one for all, from which positions
are read. `MB written`: files that this export wrote, without those that were there. `MB command` and `MB process` are
the largest resident memory of the command and of any of its processes; they should not grow with the number of replays.
"""

from __future__ import annotations

import argparse
import json
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench._table import in_own_process, print_rows
from bench.export import fill


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replays", type=int, nargs="+", default=[25_000, 100_000])
    parser.add_argument("--lines", type=int, default=20_000, help="replays with a file")
    wanted = parser.parse_args()
    rows: list[list[Any]] = []
    for replays in wanted.replays:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            fill(root / "tmx.db", replays, 100)
            give_files(root, min(wanted.lines, replays))
            for what, change, options in (("all", False, []), ("nothing new", False, ["--since-last"]),
                                          ("1 in 1,000", True, ["--since-last"])):  # fmt: skip
                if change:
                    with sqlite3.connect(root / "tmx.db") as connection:
                        connection.execute("update replays set user_name = 'bob' where replay_id % 1000 = 0")
                ran = in_own_process("bench.lake", "measure", root, *options)
                rows.append([replays, what, *ran.values()])
    columns = ("replays", "export", "seconds", "MB written", "MB command", "MB process")
    print_rows("tmxdb export lake", columns, rows)


def give_files(root: Path, n: int) -> None:
    """Give the first `n` replays a file with 62 positions, and no file to the others."""
    from tests.gbx.made import a_replay

    (root / "data/replays").mkdir(parents=True)
    (root / "data/replays/one.Replay.Gbx").write_bytes(a_replay())
    with sqlite3.connect(root / "tmx.db") as connection:
        connection.execute("update replays set file_path = 'replays/one.Replay.Gbx' where replay_id <= ?", [n])
        connection.execute(
            "update replays set status = 'pending', file_path = null, file_bytes = null, sha256 = null,"
            " finished_at = null where replay_id > ?",
            [n],
        )


def measure(folder: str, *options: str) -> None:
    """Export, and print what it took as JSON."""
    root = Path(folder)
    before = set(lake_files(root))
    begin = time.perf_counter()
    command = [sys.executable, "-m", "bench.lake", "export", folder, *options]
    peak_mb = json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()[-1])
    seconds = time.perf_counter() - begin
    written = sum(size for *_, size in set(lake_files(root)) - before)
    print(json.dumps({"seconds": seconds, "mb": written / 1e6, **peak_mb}))


def lake_files(root: Path) -> Iterator[tuple[int, int, int]]:
    """Yield the inode, the time of the last change in ns, and the bytes of each file of the lake."""
    for path in (root / "lake").rglob("*"):
        if path.is_file():
            found = path.stat()
            yield found.st_ino, found.st_mtime_ns, found.st_size


def export(folder: str, *options: str) -> None:
    """Run the command as a user does, and print the largest memory of it and of its processes."""
    from tmxdb.cli.program import tmxdb as command

    root = Path(folder)
    arguments = ["--db", str(root / "tmx.db"), "export", "lake", str(root / "lake"), "--data", str(root / "data")]
    try:
        command.main([*arguments, "--no-progress", *options], standalone_mode=False)
    finally:
        kib = {who: resource.getrusage(number).ru_maxrss for who, number in
               (("command", resource.RUSAGE_SELF), ("process", resource.RUSAGE_CHILDREN))}  # fmt: skip
        print(json.dumps({who: peak * 1024 / 1e6 for who, peak in kib.items()}))


if __name__ == "__main__":
    if sys.argv[1:2] in (["measure"], ["export"]):
        {"measure": measure, "export": export}[sys.argv[1]](*sys.argv[2:])
    else:
        main()
