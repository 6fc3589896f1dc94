"""Clocks that jump: a laptop that sleeps for an hour, NTP that sets the time back. No live worker loses its rows."""

from __future__ import annotations

import random
import subprocess
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests import forked
from tests.processes import resume, suspend
from tests.queue.fakes import DONE, Bench, FakeKind, wait_until, working
from tests.queue.sharing.test_recover import beat, lost_workers, recovered, watched
from tests.rows import NOW, FakeClock, Rows
from tests.server_clock import set_server_clock
from tmxdb.clock import iso, wall_clock
from tmxdb.db.database import Database
from tmxdb.db.models import ReplayRow
from tmxdb.events import EventBus
from tmxdb.queue import worker_registry as registry_module
from tmxdb.queue.job import Job, Outcome
from tmxdb.queue.loop import job_store as store_module
from tmxdb.queue.loop.run_options import RunOptions
from tmxdb.queue.loop.worker import Worker
from tmxdb.queue.rate_limiter import RateLimiter
from tmxdb.queue.rows.recover import promote_far
from tmxdb.queue.worker_registry import HEARTBEAT_MS, LEASE_MS, Identity, LivenessMonitor

ROOT = Path(__file__).resolve().parents[3]
HOUR_S = 3600
LEASE_S, HEARTBEAT_S = LEASE_MS / 1000, HEARTBEAT_MS / 1000


@pytest.fixture
def bench(database: Database, clock: FakeClock) -> Bench:
    return Bench(database, clock)


@pytest.mark.parametrize("jump_s", [-HOUR_S, HOUR_S, -86_400, 86_400])
def test_a_clock_that_jumps_frees_no_row_of_a_live_worker_and_holds_none_of_a_dead_one(
    bench: Bench, jump_s: int
) -> None:
    watch, theirs = LivenessMonitor(bench.clock.monotonic), FakeClock()
    bench.register("far")
    assert lost_workers(bench, watch) == []
    bench.clock.jump_s(jump_s)
    for _ in range(20):
        assert watched(bench, watch, HEARTBEAT_S) == []
        theirs.pass_s(HEARTBEAT_S)
        beat(bench, "far", theirs)
        assert lost_workers(bench, watch) == []
    assert watched(bench, watch, LEASE_S + 1) == ["far"]


@pytest.mark.parametrize(
    "steady_counts_sleep", [False, True], ids=["steady clock stands still", "steady clock goes on"]
)
def test_a_worker_that_wakes_up_after_an_hour_takes_no_rows_of_others_that_wake_up_too(
    bench: Bench, steady_counts_sleep: bool
) -> None:
    """Two workers in a laptop that was closed, or two virtual machines on one host."""
    watch = LivenessMonitor(bench.clock.monotonic)
    bench.register("beside")
    assert watched(bench, watch, HEARTBEAT_S - 1) == []
    if steady_counts_sleep:
        bench.clock.pass_s(HOUR_S)
    else:
        bench.clock.jump_s(HOUR_S)
    assert lost_workers(bench, watch) == []
    assert watched(bench, watch, HEARTBEAT_S) == []  # its own next heartbeat is on its way
    beat(bench, "beside")
    assert watched(bench, watch, HEARTBEAT_S) == []


@pytest.mark.parametrize("jump_s", [-HOUR_S, HOUR_S])
def test_a_dead_worker_is_found_although_the_clock_jumps_again_and_again(bench: Bench, jump_s: int) -> None:
    watch = LivenessMonitor(bench.clock.monotonic)
    bench.register("far")
    lost_workers(bench, watch)
    for _ in range(10):
        bench.clock.jump_s(jump_s)
        watched(bench, watch, LEASE_S / 10 + 1)
    assert lost_workers(bench, watch) == ["far"]


class Jumping:
    """The computer's clock, and how wrong it is."""

    def __init__(self) -> None:
        self.ahead_s = 0

    def __call__(self) -> int:
        return wall_clock() + self.ahead_s * 1000


