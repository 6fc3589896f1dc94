"""How long commands take on the database of `tmxdb demo --capture`, against Python alone: wall and processor time.

    python3 run.py bench startup [--rounds 7]

On a machine that does other work, compare the processor time. TRACK, REPLAY and DRIVER are those of a capture. Exit
status 1: a command did not end with the expected status.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
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
track TRACK
top TRACK
driver DRIVER
show track TRACK
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
skip --kind list --id TRACK --reason x --dry-run
refresh --dry-run
doctor --offline
verify
plot REPLAY --force
contact-sheet REPLAY --force
pause list
resume list
migrate
reread
"""
COMMANDS |= {f"tmxdb {words}": ["-m", "tmxdb", *words.split()] for words in WORDS.strip().splitlines()}
STATUS = {"tmxdb doctor --offline": 3}
"""Exit statuses other than 0. `doctor` misses a plugin in the folder of the demo's game."""
HELP_MS, PICTURE_MS, COMMAND_MS = 120, 1500, 400
"""How long `--help`, a command that draws a picture and every other command may take on an idle machine."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # Compiled once, as an installed package is.
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": name, "TMXDB_DB": str(folder / "demo" / "tmx.db")}
        environment["TRACKMANIA_BASE_PATH"] = str(folder / "demo" / "game" / "TmForever")
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        measured(["-m", "tmxdb", "demo", "--capture", "--folder", "demo"], environment, folder)
        ids = captured(folder / "demo" / "tmx.db")
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in COMMANDS}
        for _ in range(rounds + 1):
            for name, arguments in COMMANDS.items():
                words = [ids.get(word, word) for word in arguments]
                found[name].append(measured(words, environment, folder, STATUS.get(name, 0)))
    rows = []
    for name, times in found.items():
        wall_ms, cpu_ms = (1000 * median(values) for values in zip(*times[1:], strict=True))
        limit = HELP_MS if "help" in name or "version" in name else PICTURE_MS if "REPLAY" in name else COMMAND_MS
        rows.append([name, wall_ms, cpu_ms, "" if cpu_ms <= limit else f"more than {limit} ms"])
    print_rows(f"start of a process (median of {rounds})", ("what", "ms", "processor ms", ""), rows)


def captured(database: Path) -> dict[str, str]:
    """Return the ids that stand for TRACK, REPLAY and DRIVER."""
    query = """
    SELECT track_id, replay_id, user_name FROM captures JOIN replays USING (replay_id, track_id)
    WHERE captures.status = 'done' AND user_name IS NOT NULL ORDER BY replay_id LIMIT 1
    """
    with closing(sqlite3.connect(database)) as connection:
        row = connection.execute(query).fetchone()
    return dict(zip(("TRACK", "REPLAY", "DRIVER"), map(str, row), strict=True))


def measured(arguments: list[str], environment: dict[str, str], folder: Path, status: int = 0) -> tuple[float, float]:
    """Return the wall time and the processor time of `python arguments…`.

    Exit with its messages if it does not end with `status`.
    """
    command = [sys.executable, *arguments]
    before = os.times()
    began = time.perf_counter()
    done = subprocess.run(command, env=environment, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    if done.returncode != status:
        said = done.stderr.decode("utf-8", "replace")
        sys.exit(f"`python {' '.join(arguments)}` ended with status {done.returncode}: {said}")
    wall_s, after = time.perf_counter() - began, os.times()
    return wall_s, after.children_user + after.children_system - before.children_user - before.children_system


if __name__ == "__main__":
    main()
