"""Simulate 30 days of a mirror: sync, refresh, kills, outages of each kind, a full disk and a moved data folder.

    python3 run.py bench month --days 30 --seed 1
    python3 run.py bench month --engine postgresql

Each day the site gets new tracks, replays and versions, loses some, and one thing goes wrong while `tmxdb run` works.
At night every backoff ends. After the last day, commands run until nothing is left to do. Then every file must equal
what the site served, every row must be done or skipped for a known reason, and `verify --hash` must find nothing.
Real time is compressed, not the waits of the program: a day takes about ten seconds. Exit status 1: a check failed.
The full disk needs the right to mount a file system; without it that trouble is left out and reported.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import text

from bench._month_checks import Expectations, problems
from bench._month_troubles import Days, Trouble, troubles
from bench._table import print_rows
from tests.conftest import PostgresServer
from tmxdb.db.database import Database
from tmxdb_sandbox import RunningSite, running_site

DRAIN_RUNS = 20
KINDS = ("tracks", "replays", "maps")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tracks", type=int, default=25)
    parser.add_argument("--replays", type=int, default=6)
    parser.add_argument("--engine", choices=("sqlite", "postgresql", "both"), default="both")
    options = parser.parse_args()
    engines = ("sqlite", "postgresql") if options.engine == "both" else (options.engine,)
    found = [problem for engine in engines for problem in simulate(engine, options)]
    print("\n".join(found) or "\nEvery file is right and every row is explained.")
    sys.exit(1 if found else 0)


def simulate(engine: str, options: argparse.Namespace) -> list[str]:
    """Run all days on one engine and return what is wrong at the end."""
    began = time.monotonic()
    with (
        small_disk() as (folder, is_mounted),
        running_site(tracks=options.tracks, replays=options.replays, seed=options.seed) as site,
        database_location(engine, folder) as location,
    ):
        month = Month(site, folder, location, random.Random(options.seed), is_mounted=is_mounted)
        month.run(options.days)
        month.drain()
        found = problems(site, folder / "data", location, month.expectations)
        found += month.days.complaints
        verified = month.days.tmxdb("verify", "--hash")
        if verified.returncode:
            found.append(f"verify exited with {verified.returncode}: {verified.stdout[-500:]}{verified.stderr[-500:]}")
        rows = [*month.happened.items(), ("requests", site.stats()["requests"]), *month.counts().items()]
    rows.append(("seconds", time.monotonic() - began))
    print_rows(f"{options.days} days on {engine}, seed {options.seed}", ("what", "n"), rows)
    return [f"{engine}: {problem}" for problem in found]


class Month:
    """One mirror and its site over all days."""

    def __init__(self, site: RunningSite, folder: Path, location: str, rng: random.Random, *, is_mounted: bool) -> None:
        self.site, self._rng, self._location = site, rng, location
        self.days = Days(site, folder, location)
        self.expectations = Expectations(site)
        self.happened: Counter[str] = Counter()
        self._troubles = troubles(is_mounted=is_mounted)

    def run(self, days: int) -> None:
        self.days.tmxdb("--site", self.site.url, "sync-tracks")
        schedule = self._schedule(days)
        for day, trouble in enumerate(schedule, 1):
            self._change_site()
            self._show(day, trouble)
            trouble.apply(self.days, self._rng)
            self.site.set_faults([])
            self.happened[trouble.name] += 1
            self._night()

    def drain(self) -> None:
        """Run without trouble until nothing is left to do."""
        for _ in range(DRAIN_RUNS):
            for arguments in (("sync-tracks",), ("retry", "--kind", "list", "--status", "done"), self.days.RUN):
                self.days.tmxdb(*arguments)
            self._night()
            if not self._is_open():
                return

    def counts(self) -> dict[str, int]:
        """The number of rows by kind and status, and of recorded attempts."""
        with self._database() as database, database.read() as connection:
            found = {
                f"{kind} {status}": n
                for kind in KINDS
                for status, n in connection.execute(text(f"select status, count(*) from {kind} group by 1 order by 1"))
            }
            found["attempts recorded"] = connection.execute(text("select count(*) from attempts")).scalar_one()
        return found

    def _schedule(self, days: int) -> list[Trouble]:
        """Return a trouble for each day: each once in a random order, then again."""
        schedule: list[Trouble] = []
        while len(schedule) < days:
            schedule += self._rng.sample(self._troubles, len(self._troubles))
        return schedule[:days]

    def _change_site(self) -> None:
        rng, ids = self._rng, self.site.track_ids()
        for track_id in rng.sample(ids, 2):
            self.site.add_replays(track_id, rng.randint(1, 3))
        if rng.random() < 0.4:
            self.site.add_tracks(rng.randint(1, 2))
        if rng.random() < 0.3:
            self.site.update_track(rng.choice(ids))
        if rng.random() < 0.3 and (rows := self.site.leaderboard(rng.choice(ids))):
            self.expectations.deleted_replays.add(row_id := rng.choice(rows)["replay_id"])
            self.site.delete_replay(row_id)
        self.expectations.remember()
        if rng.random() < 0.15:
            self.expectations.deleted_tracks.add(track_id := rng.choice(ids))
            self.site.delete_track(track_id)

    def _night(self) -> None:
        """End every backoff and every pause."""
        with self._database() as database, database.write() as connection:
            for kind in KINDS:
                connection.execute(
                    text(f"update {kind} set available_at = '2020-01-01T00:00:00Z' where status = 'retry'")
                )

    def _is_open(self) -> bool:
        with self._database() as database, database.read() as connection:
            counts = [
                connection.execute(
                    text(f"select count(*) from {kind} where status in ('pending', 'retry', 'running')")
                ).scalar_one()
                for kind in KINDS
            ]
        return any(counts)

    @contextmanager
    def _database(self) -> Iterator[Database]:
        database = Database(self._location)
        try:
            yield database
        finally:
            database.close()

    def _show(self, day: int, trouble: Trouble) -> None:
        print(f"day {day}: {trouble.name}", file=sys.stderr, flush=True)


@contextmanager
def small_disk() -> Iterator[tuple[Path, bool]]:
    """Provide a folder on a file system of 64 MB, and whether that could be mounted; else an ordinary folder."""
    with tempfile.TemporaryDirectory(prefix="tmxdb-month-") as name:
        command = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", name]
        try:
            is_mounted = subprocess.run(command, capture_output=True).returncode == 0
        except OSError:
            is_mounted = False
        try:
            yield Path(name), is_mounted
        finally:
            if is_mounted:
                subprocess.run(["umount", "-l", name], check=True)


@contextmanager
def database_location(engine: str, folder: Path) -> Iterator[str]:
    if engine == "sqlite":
        yield str(folder / "tmx.db")
        return
    with tempfile.TemporaryDirectory(prefix="tmxdb-pg-") as name:
        server = PostgresServer(Path(name))
        try:
            yield server.new()
        finally:
            server.stop()


if __name__ == "__main__":
    main()
