"""What the indexes of `replays` cost on PostgreSQL: processor time of the server for each job and each listed row.

    python3 run.py bench indexes [--replays 400000]

A temporary server runs on the same processors. Groups of indexes are dropped one after the other, and the tally's
triggers last. Every index answers a question of the product: `docs/explanation/benchmarks.md#questions` says what a
question takes with them. A job is claimed and settled, so its row is written twice. PostgreSQL enters each new version
of a row into every index that contains it.
"""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import suppress
from typing import Any

import psutil

from bench._filled import fill
from bench._server import temporary_server
from bench._table import print_rows
from bench._workers import NOTHING, work
from bench.scale import upserts
from tmxdb.db.database import Database
from tmxdb.db.migrate import upgrade

GROUPS = (
    ("all", ()),
    ("without those of times", ("first_seen", "replay_at", "listed_at")),
    ("… and those of drivers", ("user", "user_name")),
    ("… and those of tracks, records and facts", ("track", "pending_track", "record", "left", "runs", "error")),
)
UPSERTED = 20_000
_TRIGGERS = """
SELECT tgname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid WHERE relname = 'replays' AND NOT tgisinternal
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replays", type=int, default=400_000)
    replays = parser.parse_args().replays
    with temporary_server() as url:
        if url is None:
            sys.exit("PostgreSQL cannot be started: install the packages of the tests.")
        database = Database(url)
        upgrade(database)
        fill(database, 1, replays)
        measured = Measured(database, jobs=replays // 40)
        rows = []
        for name, indexes in GROUPS:
            _drop(database, [f"INDEX ix_replays_{index}" for index in indexes])
            rows.append([name, *measured.figures()])
        with database.read() as connection:
            triggers = connection.exec_driver_sql(_TRIGGERS).scalars().all()
        _drop(database, [f"TRIGGER {trigger} ON replays" for trigger in triggers])
        rows.append(["… and without triggers", *measured.figures()])
        columns = ("indexes", "jobs/s", "server, µs a job", "worker, µs a job", "new rows/s", "server, µs a row")
        print_rows(
            f"{replays:,} replays, `work --n 64` with jobs that do nothing, upserts of 1,000 rows", columns, rows
        )
        database.close()


class Measured:
    """Measures one schema after another on the same server, each time with rows that were not used before."""

    def __init__(self, database: Database, jobs: int) -> None:
        self._database, self._jobs = database, jobs
        with database.read() as connection:
            backend = psutil.Process(connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one())
        self._server: Any = backend.parent()
        self._next_id = 10**9

    def figures(self) -> tuple[float, ...]:
        """Return the figures of a row of the table."""
        server_s, worker_s = self._server_s(), time.process_time()
        done = work(self._database.location, 64, 0, self._jobs, NOTHING)
        n = done["jobs"]
        of_job = 1e6 * (self._server_s() - server_s) / n, 1e6 * (time.process_time() - worker_s) / n
        server_s = self._server_s()
        rows_per_s = upserts(self._database, self._next_id, UPSERTED)
        self._next_id += UPSERTED
        return n / done["wall_s"], *of_job, rows_per_s, 1e6 * (self._server_s() - server_s) / UPSERTED

    def _server_s(self) -> float:
        """Return the processor time of the server so far, with that of its sessions which have ended."""
        of_server = self._server.cpu_times()
        total = of_server.user + of_server.system + of_server.children_user + of_server.children_system
        for process in self._server.children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                total += times.user + times.system
        return float(total)


def _drop(database: Database, what: list[str]) -> None:
    with database.write() as connection:
        for name in what:
            connection.exec_driver_sql(f"DROP {name}")


if __name__ == "__main__":
    main()
