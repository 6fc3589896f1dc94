"""A kind whose jobs do what the test says, and the small words that tests of the queue share."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Column, Connection, Table

from tests.rows import FILE, FakeClock
from tmxdb.db.engine import Database
from tmxdb.db.models import Replay, Track, table_of
from tmxdb.queue.claim import claim
from tmxdb.queue.job import Done, Job, Kind, Outcome
from tmxdb.queue.plan import Plan
from tmxdb.queue.settle import settle
from tmxdb.queue.worker import Worker
from tmxdb.queue.workers import LEASE_MS, Identity, new_identity, sign_in

Play = Callable[[Job], Outcome]
DONE = Done(FILE)


class FakeKind:
    """Downloads that are played: `play` is called for each job, DONE without it."""

    def __init__(self, play: Play = lambda job: DONE, *, most: int = 1024) -> None:
        self.name = "download"
        self.table: Table = table_of(Replay)
        self.key: Column[Any] = self.table.c.replay_id
        self.needs: tuple[Column[Any], ...] = (self.table.c.track_id, self.table.c.user_name)
        self._play, self._most = play, most

    def at_most(self, n: int) -> int:
        return min(n, self._most)

    def prepare(self, connection: Connection) -> None:
        pass

    def run(self, job: Job) -> Outcome:
        return self._play(job)


class FakeList(FakeKind):
    """Listings, to have a second kind."""

    def __init__(self, play: Play = lambda job: Done({"listed_top": 1}), *, most: int = 1024) -> None:
        super().__init__(play, most=most)
        self.name = "list"
        self.table = table_of(Track)
        self.key = self.table.c.track_id
        self.needs = ()


class Notes:
    """Listens to a worker and remembers."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.settled_ids: list[tuple[str, int]] = []
        self.waited: list[tuple[int, int]] = []

    def settled(self, kind: str, status: str, item_id: int, error: str | None) -> None:
        self.settled_ids.append((status, item_id))

    def waiting(self, until_ms: int, rows: int) -> None:
        self.waited.append((until_ms, rows))

    def note(self, message: str) -> None:
        self.notes.append(message)

    def beat(self) -> None:
        pass


class Bench:
    """Claims and settles by hand, for workers of any name."""

    def __init__(self, database: Database, clock: FakeClock, kind: Kind | None = None) -> None:
        self.database, self.clock = database, clock
        self.kind: Kind = kind or FakeKind()
        self.rng = random.Random(1)

    def sign_in(self, worker: str, *, machine: str = "elsewhere", pid: int = 1, started_ms: int = 1) -> None:
        who = Identity(worker, "host", machine, pid, started_ms)
        with self.database.write() as connection:
            sign_in(connection, who, [self.kind.name], 1, self.clock())

    def claim(self, worker: str = "me", n: int = 1) -> list[Job]:
        with self.database.write() as connection:
            return claim(connection, self.kind, worker=worker, n=n, now_ms=self.clock(), lease_ms=LEASE_MS)

    def settle(self, *results: tuple[Job, Outcome], worker: str = "me", max_attempts: int = 5) -> list[str | None]:
        with self.database.write() as connection:
            settled = settle(
                connection,
                self.kind,
                results,
                worker=worker,
                now_ms=self.clock(),
                max_attempts=max_attempts,
                rng=self.rng,
            )
        return list(settled.statuses)


def worker(
    database: Database,
    kinds: Sequence[Kind],
    plan: Plan | None = None,
    *,
    listener: Notes | None = None,
    stop: threading.Event | None = None,
    stop_now: threading.Event | None = None,
) -> Worker:
    """A worker with the clock of the computer, quick at everything that can be waited for."""
    return Worker(
        database,
        kinds,
        plan or Plan(n=4),
        identity=new_identity(),
        listener=listener or Notes(),
        stop=stop or threading.Event(),
        stop_now=stop_now or threading.Event(),
        rng=random.Random(1),
    )


def wait_until(condition: Callable[[], object], *, at_most_s: float = 20.0) -> None:
    """Return when `condition` holds; fail the test if it never does."""
    deadline = time.monotonic() + at_most_s
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


def raising(error: Exception) -> Callable[[Job], Outcome]:
    def play(job: Job) -> Outcome:
        raise error

    return play


@contextmanager
def working(*args: Any, **kwargs: Any) -> Iterator[threading.Thread]:
    """A worker in a thread of its own; told to stop at the end."""
    stop = kwargs.setdefault("stop", threading.Event())
    thread = threading.Thread(target=worker(*args, **kwargs).run)
    thread.start()
    try:
        yield thread
    finally:
        stop.set()
        thread.join(20)
        assert not thread.is_alive()
