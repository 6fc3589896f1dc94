"""Claim and settle rows with tmxdb and with the plain database driver, for `bench scale`.

`Bare` speaks to the driver alone: on the table as tmxdb has it (all its columns, indexes, CHECKs and triggers), or on a
plain one: the columns of a job and of a file, a primary key, and the partial index that the claim needs.
"""

from __future__ import annotations

import json
import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from bench._workers import NOTHING, NoOp
from tmxdb.clock import wall_clock
from tmxdb.db.database import Database
from tmxdb.queue.rows.claim import claim
from tmxdb.queue.rows.settle import release, settle

PLAIN = """
CREATE TABLE plain (replay_id BIGINT PRIMARY KEY, track_id BIGINT, status TEXT DEFAULT 'pending', priority INTEGER,
  attempts INTEGER DEFAULT 0, claimed_by TEXT, claim_token INTEGER DEFAULT 0, finished_at TEXT,
  file_path TEXT, file_bytes INTEGER, sha256 TEXT)"""
CLAIM = """
UPDATE {table} SET status = 'running', claimed_by = {p}, attempts = attempts + 1,
  claim_token = claim_token + 1
WHERE replay_id IN
  (SELECT replay_id FROM {table} WHERE status = 'pending' ORDER BY priority, replay_id LIMIT {p} {skip})
RETURNING replay_id, claim_token"""
SETTLE = """
UPDATE {table} SET status = 'done', claimed_by = NULL, finished_at = {p}, file_path = {p},
  file_bytes = {p}, sha256 = {p}
WHERE replay_id = {p} AND claim_token = {p} AND status = 'running'"""


class Bare:
    """A connection of the database driver without tmxdb, on the table `replays` or `plain`."""

    def __init__(self, database: Database, table: str) -> None:
        self._sqlite = database.path is not None
        if database.path is not None:
            self._connection: Any = sqlite3.connect(database.path, isolation_level=None, timeout=30)
            for pragma in ("synchronous = NORMAL", "cache_size = -65536", "foreign_keys = ON", "temp_store = MEMORY"):
                self._connection.execute(f"PRAGMA {pragma}")
        else:
            import psycopg

            url = database.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
            self._connection = psycopg.connect(url, autocommit=True)
        words = {
            "table": table,
            "p": "?" if self._sqlite else "%s",
            "skip": "" if self._sqlite else "FOR UPDATE SKIP LOCKED",
        }
        self._claim, self._settle = CLAIM.format(**words), SETTLE.format(**words)

    def make_plain(self, n: int) -> None:
        """Create the plain table with `n` pending rows."""
        key = "INTEGER" if self._sqlite else "BIGINT"
        self._connection.execute(PLAIN.replace("replay_id BIGINT", f"replay_id {key}"))
        self._connection.execute("CREATE INDEX ix_plain ON plain (priority, replay_id) WHERE status = 'pending'")
        numbers = (
            f"(WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {n}) SELECT i FROM n) AS n"
            if self._sqlite
            else f"generate_series(1, {n}) AS n (i)"
        )
        self._connection.execute(
            f"INSERT INTO plain (replay_id, track_id, priority) SELECT i, i / 10, i / 10 FROM {numbers}"
        )

    def batch(self, n: int) -> int:
        """Claim `n` rows and settle them in one transaction."""
        self._connection.execute("BEGIN IMMEDIATE" if self._sqlite else "BEGIN")
        rows = self._connection.execute(self._claim, ("bench", n)).fetchall()
        done = [("now", "nothing", 1, "0" * 64, key, token) for key, token in rows]
        cursor = self._connection.cursor()
        cursor.executemany(self._settle, done)
        self._connection.execute("COMMIT")
        return len(rows)

    def close(self) -> None:
        self._connection.close()


def batch(database: Database, n: int) -> int:
    """Claim `n` rows and settle them in one transaction, with the code of tmxdb."""
    with database.write() as connection:
        jobs = claim(connection, NoOp(), worker="bench", n=n, now_ms=wall_clock())
        results = [(job, NOTHING) for job in jobs]
        settle(
            connection, NoOp(), results, worker="bench", now_ms=wall_clock(), max_attempts=5, rng=random.Random(1)
        )  # fmt: skip
    return len(jobs)


def claims_ms(database: Database, n: int, times: int) -> list[float]:
    """Return the sorted durations of `times` claims of `n` rows in ms, each with its commit; the rows are released
    afterwards.
    """
    spans = []
    for _ in range(times):
        began = time.perf_counter()
        with database.write() as connection:
            jobs = claim(connection, NoOp(), worker="bench", n=n, now_ms=wall_clock())
        spans.append((time.perf_counter() - began) * 1000)
        with database.write() as connection:
            release(connection, NoOp(), jobs)
    return sorted(spans)


def per_second(one: Callable[[], int], *, at_most: int, seconds: float) -> float:
    """Call `one` until `at_most` rows or `seconds` are reached; return rows per second."""
    began, rows = time.perf_counter(), 0
    while rows < at_most and (n := one()) and time.perf_counter() - began < seconds:
        rows += n
    return rows / (time.perf_counter() - began)


def workers(
    location: str, processes: int, n: int, *, seconds: float = 0, limit: int = 0, what: str = "done"
) -> list[dict[str, float]]:
    """Run several `_workers` processes at the same time and return what each printed."""
    children = [
        subprocess.Popen(
            [sys.executable, "-m", "bench._workers", location, str(n), str(seconds), str(limit), what],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for _ in range(processes)
    ]  # fmt: skip
    for child in children:
        assert child.stdout
        child.stdout.readline()
    for child in children:
        assert child.stdin
        child.stdin.write("\n")
        child.stdin.flush()
    return [json.loads(child.communicate(timeout=seconds + 300)[0].strip().splitlines()[-1]) for child in children]