@pytest.mark.parametrize("first_s", [HOUR_S, pytest.param(-HOUR_S, marks=pytest.mark.slow)])
def test_two_machines_one_with_a_jumping_clock_do_every_row_once(
    database: Database,
    rows: Rows,
    reopen: Callable[[Database], Database],
    monkeypatch: pytest.MonkeyPatch,
    first_s: int,
) -> None:
    for module in (store_module, registry_module):
        monkeypatch.setattr(module, "HEARTBEAT_MS", 400)
    monkeypatch.setattr(registry_module, "LEASE_MS", 600_000)  # shorter than a jump, longer than any stall of a machine
    monkeypatch.setattr(registry_module, "MISSED_HEARTBEATS", 1500)  # so are these
    total, done, jumping = 240, list[int](), Jumping()
    rows.replays(*range(1, total + 1))

    begun: dict[str, threading.Event] = {"a": threading.Event(), "b": threading.Event()}

    def play(name: str, job: Job) -> Outcome:
        begun[name].set()
        assert all(event.wait(120) for event in begun.values())  # neither does all before the other has started
        done.append(job.item_id)
        threading.Event().wait(0.025)
        return DONE

    def machine(name: str, location: Database, clock: Callable[[], int]) -> Worker:
        identity = Identity(f"worker-{name}", name, f"machine {name}", 1, 1)
        return Worker(
            location, [FakeKind(partial(play, name))], RunOptions(n=2), identity=identity, events=EventBus(),
            stop=threading.Event(),
            stop_now=threading.Event(), clock=clock, rng=random.Random(1),
        )  # fmt: skip

    both = [machine("a", database, jumping), machine("b", reopen(database), wall_clock)]
    threads = [threading.Thread(target=worker.run) for worker in both]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(done) > total // 4)
    jumping.ahead_s = first_s
    wait_until(lambda: len(done) > total // 2)
    jumping.ahead_s = -first_s
    for thread in threads:
        thread.join(120)
    assert set(rows.statuses().values()) == {"done"}
    assert sorted(done) == list(range(1, total + 1))
    assert {row["attempts"] for row in rows.all(ReplayRow)} == {1}
    assert rows.attempts() == []
    assert [worker.totals.dropped for worker in both] == [0, 0]
    assert all(worker.totals.of("done") for worker in both)


def test_a_process_that_was_stopped_for_longer_than_its_lease_charges_and_overwrites_nothing(
    database: Database, rows: Rows
) -> None:
    rows.replays(1, 2, 3)
    program = (
        "import sys; from tests.queue.fakes import DONE, FakeKind, worker; from tmxdb.db.database import Database;"
        "from tmxdb.queue.loop.run_options import RunOptions\n"
        "def play(job): print(job.item_id, flush=True); sys.stdin.readline(); return DONE\n"
        "totals = worker(Database(sys.argv[1]), [FakeKind(play)], RunOptions(n=1)).run()\n"
        "print('dropped', totals.dropped, 'done', totals.of('done'))"
    )
    bench = Bench(database, FakeClock(), FakeKind())
    with forked.python(program, database.location, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        try:
            assert child.stdout
            assert child.stdin
            assert child.stdout.readline() == "1\n"
            watch = LivenessMonitor(bench.clock.monotonic)
            suspend(child)
            assert lost_workers(bench, watch) == []  # its process is there
            (lost,) = watched(bench, watch, LEASE_S + 1)
            assert recovered(bench, lost).lost == 3
            assert {(row["status"], row["attempts"]) for row in rows.all(ReplayRow)} == {("pending", 0)}
            bench.register("me")
            (mine,) = bench.claim("me")
            assert mine.item_id == 1
            resume(child)
            child.stdin.write("\n" * 9)
            child.stdin.flush()
            wait_until(lambda: [row["status"] for row in rows.all(ReplayRow)][1:] == ["done", "done"], at_most_s=60)
            assert rows.statuses()[1] == "running"  # its late result is no result
            assert bench.settle((mine, DONE)) == ["done"]
            out, _ = child.communicate(timeout=300)
        finally:
            child.kill()
    assert out.splitlines()[-1].startswith("dropped ")
    assert int(out.split()[-3]) >= 1
    assert {row["attempts"] for row in rows.all(ReplayRow)} == {1}
    assert {book["outcome"] for book in rows.attempts()} == {"lost"}


@pytest.mark.parametrize("offset_s", [-HOUR_S, 0])
def test_a_row_that_waits_until_a_far_future_was_written_by_a_wrong_clock(
    bench: Bench, rows: Rows, offset_s: int
) -> None:
    rows.replay(1, "retry", available_at=iso(NOW + 400 * 86_400_000))
    rows.replay(2, "retry", available_at=iso(NOW + 24 * HOUR_S * 1000))  # the longest that a site can ask for
    bench.clock.jump_s(offset_s)
    with bench.database.write() as connection:
        assert promote_far(connection, bench.kind, bench.clock()) == 1
    assert rows.statuses() == {1: "pending", 2: "retry"}


def test_a_worker_does_a_row_that_was_put_off_by_a_wrong_clock(database: Database, rows: Rows) -> None:
    rows.replay(1, "retry", available_at=iso(wall_clock() + 400 * 86_400_000))
    with working(database, [FakeKind()]):
        wait_until(lambda: rows.statuses() == {1: "done"})


def test_a_clock_that_is_set_back_by_an_hour_prolongs_no_pause(database: Database, clock: FakeClock) -> None:
    class Passing(threading.Event):
        """Time goes on instead of being waited for."""

        def wait(self, timeout: float | None = None) -> bool:
            clock.pass_s(max(timeout or 0, 0.001))
            return False

    set_server_clock(database, clock)
    limiters = [RateLimiter(database, stop=Passing(), clock=clock, monotonic=clock.monotonic) for _ in range(2)]
    limiters[0].set_rate(4)
    limiters[0].pause(60, "slow down")
    limiters[1]._refresh()
    clock.jump_s(-HOUR_S)
    began_s = clock.steady_s
    for limiter in limiters:
        limiter.wait_turn()
        assert 60 <= clock.steady_s - began_s < 62


def test_a_pause_from_before_the_clock_was_set_back_does_not_hide_a_new_one(
    database: Database, clock: FakeClock
) -> None:
    set_server_clock(database, clock)
    limiter = RateLimiter(database, stop=threading.Event(), clock=clock, monotonic=clock.monotonic)
    limiter.pause(60, "before")
    clock.jump_s(-100 * 86_400)
    limiter.pause(5, "after")
    assert Rows(database).sql("SELECT paused_until_ms, reason FROM rate_limit") == [(clock() + 5000, "after")]
