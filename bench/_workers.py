"""Workers on jobs that do nothing, each in a process of its own: `python -m bench._workers URL N SECONDS LIMIT WHAT`.

Prints as JSON: jobs done, how long it worked, every wait for the database in milliseconds as p50, p99 and worst, and
how many times it was locked. SECONDS and LIMIT (of jobs) 0: until nothing is left. WHAT: `done`, or `again` for jobs
that come back at once, so that there is no end of them. It begins when it reads a line, so that several can do so
together.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Column, Connection

from tmxdb.db.engine import Database
from tmxdb.db.models import Replay, table_of
from tmxdb.errors import DatabaseTrouble
from tmxdb.queue.job import Done, Job, Outcome, Snooze
from tmxdb.queue.plan import Plan
from tmxdb.queue.worker import Worker
from tmxdb.queue.workers import new_identity

AGAIN = Snooze("bench.again", "once more")
NOTHING = Done({"file_path": "nothing", "file_bytes": 1, "sha256": "0" * 64})


class NoOp:
    """Downloads that do nothing."""

    name = "download"
    table = table_of(Replay)
    key: Column[Any] = table.c.replay_id
    needs: tuple[Column[Any], ...] = ()

    def __init__(self, outcome: Outcome = NOTHING) -> None:
        self._outcome = outcome

    def at_most(self, n: int) -> int:
        return n

    def prepare(self, connection: Connection) -> None: ...

    def run(self, job: Job) -> Outcome:
        return self._outcome


class Timed(Database):
    """A database that remembers how long each writer waited for its turn."""

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
        except DatabaseTrouble as error:
            self.locked += error.code == "db.busy"
            raise


class Counting:
    """A listener that counts, and tells trouble."""

    jobs = 0

    def settled(self, kind: str, status: str, item_id: int, error: str | None) -> None:
        self.jobs += 1

    def waiting(self, until_ms: int, rows: int) -> None: ...
    def beat(self) -> None: ...

    def note(self, message: str) -> None:
        print(message, file=sys.stderr)


def work(location: str, n: int, seconds: float, limit: int, outcome: Outcome) -> dict[str, float]:
    """One worker until `seconds` are over, `limit` is reached or nothing is left."""
    database, stop, listener = Timed(location), threading.Event(), Counting()
    kind, plan, me = NoOp(outcome), Plan(n, limit=limit), new_identity()
    worker = Worker(database, [kind], plan, identity=me, listener=listener, stop=stop, stop_now=threading.Event())
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
        "jobs": listener.jobs,
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
