"""Machines whose clocks disagree, on one PostgreSQL server: one rate, one pause, and retries when they are due."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable

import pytest

from tests.queue.fakes import DONE, FakeKind, wait_until, working
from tests.queue.sharing.test_rate_limiter import Sleeper, most_in_a_second
from tests.rows import NOW, FakeClock, Rows
from tests.server_clock import set_server_clock
from tmxdb.clock import iso, wall_clock
from tmxdb.db.database import Database
from tmxdb.db.database_clock import time_of
from tmxdb.db.models import WorkerRow
from tmxdb.queue.job import Job, Outcome
from tmxdb.queue.loop.cycle import CycleInput
from tmxdb.queue.loop.job_store import JobStore
from tmxdb.queue.loop.run_options import RunOptions
from tmxdb.queue.pauses import pause
from tmxdb.queue.rate_limiter import RateLimiter
from tmxdb.queue.worker_registry import Identity
from tmxdb.upkeep.actions import Actions

SKEWS_S = [2, 60, 300, -2, -60, -300]
Reopen = Callable[[Database], Database]
ahead = pytest.mark.parametrize("ahead_s", SKEWS_S)


def machine(database: Database, time: FakeClock, ahead_s: float) -> RateLimiter:
    """A rate limiter on a machine whose clock is ahead of `time`, which the server has."""
    set_server_clock(database, time)
    clock = skewed(time, ahead_s)
    return RateLimiter(database, stop=Sleeper(time), clock=clock, monotonic=time.monotonic)


def skewed(clock: Callable[[], int], ahead_s: float) -> Callable[[], int]:
    return lambda: clock() + round(ahead_s * 1000)


@ahead
def test_two_machines_share_the_rate_and_neither_waits_longer(
    postgresql: Database, reopen: Reopen, clock: FakeClock, ahead_s: float
) -> None:
    machines = machine(postgresql, clock, ahead_s), machine(reopen(postgresql), clock, 0)
    machines[0].set_rate(10)
    moments = []
    for i in range(30):
        machines[i % 2].wait_turn()
        moments.append(clock())
    assert most_in_a_second(moments) <= 10
    assert (moments[-1] - moments[0]) / 1000 <= 30 / 10 * 1.15


@ahead
@pytest.mark.parametrize("asked", [0, 1], ids=["the wrong machine is asked to wait", "the right machine is asked"])
def test_a_pause_has_one_length_for_all_machines(
    postgresql: Database, reopen: Reopen, clock: FakeClock, ahead_s: float, asked: int
) -> None:
    machines = machine(postgresql, clock, ahead_s), machine(reopen(postgresql), clock, 0)
    machines[asked].pause(60, "slow down")
    machines[1 - asked].wait_turn()
    assert 60_000 <= clock() - NOW < 61_000


@pytest.mark.parametrize("ahead_s", [60, 300])
def test_on_the_time_of_the_server_two_machines_keep_the_rate(
    postgresql: Database, reopen: Reopen, ahead_s: float
) -> None:
    stop = threading.Event()
    machines = [
        RateLimiter(postgresql, stop=stop, clock=skewed(wall_clock, ahead_s)),
        RateLimiter(reopen(postgresql), stop=stop),
    ]
    machines[0].set_rate(10)
    began_s = time.monotonic()
    for i in range(20):
        machines[i % 2].wait_turn()
    assert time.monotonic() - began_s >= 19 / 10 - 0.5  # less if a slot was missed; without the rate, 0.1 s


def test_a_turn_comes_after_the_wait_for_a_lock(postgresql: Database, reopen: Reopen) -> None:
    """If the holder of the lock changes nothing, the answer has the server's time from before the wait."""
    limiter, other = RateLimiter(postgresql, stop=threading.Event()), reopen(postgresql)
    limiter.set_rate(1)
    taken: list[int | None] = []
    thread = threading.Thread(target=lambda: taken.append(limiter._take(1)))
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    with other.engine.connect() as connection:
        connection.exec_driver_sql("SELECT 1 FROM rate_limit FOR UPDATE")
        thread.start()
        while not connection.exec_driver_sql(waiting).scalar():
            time.sleep(0.01)
        time.sleep(0.5)  # only so that a turn from before the wait is seen
        released_ms = time_of(connection)
        connection.rollback()
    thread.join(120)
    assert taken[0] is not None
    assert taken[0] >= released_ms - 100  # a turn from before the wait is 500 ms older


def job_store(database: Database, time: FakeClock, ahead_s: float) -> JobStore:
    set_server_clock(database, time)
    kind = FakeKind()
    store = JobStore(
        database, {kind.name: kind}, Identity("worker-a", "a", "machine a", 1, 1),
        n=2, max_attempts=5, clock=skewed(time, ahead_s), rng=random.Random(1), concurrency=lambda: None,
    )  # fmt: skip
    store.open()
    return store


@ahead
def test_a_retry_is_due_at_the_same_time_on_every_machine(
    postgresql: Database, clock: FakeClock, ahead_s: float
) -> None:
    rows = Rows(postgresql)
    rows.replay(1, "retry", available_at=iso(NOW - 1))
    rows.replay(2, "retry", available_at=iso(NOW + 1999))
    store = job_store(postgresql, clock, ahead_s)
    store.cycle(CycleInput())
    assert rows.statuses() == {1: "pending", 2: "retry"}


@ahead
def test_a_pause_of_a_kind_ends_at_the_same_time_on_every_machine(
    postgresql: Database, clock: FakeClock, ahead_s: float
) -> None:
    with postgresql.write() as connection:
        pause(connection, "download", until_ms=NOW + 1999, reason=None, now_ms=NOW)
    store = job_store(postgresql, clock, ahead_s)
    store.cycle(CycleInput())
    assert set(store.paused) == {"download"}
    with postgresql.write() as connection:
        pause(connection, "download", until_ms=NOW - 1, reason=None, now_ms=NOW)
    store._next_recovery_s = 0.0
    store.cycle(CycleInput())
    assert not store.paused


@ahead
def test_a_worker_writes_times_of_the_server(postgresql: Database, clock: FakeClock, ahead_s: float) -> None:
    rows = Rows(postgresql)
    store = job_store(postgresql, clock, ahead_s)
    clock.pass_s(5)
    store.cycle(CycleInput())
    (row,) = rows.all(WorkerRow)
    assert iso(NOW) <= row["started_at"] < iso(NOW + 2000)
    assert iso(clock()) <= row["heartbeat_at"] < iso(clock() + 2000)


@pytest.mark.parametrize("ahead_s", [300, -300])
def test_a_worker_of_the_wrong_machine_does_its_jobs(postgresql: Database, ahead_s: float) -> None:
    rows, played = Rows(postgresql), list[int]()
    rows.replays(1, 2, 3)

    def play(job: Job) -> Outcome:
        played.append(job.item_id)
        return DONE

    options = RunOptions(n=2, wait=False)
    with working(postgresql, [FakeKind(play)], options, clock=skewed(wall_clock, ahead_s)):
        wait_until(lambda: sorted(played) == [1, 2, 3])


@ahead
def test_a_pause_of_some_minutes_is_written_by_the_time_of_the_server(
    postgresql: Database, clock: FakeClock, ahead_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    def opened(location: str) -> Database:
        database = Database(location)
        set_server_clock(database, clock)
        return database

    monkeypatch.setattr("tmxdb.upkeep.actions.Database", opened)
    Actions(postgresql.location, skewed(clock, ahead_s)).pause("download", minutes=30, reason="")
    assert Rows(postgresql).sql("SELECT since, until FROM pauses") == [(iso(NOW), iso(NOW + 30 * 60_000))]
