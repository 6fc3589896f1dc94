"""Every benchmark, one after the other: to see that each runs, and roughly what it says.

    python3 run.py bench all --quick

`--quick` takes small sizes, about five minutes in all; the ratios are noisier than those of a full run. Without it
each benchmark has its own sizes, which takes hours. Exit status 1 if one of them fails.
"""

from __future__ import annotations

import argparse
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
    ("export", "--replays", "2000"),
    ("loaders", "--runs", "2", "--frames", "100"),
    ("upkeep", "--replays", "5000"),
    ("capture", "--frames", "200", "--rounds", "1", "--minutes", "0.1"),
    ("scale", "--replays", "100000", "--minutes", "0.05"),
    ("scale", "--postgresql", "--replays", "100000", "--minutes", "0.05"),
    ("indexes", "--replays", "40000"),
    ("questions", "--replays", "100000"),
    ("serve", "--replays", "100000"),
    ("year", "--days", "5"),
    ("month", "--days", "2", "--engine", "sqlite"),
    ("crash", "--kills", "3"),
    ("captures", "--kills", "1", "--tracks", "2", "--replays", "2", "--plugins", "tmxdb_link"),
    ("faults", "--files", "50", "--seeds", "1"),
)
"""The benchmarks in the order in which they run, with the arguments of a small run."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small sizes")
    quick = parser.parse_args().quick
    rows = []
    for name, *small in QUICK:
        flags = [word for word in small if word == "--postgresql"]
        arguments = small if quick else flags
        print(f"\n== bench {' '.join([name, *arguments])}", flush=True)
        began_s = time.monotonic()
        status = subprocess.run([sys.executable, "-m", f"bench.{name}", *arguments], check=False).returncode
        end = "ended" if status == 0 else f"failed with status {status}"
        rows.append([" ".join([name, *flags]), time.monotonic() - began_s, end])
    print_rows("all benchmarks", ("benchmark", "seconds", ""), rows)
    sys.exit(any(row[2] != "ended" for row in rows))


if __name__ == "__main__":
    main()
