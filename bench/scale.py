"""Measure the queue at full size: ten million replays, compared with ten thousand and with the plain driver.

    python3 run.py bench scale [--replays 10000000] [--minutes 0.2] [--postgresql | --url postgresql+psycopg://…]

Each track has ten replays, of which three are pending. Needs 350 bytes per replay in the temporary folder, and some
minutes. With --url it fills an empty database on a server instead of a file, with --postgresql one on a temporary
server. Rows in backoff are measured from a million replays on.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from bench._claims import Bare, batch, claims_ms, per_second, workers
from bench._filled import fill, size_of
from bench._server import temporary_server
from bench._table import print_rows
from bench.sync import fetched_pages, synced_per_second
from tmxdb.clock import wall_clock
from tmxdb.db.bulk import NewRows, upsert
from tmxdb.db.database import Database
from tmxdb.db.migrate import upgrade
from tmxdb.db.models import ReplayRow, table_of
from tmxdb.db.reading.reader import Reader
from tmxdb.db.tally import compact_tally
from tmxdb.reports.status import read_status
from tmxdb_sandbox import running_site

SMALL = 10_000
LEAST = 100_000
BATCH = 100
BACKOFF = 100_000
LATER = "2099-01-01T00:00:00.000Z"
NEW = 100_000_000
"""Ids of replays that are made while it is measured begin here."""
TO_RETRY = f"""
UPDATE replays SET status = 'retry', available_at = '{LATER}', error_code = 'tmx.timeout' WHERE replay_id IN
(SELECT replay_id FROM replays WHERE status = 'pending' ORDER BY priority, replay_id LIMIT {BACKOFF})"""
TO_PENDING = "UPDATE replays SET status = 'pending', available_at = NULL, error_code = NULL WHERE status = 'retry'"
SYNCED = 10_000
"""Tracks of a sync."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replays", type=int, default=10_000_000)
    parser.add_argument("--tracks", type=int, help="a tenth of the replays; given instead of them")
    parser.add_argument("--minutes", type=float, default=0.2, help="how long eight processes are watched")
    parser.add_argument("--processes", type=int, default=8)
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--url", help="an empty database on a server, instead of a file")
    where.add_argument("--postgresql", action="store_true", help="a database on a temporary server")
    wanted = parser.parse_args()
    replays = wanted.tracks * 10 if wanted.tracks else wanted.replays
    if replays < LEAST:
        parser.error(f"at least {LEAST:,} replays: else there is not enough to do")
    if wanted.postgresql:
        with temporary_server() as url:
            if url is None:
                sys.exit("PostgreSQL cannot be started: install the packages of the tests.")
            measure(url, replays, wanted.minutes * 60, wanted.processes)
        return
    folder = Path(tempfile.mkdtemp(prefix="tmxdb-scale-"))
    try:
        if not wanted.url and shutil.disk_usage(folder).free < 900 * replays:
            sys.exit(f"{folder}: too little room for {replays:,} replays")
        measure(wanted.url or str(folder / "tmx.db"), replays, wanted.minutes * 60, wanted.processes)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def measure(location: str, replays: int, seconds: float, processes: int) -> None:
    database = Database(location)
    upgrade(database)
    fill(database, 1, SMALL)
    with running_site(tracks=SYNCED) as site:
        pages = fetched_pages(site.url)
    small = figures(database, SMALL * 3 // 10 - 500, NEW, pages)
    began = time.perf_counter()
    fill(database, SMALL + 1, replays)
    filled_s = time.perf_counter() - began
    bytes_ = size_of(database)
    large = figures(database, replays * 3 // 400, 2 * NEW, pages)
    title = f"{replays:,} replays of {replays // 10:,} tracks, {bytes_ / 1e9:.2f} GB, filled in {filled_s:.0f} s"
    print_rows(
        f"{title}; beside the same at {SMALL:,} replays",
        ("what", "at full size", f"at {SMALL:,}", "ratio"),
        [[name, value, small[name], value / small[name]] for name, value in large.items()],
    )
    against_bare(database, replays * 3 // 400)
    if replays >= 10 * BACKOFF:
        backoff(database)
    side_by_side(database, processes, seconds, pending=replays // 10)
    database.close()


def figures(database: Database, pending: int, rows_from: int, pages: list[bytes]) -> dict[str, float]:
    """Return what is measured at both sizes."""
    claims_ms(database, 1, 20)
    synced_per_second(database, pages)  # changes what is there of these tracks; measured is the time after
    one, many = claims_ms(database, 1, 500), claims_ms(database, 64, 200)
    return {
        "claim of 1, p50 (ms)": one[len(one) // 2],
        "claim of 1, p99 (ms)": one[len(one) * 99 // 100],
        "claim of 64, p50 (ms)": many[len(many) // 2],
        "claim of 64, p99 (ms)": many[len(many) * 99 // 100],
        "status (ms)": status_ms(database),
        f"claim + settle, batches of {BATCH} (jobs/s)": per_second(
            lambda: batch(database, BATCH), at_most=pending, seconds=5
        ),
        "upsert of new replays (rows/s)": upserts(database, rows_from, 20_000),
        "upsert of known replays (rows/s)": upserts(database, rows_from, 20_000),
        "sync of known tracks, from JSON (rows/s)": synced_per_second(database, pages),
    }


def against_bare(database: Database, n: int) -> None:
    """Compare with the plain driver, on a plain table and on that of tmxdb: medians of three rounds of `n` jobs."""
    on_plain, on_ours = Bare(database, "plain"), Bare(database, "replays")
    on_plain.make_plain(7 * n)
    speeds: dict[str, list[float]] = {}
    for _ in range(3):
        for name, one in (
            ("bare driver, plain table", lambda: on_plain.batch(BATCH)),
            ("bare driver, our table", lambda: on_ours.batch(BATCH)),
            ("tmxdb: claim + settle", lambda: batch(database, BATCH)),
            ("bare driver, plain table, one by one", lambda: on_plain.batch(1)),
        ):
            speeds.setdefault(name, []).append(per_second(one, at_most=n, seconds=3))
        (worker,) = workers(database.location, 1, 64, seconds=10, limit=3 * n)
        speeds.setdefault("tmxdb: work --n 64, jobs that do nothing", []).append(worker["jobs"] / worker["wall_s"])
    on_plain.close()
    on_ours.close()
    found = {name: median(values) for name, values in speeds.items()}
    base, ours = found["bare driver, plain table"], found["bare driver, our table"]
    print_rows(
        f"Claim and settle, batches of {BATCH} where it says no other (median of 3)",
        ("what", "jobs/s", "of plain", "of our table"),
        [[name, value, value / base, value / ours] for name, value in found.items()],
    )


def backoff(database: Database) -> None:
    """Measure what rows in backoff cost the claims of other rows."""
    without, with_ = [], []
    for _ in range(3):
        without.append(_speed(database))
        _change(database, TO_RETRY)
        with_.append(_speed(database))
        _change(database, TO_PENDING)
    print_rows(
        f"{BACKOFF:,} rows in backoff (median of 3)",
        ("what", "jobs/s", "cost"),
        [["none wait", median(without), 1.0], [f"{BACKOFF:,} wait", median(with_), median(without) / median(with_)]],
    )


def side_by_side(database: Database, processes: int, seconds: float, *, pending: int) -> None:
    """Run several worker processes at the same time. With too few rows, each row is pending again at once."""
    what = "done" if seconds * 20_000 < pending else "again"
    found = workers(database.location, processes, 64, seconds=seconds, what=what)
    total = sum(one["jobs"] for one in found)
    wal = database.path.with_name(database.path.name + "-wal").stat().st_size / 1e6 if database.path else 0.0
    print_rows(
        f"{processes} processes for {seconds:.0f} s, work --n 64, jobs that do nothing"
        + (" and come back" if what == "again" else ""),
        ("jobs/s", "least-served (share)", "worst wait (ms)", "p99 (ms)", "p50 (ms)", "locked", "WAL (MB)"),
        [[
            total / max(one["wall_s"] for one in found),
            min(one["jobs"] for one in found) / (total / processes),
            max(one["worst_ms"] for one in found),
            max(one["p99_ms"] for one in found),
            median(one["p50_ms"] for one in found),
            sum(one["locked"] for one in found),
            wal,
        ]],
    )  # fmt: skip


def status_ms(database: Database) -> float:
    """Return how long the queries of `tmxdb status` take in ms, the median of five. Workers keep the tally short."""
    with database.write() as connection:
        compact_tally(connection)
    reading = Reader(database.location)
    spans = []
    for _ in range(5):
        began = time.perf_counter()
        read_status(reading, Path("data"), None, wall_clock())
        spans.append((time.perf_counter() - began) * 1000)
    reading.close()
    return median(spans)


def upserts(database: Database, first: int, n: int) -> float:
    """Return how many replays of listings are upserted per second, 1000 in each transaction."""
    names = ("user_name", "site_time_ms", "position", "replay_at", "priority")
    columns = {"user_name": "driver", "site_time_ms": 30_000, "position": 3, "replay_at": LATER, "priority": 2**29}
    began = time.perf_counter()
    for start in range(first, first + n, 1000):
        rows: list[dict[str, Any]] = [
            {"replay_id": i, "track_id": 1 + i % 1000, "user_id": i % 999, **columns}
            for i in range(start, start + 1000)
        ]
        with database.write() as connection:
            upsert(connection, NewRows(table_of(ReplayRow), rows, update=names))
    return n / (time.perf_counter() - began)


def _change(database: Database, sql: str) -> None:
    with database.write() as connection:
        connection.exec_driver_sql(sql)


def _speed(database: Database) -> float:
    return per_second(lambda: batch(database, BATCH), at_most=10_000, seconds=2)


if __name__ == "__main__":
    main()
