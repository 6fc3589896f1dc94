"""A kind whose jobs do what the test says, and the small words that tests of the queue share."""

from __future__ import annotations

import json
import logging
import random
import threading
import time
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import Column, Connection, Table

from tests.rows import FILE, FakeClock
from tmxdb.clock import Clock, wall_clock
from tmxdb.db.database import Database
from tmxdb.db.models import ReplayRow, TrackRow, table_of
from tmxdb.events import Event, EventBus
from tmxdb.queue.job import Done, Job, Kind, Outcome, Started
from tmxdb.queue.loop.run_options import RunOptions
from tmxdb.queue.loop.worker import Worker
from tmxdb.queue.rows.claim import claim
from tmxdb.queue.rows.settle import settle
from tmxdb.queue.worker_registry import Identity, new_identity, record_begun, register

E = TypeVar("E", bound=Event)
Play = Callable[[Job], Outcome]
DONE = Done(FILE)


class FakeKind:
    """Downloads that are played: `play` is called for each job, DONE without it."""

    def __init__(self, play: Play = lambda job: DONE, *, most: int = 1024) -> None:
        self.name = "download"
        self.table: Table = table_of(ReplayRow)
        self.key: Column[Any] = self.table.c.replay_id
        self.needs: tuple[Column[Any], ...] = (self.table.c.track_id, self.table.c.user_name)
        self._play, self._most = play, most

    def at_most(self, n: int) -> int:
        return min(n, self._most)

    def prepare(self, connection: Connection) -> None:
        pass

    def adopt(self, job: Job) -> Outcome | None:
        return None

    def run(self, job: Job) -> Outcome:
        return self._play(job)


class FakeBatches(FakeKind):
    """Downloads of which several are done together: `play_batch` is called for these."""

    def __init__(self, play_batch: Callable[[Sequence[Job]], Sequence[Done | None]], play: Play, *, size: int) -> None:
        super().__init__(play)
        self.batch_size = size
        self.run_batch = play_batch


class FakeStages(FakeKind):
    """Downloads in two steps: the first one ends at once, `play_finish` sets the outcomes.

    `start` is called with each job that begins. `wait_s` says when the next one may. `errors`: those of first steps, by
    key.
    """

    def __init__(
        self,
        play_finish: Callable[[Sequence[Started]], None],
        start: Callable[[Job], None] = lambda job: None,
        wait_s: Callable[[int], float] = lambda wanted: 0.0,
    ) -> None:
        super().__init__()
        self.start, self.wait_s, self.finish = start, wait_s, play_finish
        self.errors: dict[int, Exception] = {}
        self.released = threading.Event()
        self.go_on = threading.Event()
        self.go_on.set()

    def first_steps(self, most: int) -> FakeSteps:
        return FakeSteps(self)


class FakeSteps:
    """First steps that end when `go_on` of their kind is set."""

    def __init__(self, kind: FakeStages) -> None:
        self._kind = kind
        self._started: list[Started] = []

    def wait_s(self, wanted: int) -> float:
        return self._kind.wait_s(wanted)

    def release(self) -> None:
        self._kind.released.set()

    def begin(self, job: Job) -> None:
        self._kind.start(job)
        self._started.append(Started(job, self._kind.errors.get(job.item_id)))

    def wait(self, seconds: float) -> list[Started]:
        if not self._kind.go_on.wait(min(seconds, 0.01)):
            return []
        started, self._started = self._started, []
        return started

    def close(self) -> None:
        pass


class FakeList(FakeKind):
    """Listings, to have a second kind."""

    def __init__(self, play: Play = lambda job: Done({"listed_top": 1}), *, most: int = 1024) -> None:
        super().__init__(play, most=most)
        self.name = "list"
        self.table = table_of(TrackRow)
        self.key = self.table.c.track_id
        self.needs = ()


class EventLog:
    """A subscriber that keeps all events. `react` is called with each."""

    def __init__(self, react: Callable[[Event], None] = lambda event: None) -> None:
        self.events: list[Event] = []
        self._react = react

    def __call__(self, event: Event) -> None:
        self.events.append(event)
        self._react(event)

    def of(self, kind: type[E]) -> list[E]:
        """Return the events of one class."""
        return [event for event in self.events if isinstance(event, kind)]

    def sentences(self) -> list[str]:
        """Return what a person would see."""
        return [str(event) for event in self.events if event.level >= logging.INFO]


class Bench:
    """Claims and settles by hand, for workers of any name."""

    def __init__(self, database: Database, clock: FakeClock, kind: Kind | None = None) -> None:
        self.database, self.clock = database, clock
        self.kind: Kind = kind or FakeKind()
        self.rng = random.Random(1)

    def register(self, worker: str, *, machine: str = "elsewhere", pid: int = 1, started_ms: int = 1) -> None:
        who = Identity(worker, "host", machine, pid, started_ms)
        with self.database.write() as connection:
            register(connection, who, [self.kind.name], 1, self.clock())

    def begin(self, worker: str, keys: Iterable[int]) -> None:
        """Record that `worker` works on rows."""
        with self.database.write() as connection:
            record_begun(connection, worker, json.dumps({self.kind.name: list(keys)}))

    def claim(self, worker: str = "me", n: int = 1) -> list[Job]:
        with self.database.write() as connection:
            return claim(connection, self.kind, worker=worker, n=n, now_ms=self.clock())

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
    options: RunOptions | None = None,
    *,
    log: EventLog | None = None,
    stop: threading.Event | None = None,
    stop_now: threading.Event | None = None,
    clock: Clock = wall_clock,
    waiting_threads: Container[int] = (),
) -> Worker:
    """A worker with the clock of the computer, quick at everything that can be waited for."""
    return Worker(
        database,
        kinds,
        options or RunOptions(n=4),
        identity=new_identity(),
        events=EventBus(log) if log else EventBus(),
        stop=stop or threading.Event(),
        stop_now=stop_now or threading.Event(),
        rng=random.Random(1),
        clock=clock,
        waiting_threads=waiting_threads,
    )


def wait_until(condition: Callable[[], object], *, at_most_s: float = 120.0) -> None:
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
    """Run a worker in its own thread and stop it at the end."""
    stop = kwargs.setdefault("stop", threading.Event())
    thread = threading.Thread(target=worker(*args, **kwargs).run)
    thread.start()
    try:
        yield thread
    finally:
        stop.set()
        thread.join(120)
        assert not thread.is_alive()
