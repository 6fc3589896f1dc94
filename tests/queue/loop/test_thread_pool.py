"""The threads that do the jobs, and how fast they are."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.queue.fakes import DONE, FakeBatches, FakeKind, FakeList, raising, wait_until, worker
from tests.rows import Rows
from tmxdb.db.database import Database
from tmxdb.errors import DiskError, ItemGone, PermanentError, SiteError, SiteOutage, UserActionRequired
from tmxdb.queue.job import Done, Fail, Job, Outcome, Retry, Snooze, WorkerStopping
from tmxdb.queue.loop.perform import Result, perform, perform_batch
from tmxdb.queue.loop.result_buffer import ResultBuffer
from tmxdb.queue.loop.run_options import RunOptions
from tmxdb.queue.loop.thread_pool import ThreadPool, pool_sizes
from tmxdb.queue.loop.throughput import Throughput


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (SiteError("m", retry_after_s=7), Retry("tmx.unavailable", "m", 7)),
        (ItemGone("m"), Retry("tmx.gone", "m")),
        (PermanentError("m", code="gbx.lzo"), Fail("gbx.lzo", "m")),
        (SiteOutage("m", retry_after_s=4), Snooze("tmx.outage", "m", 4)),
        (SiteOutage("m"), Snooze("tmx.outage", "m", 1)),
        (WorkerStopping("m"), Snooze("worker.stopping", "m")),
        (DiskError("m"), Snooze("disk.failed", "m")),
    ],
)
def test_an_exception_raised_by_a_job_becomes_an_outcome(error: Exception, outcome: Outcome) -> None:
    result = perform(FakeKind(raising(error)), Job("download", 1, 1, 1, 0, "", {}))
    assert result.outcome == outcome
    assert result.halt is (error if isinstance(error, UserActionRequired) else None)


def test_a_thread_pool_runs_as_many_jobs_concurrently_as_it_has_threads() -> None:
    begun, results = threading.Barrier(4), ResultBuffer[Result]()

    def play(job: Job) -> Outcome:
        begun.wait(120)  # passes only if all four run at the same time
        return DONE

    pool = ThreadPool(FakeKind(play), 4, results)
    pool.submit(_jobs(4))
    assert _done(results, 4) == {0, 1, 2, 3}
    pool.close()


def test_a_thread_pool_never_exceeds_its_size_and_returns_jobs_that_have_not_begun() -> None:
    go_on, running, results = threading.Event(), queue.SimpleQueue[int](), ResultBuffer[Result]()

    def play(job: Job) -> Outcome:
        running.put(job.item_id)
        go_on.wait(120)
        return DONE

    pool = ThreadPool(FakeKind(play), 2, results)
    pool.submit(_jobs(6))
    begun = {running.get(timeout=120) for _ in range(2)}
    assert {job.item_id for job in pool.withdraw()} | begun == set(range(6))
    go_on.set()
    assert _done(results, 2) == begun
    assert running.empty()
    pool.close()


def test_jobs_submitted_one_by_one_each_get_a_thread() -> None:
    begun, results = threading.Barrier(3), ResultBuffer[Result]()

    def play(job: Job) -> Outcome:
        begun.wait(120)
        return DONE

    pool = ThreadPool(FakeKind(play), 3, results)
    for _ in range(3):  # the second and third time by threads that have waited
        for job in _jobs(3):
            pool.submit([job])
        assert _done(results, 3) == {0, 1, 2}
    pool.close()


def test_a_thread_pool_continues_with_the_threads_that_the_system_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    results, start, started = ResultBuffer[Result](), threading.Thread.start, list[str]()

    def scarce(thread: threading.Thread) -> None:
        if len(started) == 2:
            raise RuntimeError("can't start new thread")
        started.append(thread.name)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", scarce)
    pool = ThreadPool(FakeKind(), 8, results)
    pool.submit(_jobs(200))
    assert _done(results, 200) == set(range(200))
    pool.close()


def test_an_error_of_a_thread_that_is_not_about_resources_is_raised_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    error = RuntimeError("a fault")
    monkeypatch.setattr(threading.Thread, "start", raising(error))
    with pytest.raises(RuntimeError) as raised:
        ThreadPool(FakeKind(), 1, ResultBuffer[Result]()).submit(_jobs(1))
    assert raised.value is error
    assert error.__cause__ is None


def test_a_thread_takes_a_share_of_the_jobs_and_those_that_killed_a_worker_alone() -> None:
    batches, alone, results = queue.SimpleQueue[list[int]](), queue.SimpleQueue[int](), ResultBuffer[Result]()

    def play_batch(jobs: Sequence[Job]) -> list[Done | None]:
        batches.put([job.item_id for job in jobs])
        return [DONE] * len(jobs)

    def play(job: Job) -> Outcome:
        alone.put(job.item_id)
        return DONE

    pool = ThreadPool(FakeBatches(play_batch, play, size=3), 1, results)
    pool.submit([replace(job, losses=int(job.item_id == 4)) for job in _jobs(8)])
    assert _done(results, 8) == set(range(8))
    pool.close()
    assert [batches.get() for _ in range(2)] == [[0, 1, 2], [5, 6, 7]]
    assert [alone.get() for _ in range(2)] == [3, 4]
    assert batches.empty()


@pytest.mark.parametrize("trouble", ["one is unusual", "an exception"])
def test_a_job_that_cannot_be_done_together_with_others_is_done_alone(trouble: str) -> None:
    begun, results = [list[int]()], ResultBuffer[Result]()

    def play_batch(jobs: Sequence[Job]) -> list[Done | None]:
        begun[0] = pool.begun()
        if trouble == "an exception":
            raise KeyError
        return [None if job.item_id == 1 else DONE for job in jobs]

    failed = Fail("gbx.lzo", "m")
    pool = ThreadPool(FakeBatches(play_batch, lambda job: failed if job.item_id == 1 else DONE, size=8), 1, results)
    pool.submit(_jobs(3))
    outcomes = dict[int, object]()
    wait_until(
        lambda: (
            outcomes.update((r.job.item_id, r.outcome) for r in results.take(1, first_s=1, more_s=0))
            or len(outcomes) == 3
        )
    )
    pool.close()
    assert outcomes == {0: DONE, 1: failed, 2: DONE}
    assert begun[0] == [0, 1, 2]


def test_an_error_that_stops_the_run_is_the_result_of_all_jobs_done_together() -> None:
    def full(jobs: Sequence[Job]) -> list[Done | None]:
        raise DiskError("m", code="disk.full")

    results = list(perform_batch(FakeBatches(full, lambda job: DONE, size=8), _jobs(3)))
    assert [(result.job.item_id, result.outcome) for result in results] == [
        (i, Snooze("disk.full", "m")) for i in range(3)
    ]
    assert all(isinstance(result.halt, DiskError) for result in results)


def test_a_closed_thread_pool_begins_no_more_jobs() -> None:
    go_on, running, results = threading.Event(), threading.Event(), ResultBuffer[Result]()

    def play(job: Job) -> Outcome:
        running.set()
        go_on.wait(120)
        return DONE

    pool = ThreadPool(FakeKind(play), 1, results)
    pool.submit(_jobs(3))
    assert running.wait(120)
    pool.close()
    go_on.set()
    assert _done(results, 1) == {0}
    wait_until(lambda: not [thread for thread in threading.enumerate() if thread.name == "download-0"])
    assert len(results) == 0


def test_a_result_buffer_waits_for_enough_results_but_not_for_too_long() -> None:
    buffer = ResultBuffer[int]()
    assert buffer.take(1, first_s=0.001, more_s=0) == []
    buffer.put(1)
    assert buffer.take(2, first_s=20, more_s=0.001) == [1]
    later = [threading.Timer(0.01 * i, buffer.put, [i]) for i in range(1, 4)]
    for timer in later:
        timer.start()
    assert sorted(buffer.take(3, first_s=20, more_s=20)) == [1, 2, 3]


def _jobs(n: int) -> list[Job]:
    return [Job("download", i, 1, 1, 0, "", {}) for i in range(n)]


def _done(results: ResultBuffer[Result], n: int) -> set[int]:
    """The next `n` jobs that are done."""
    ids = set[int]()
    wait_until(lambda: ids.update(r.job.item_id for r in results.take(1, first_s=1, more_s=0)) or len(ids) >= n)
    return ids


@given(st.integers(1, 1024), st.lists(st.integers(1, 2000), min_size=1, max_size=4))
def test_thread_pools_share_n_threads_and_each_kind_gets_one(n: int, most: list[int]) -> None:
    kinds = [FakeKind(most=m) for m in most]
    for i, kind in enumerate(kinds):
        kind.name = f"kind {i}"
    sizes = pool_sizes(n, kinds)
    assert set(sizes) == {kind.name for kind in kinds}
    assert sum(sizes.values()) <= max(n, len(kinds))
    assert all(1 <= sizes[kind.name] <= max(kind.at_most(n), 1) for kind in kinds)


def test_with_n_of_one_no_two_jobs_run_concurrently(sqlite: Database) -> None:
    rows = Rows(sqlite)
    for track_id in range(1, 5):
        rows.track(track_id, status="pending")
        rows.replay(100 + track_id, track_id=track_id)
    at_work, most = [0], [0]

    def play(outcome: Outcome) -> Callable[[Job], Outcome]:
        def count(job: Job) -> Outcome:
            at_work[0] += 1
            most[0] = max(most[0], at_work[0])
            threading.Event().wait(0.005)
            at_work[0] -= 1
            return outcome

        return count

    kinds = [FakeList(play(Done({"listed_top": 1}))), FakeKind(play(DONE))]
    totals = worker(sqlite, kinds, RunOptions(1)).run()
    assert totals.of("done") == 8
    assert most == [1]


def test_a_kind_alone_gets_all_threads_that_make_sense() -> None:
    assert pool_sizes(64, [FakeKind()]) == {"download": 64}
    assert pool_sizes(64, [FakeKind(most=2)]) == {"download": 2}


def test_throughput_counts_jobs_of_the_last_quarter_of_a_long_run() -> None:
    now = [0.0]
    throughput = Throughput(lambda: now[0])
    for second in range(800):
        now[0] += 1
        throughput.count("list")
        if second % 200 == 199:
            throughput.count("download")
        if second >= 700:
            throughput.count("list")
    assert throughput.per_second() == {"list": pytest.approx(1.5, abs=0.02), "download": 0.01}


def test_throughput_counts_jobs_of_the_last_half_minute() -> None:
    now = [0.0]
    throughput = Throughput(lambda: now[0])
    for _ in range(30):
        now[0] += 1
        throughput.count("list")
        throughput.count("list")
    assert throughput.per_second() == {"list": 2.0}
    now[0] += 60
    assert throughput.per_second() == {"list": 0.0}
