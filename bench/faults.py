"""Download 1,000 files from a site that answers 38 % of all requests wrongly, with five seeds, and count lost files.

    python3 run.py bench faults
    python3 run.py bench faults --files 200 --seeds 1

The rates are five times those of an unreliable site, spread over eight causes: a row is given up after five errors of
one cause in a row. Random bytes and the file of another replay are among them, the same ones each time. Backoffs are
shortened to at most 0.2 s. Exit status 1: a file is missing or wrong.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from sqlalchemy import text

from bench._table import print_rows
from tests.tool import Tool
from tmxdb.db.database import Database
from tmxdb_sandbox import RunningSite, running_site

FAULTS = ("503:6%", "cut:6%", "reset:6%", "html:6%", "drop:6%", "empty:6%", "not-gbx:6%", "wrong-file:6%")
REPLAYS = 10
SYNCS = 20
"""How often `sync-tracks` is started at most."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--n", type=int, default=16)
    options = parser.parse_args()
    rows, found = [], []
    for seed in range(1, options.seeds + 1):
        with (
            tempfile.TemporaryDirectory() as name,
            running_site(tracks=options.files // REPLAYS, replays=REPLAYS, plain=True, seed=seed) as site,
        ):
            began = time.monotonic()
            site.set_faults(FAULTS)
            sync(Path(name), site.url)
            run = tmxdb(Path(name), "run", "--n", str(options.n), "--rate", "0")
            if run.returncode not in (0, 3):
                sys.exit(f"`tmxdb run` ended with status {run.returncode}:\n{run.stdout}")
            seconds = time.monotonic() - began
            stats = site.stats()
            wrong = sum(stats["faults"].values()) / stats["requests"]
            lost = list(lost_files(site, Path(name)))
            found += [f"seed {seed}: {line}" for line in lost]
            rows.append((seed, stats["requests"], f"{wrong:.1%}", len(lost), seconds))
    print_rows(f"{options.files:,} files", ("seed", "requests", "wrong answers", "files lost", "seconds"), rows)
    print("\n".join(found) or "\nNo file lost.")
    sys.exit(1 if found else 0)


def sync(folder: Path, url: str, at_most: int = SYNCS) -> None:
    """Run `sync-tracks` until it is complete: it gives up a page after five tries, and continues there."""
    for _ in range(at_most):
        done = tmxdb(folder, "--site", url, "sync-tracks")
        if done.returncode == 0:
            return
    sys.exit(f"`tmxdb sync-tracks` failed {at_most} times, the last time with status {done.returncode}:\n{done.stdout}")


def tmxdb(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command with short backoffs. `stdout` of the result contains its messages too."""
    command = [sys.executable, "-m", "tests.crash.process", "bench", str(folder / "audit"), *arguments]
    return subprocess.run(
        command, cwd=folder, env=Tool.environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def lost_files(site: RunningSite, folder: Path) -> Iterator[str]:
    """Return a line for each replay of the site whose file is missing or wrong."""
    with closing(Database(str(folder / "tmx.db"))) as database, database.read() as connection:
        rows = {row["replay_id"]: row for row in connection.execute(text("select * from replays")).mappings()}
    for track_id in site.track_ids():
        for listed in site.leaderboard(track_id):
            replay_id = listed["replay_id"]
            row = rows.get(replay_id)
            if row is None:
                yield f"replay {replay_id} has no row"
                continue
            file = folder / "data" / (row["file_path"] or "missing")
            expected = hashlib.sha256(site.expected_replay(replay_id)).hexdigest()
            if not file.is_file() or hashlib.sha256(file.read_bytes()).hexdigest() != expected:
                yield f"replay {replay_id} is {row['status']} ({row['error_code']}: {row['error']})"


if __name__ == "__main__":
    main()
