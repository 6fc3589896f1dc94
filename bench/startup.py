"""How long commands take on the database of `tmxdb demo`, against Python alone: wall time, and processor time alone.

    python3 run.py bench startup [--rounds 7]

On a machine that does other work, compare the processor time.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from statistics import median

from bench._table import print_rows

COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "import tmxdb.gbx": ["-c", "import tmxdb.gbx"],
}
WORDS = """
--version
--help
help status
query --help
run --help
work --help
sync-tracks --help
select --help
adopt --help
watch --help
retry --help
doctor --help
plot --help
export frames --help
status
status --json
status --format prometheus
errors
track 2233
top 2233
driver a
show track 2233
query values(1)
schema
schema tracks
select --list
config
changes
retry --dry-run
run --dry-run
retry
release --dry-run
release
skip --kind list --id 2233 --reason x --dry-run
refresh --dry-run
doctor --offline
verify
plot 1
contact-sheet 1
pause list
resume list
migrate
reread
"""
COMMANDS |= {f"tmxdb {words}": ["-m", "tmxdb", *words.split()] for words in WORDS.strip().splitlines()}
HELP_MS, COMMAND_MS = 120, 400
"""How long `--help` and every other command may take on an idle machine."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        # Compiled once, as an installed package is.
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": folder, "TMXDB_DB": os.path.join(folder, "demo", "tmx.db")}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        demo = [sys.executable, "-m", "tmxdb", "demo", "--folder", os.path.join(folder, "demo")]
        subprocess.run(demo, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in COMMANDS}
        for _ in range(rounds + 1):
            for name, arguments in COMMANDS.items():
                found[name].append(_measured([sys.executable, *arguments], environment))
    rows = []
    for name, times in found.items():
        wall_ms, cpu_ms = (1000 * median(values) for values in zip(*times[1:], strict=True))
        limit = HELP_MS if "help" in name or "version" in name else COMMAND_MS
        rows.append([name, wall_ms, cpu_ms, "" if cpu_ms <= limit else f"more than {limit} ms"])
    print_rows(f"start of a process (median of {rounds})", ("what", "ms", "processor ms", ""), rows)


def _measured(command: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Return the wall time and the processor time of a command. Its exit status does not matter."""
    before = os.times()
    began = time.perf_counter()
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    wall_s, after = time.perf_counter() - began, os.times()
    return wall_s, after.children_user + after.children_system - before.children_user - before.children_system


if __name__ == "__main__":
    main()
