"""A worker whose jobs do nothing, in its own process: `python -m bench._workers URL N SECONDS LIMIT WHAT`.

Prints JSON: jobs done, seconds worked, waits for the database in milliseconds (p50, p99, worst), and how often it was
locked. SECONDS and LIMIT (in jobs) may be 0: work until nothing is left. WHAT is `done`, or `again` for jobs that are
pending again at once, so that work never ends. The worker starts when it reads a line, so that several can start
together.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Column, Connection

from tmxdb.db.database import Database
from tmxdb.db.models import ReplayRow, table_of
from tmxdb.errors import DatabaseError
from tmxdb.events import Event, EventBus, RowSettled
from tmxdb.queue.job import Done, Job, Outcome, Snooze
from tmxdb.queue.loop.run_options import RunOptions
from tmxdb.queue.loop.worker import Worker
from tmxdb.queue.worker_registry import new_identity

AGAIN = Snooze("bench.again", "once more")
NOTHING = Done({"file_path": "nothing", "file_bytes": 1, "sha256": "0" * 64})


class NoOp:
    """Downloads that do nothing."""

    name = "download"
    table = table_of(ReplayRow)
    key: Column[Any] = table.c.replay_id
    needs: tuple[Column[Any], ...] = ()

    def __init__(self, outcome: Outcome = NOTHING) -> None:
        self._outcome = outcome

    def at_most(self, n: int) -> int:
        return n

    def prepare(self, connection: Connection) -> None: ...

    def adopt(self, job: Job) -> Outcome | None:
        return None

    def run(self, job: Job) -> Outcome:
        return self._outcome


class Timed(Database):
    """A database that records how long each writer waited for the write lock."""

    def __init__(self, location: str) -> None:
        super().__init__(location)
        self.waits_ms: list[float] = []
        self.locked = 0

    @contextmanager
    def write(self) -> Iterator[Connection]:
        began = time.perf_counter()
        try:
            with super().write() as connection:
                self.waits_ms.append((time.perf_counter() - began) * 1000)
                yield connection
        except DatabaseError as error:
            self.locked += error.code == "db.busy"
            raise


def work(location: str, n: int, seconds: float, limit: int, outcome: Outcome) -> dict[str, float]:
    """Run one worker until `seconds` have passed, `limit` is reached or nothing is left."""
    database, stop, jobs = Timed(location), threading.Event(), Counter[str]()
    kind, plan, me = NoOp(outcome), RunOptions(n, limit=limit), new_identity()

    def count(event: Event) -> None:
        if isinstance(event, RowSettled):
            jobs["settled"] += 1
        elif event.level >= logging.INFO:
            print(event, file=sys.stderr)

    worker = Worker(database, [kind], plan, identity=me, events=EventBus(count), stop=stop, stop_now=threading.Event())
    if seconds:
        timer = threading.Timer(seconds, stop.set)
        timer.daemon = True
        timer.start()
    began = time.perf_counter()
    worker.run()
    wall_s = time.perf_counter() - began
    database.close()
    waits = sorted(database.waits_ms)
    return {
        "jobs": jobs["settled"],
        "wall_s": wall_s,
        "p50_ms": waits[len(waits) // 2],
        "p99_ms": waits[len(waits) * 99 // 100],
        "worst_ms": waits[-1],
        "turns": len(waits),
        "locked": database.locked,
    }


if __name__ == "__main__":
    print("ready", flush=True)
    sys.stdin.readline()
    url, n, seconds, limit, what = sys.argv[1:]
    print(json.dumps(work(url, int(n), float(seconds), int(limit), AGAIN if what == "again" else NOTHING)))
