"""The threads that do jobs in two steps: which jobs begin, and what happens to those that cannot."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest

from tests.queue.fakes import DONE, FakeStages, wait_until
from tmxdb.errors import InvalidResponse, SiteRefused
from tmxdb.queue.job import Done, Job, Outcome, Retry, Snooze, Started, WorkerStopping
from tmxdb.queue.loop.perform import Result
from tmxdb.queue.loop.result_buffer import ResultBuffer
from tmxdb.queue.loop.staged_pool import StagedPool


def finish(started: Sequence[Started]) -> None:
    for one in started:
        one.outcome = DONE


@contextmanager
def pool_of(
    kind: FakeStages, size: int, may_begin: Callable[[], bool] = lambda: True, slots: threading.Semaphore | None = None
) -> Iterator[tuple[StagedPool, ResultBuffer[Result]]]:
    """A pool and the buffer of its results."""
    results = ResultBuffer[Result]()
    pool = StagedPool(kind, size, results, slots, may_begin)
    try:
        yield pool, results
    finally:
        kind.go_on.set()
        pool.close()


def test_as_many_jobs_are_under_way_as_the_pool_has_room_for_and_the_others_can_be_withdrawn() -> None:
    begun = list[int]()
    kind = FakeStages(finish, lambda job: begun.append(job.item_id))
    kind.go_on.clear()
    with pool_of(kind, 3) as (pool, results):
        pool.submit(jobs(5))
        wait_until(lambda: len(begun) == 3)
        assert pool.begun() == [0, 1, 2]
        assert pool.free() == 0
        assert [job.item_id for job in pool.withdraw()] == [3, 4]
        kind.go_on.set()
        assert outcomes(results, 3) == {0: DONE, 1: DONE, 2: DONE}
        wait_until(lambda: pool.begun() == [] and pool.free() == 3)


def test_a_job_that_waits_for_its_turn_has_not_begun_and_can_be_withdrawn_or_dropped() -> None:
    asked = list[int]()
    kind = FakeStages(finish, wait_s=lambda wanted: asked.append(wanted) or 0.01)
    with pool_of(kind, 2) as (pool, results):
        pool.submit(jobs(3))
        wait_until(lambda: len(asked) > 2)
        assert (pool.begun(), pool.free()) == ([], 0)
        assert set(asked) == {2}  # of three jobs that wait, there is room for two
        pool.drop([0])
        kind.released.clear()
        wait_until(lambda: pool.withdraw() and not pool.withdraw())
        assert pool.begun() == []
        assert kind.released.wait(120)  # others need not wait for a job that does not come
        assert not results


def test_a_job_begins_when_its_turn_comes() -> None:
    turn = threading.Event()
    with pool_of(FakeStages(finish, wait_s=lambda wanted: 0.0 if turn.is_set() else 0.01), 2) as (pool, results):
        pool.submit(jobs(3))
        assert not results.take(1, first_s=0.05, more_s=0)
        turn.set()
        assert set(outcomes(results, 3)) == {0, 1, 2}


def test_no_job_begins_while_claims_may_be_lost() -> None:
    may_begin = threading.Event()
    with pool_of(FakeStages(finish), 2, may_begin.is_set) as (pool, results):
        pool.submit(jobs(2))
        assert not results.take(1, first_s=0.05, more_s=0)
        assert pool.begun() == []
        may_begin.set()
        assert set(outcomes(results, 2)) == {0, 1}


def test_no_more_jobs_begin_than_can_wait_to_be_finished() -> None:
    go_on, begun = threading.Event(), list[int]()

    def play(started: Sequence[Started]) -> None:
        go_on.wait(120)
        finish(started)

    with pool_of(FakeStages(play, lambda job: begun.append(job.item_id)), 2) as (pool, results):
        pool.submit(jobs(100))
        wait_until(lambda: len(begun) >= 3)  # at least one is being finished, and two wait
        assert not threading.Event().wait(0.1)
        assert len(begun) == len(pool.begun()) <= 6
        go_on.set()
        assert set(outcomes(results, 100)) == set(range(100))


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (WorkerStopping("m"), Snooze("worker.stopping", "m")),
        (SiteRefused("m"), Snooze("tmx.refused", "m")),
        (InvalidResponse("m", code="gbx.lzo"), Retry("gbx.lzo", "m")),
    ],
)
@pytest.mark.parametrize("where", ["wait_s", "start"])
def test_an_error_before_a_job_has_begun_is_its_outcome_and_the_next_one_begins(
    error: Exception, outcome: Outcome, where: str
) -> None:
    errors = [error]

    def fails_once(what: object) -> None:
        if errors:
            raise errors.pop()

    kind = FakeStages(finish)
    if where == "start":
        kind.start = fails_once
    else:
        kind.wait_s = lambda wanted: fails_once(wanted) or 0.0
    with pool_of(kind, 1) as (pool, results):
        pool.submit(jobs(2))
        assert outcomes(results, 2) == {0: outcome, 1: DONE}
        assert pool.begun() == []


def test_a_job_of_which_nothing_is_left_to_do_waits_for_no_turn() -> None:
    class OnDisk(FakeStages):
        def adopt(self, job: Job) -> Outcome | None:
            return Done({"file_bytes": 7}) if job.item_id % 2 else None

    with pool_of(OnDisk(finish, wait_s=lambda wanted: 0.01), 4) as (pool, results):
        pool.submit(jobs(4)[1:2])
        assert outcomes(results, 1) == {1: Done({"file_bytes": 7})}
        assert pool.begun() == []


def test_jobs_whose_first_step_failed_are_not_finished() -> None:
    finished = list[int]()

    def play(started: Sequence[Started]) -> None:
        finished.extend(one.job.item_id for one in started)
        finish(started)

    kind = FakeStages(play)
    kind.errors = {key: InvalidResponse("m", code="tmx.html") for key in range(0, 100, 2)}
    with pool_of(kind, 8) as (pool, results):
        pool.submit(jobs(100))
        assert outcomes(results, 100) == {key: DONE if key % 2 else Retry("tmx.html", "m") for key in range(100)}
        assert sorted(finished) == list(range(1, 100, 2))
        assert not results
        wait_until(lambda: pool.begun() == [])


def test_two_claims_of_one_row_have_a_result_each() -> None:
    """A worker that was suspended may claim a row again on which it still works."""
    begun = list[int]()
    kind = FakeStages(finish, lambda job: begun.append(job.token))
    kind.go_on.clear()
    with pool_of(kind, 4) as (pool, results):
        pool.submit([Job("download", 7, token, 1, 0, "", {}) for token in (1, 2)])
        wait_until(lambda: begun == [1, 2])
        assert pool.begun() == [7]
        kind.go_on.set()
        taken = list[Result]()
        while len(taken) < 2:
            taken += results.take(1, first_s=120, more_s=0)
        assert sorted((result.job.token, result.outcome == DONE) for result in taken) == [(1, True), (2, True)]
        wait_until(lambda: pool.begun() == [])


def test_a_kind_whose_first_steps_cannot_be_opened_fails_its_jobs_and_rests_then() -> None:
    opened = list[int]()

    class Closed(FakeStages):
        def first_steps(self, most: int):  # type: ignore[no-untyped-def]
            opened.append(most)
            raise InvalidResponse("m", code="tmx.html")

    with pool_of(Closed(finish), 2) as (pool, results):
        pool.submit(jobs(3))
        assert outcomes(results, 3) == dict.fromkeys(range(3), Retry("tmx.html", "m"))
        assert not threading.Event().wait(0.1)
        assert len(opened) == 3


def test_a_bug_in_a_first_step_fails_the_jobs_under_way_and_no_other() -> None:
    class Broken(FakeStages):
        bugs = 1

        def first_steps(self, most: int):  # type: ignore[no-untyped-def]
            steps = super().first_steps(most)
            if self.bugs:
                self.bugs = 0
                steps.wait = self.fail  # type: ignore[method-assign]
                steps.close = self.fail  # type: ignore[method-assign,assignment]
            return steps

        def fail(self, seconds: float = 0.0) -> list[Started]:
            raise ZeroDivisionError

    with pool_of(Broken(finish), 2) as (pool, results):
        pool.submit(jobs(2))
        failed = outcomes(results, 2)
        assert {getattr(outcome, "code", "") for outcome in failed.values()} == {"tmxdb.bug"}
        pool.submit(jobs(4)[2:])
        assert outcomes(results, 2) == {2: DONE, 3: DONE}


def test_jobs_share_slots_with_other_kinds_and_give_them_back() -> None:
    slots = threading.Semaphore(1)
    slots.acquire()
    with pool_of(FakeStages(finish), 1, slots=slots) as (pool, results):
        pool.submit(jobs(2))
        assert not results.take(1, first_s=0.05, more_s=0)
        slots.release()
        assert set(outcomes(results, 2)) == {0, 1}
        assert slots.acquire(timeout=120)


def test_a_job_that_waits_for_its_turn_keeps_its_slot_until_it_is_withdrawn() -> None:
    """Another kind that got the slot would wait for what this job has reserved."""
    slots, asked = threading.Semaphore(1), list[int]()
    kind = FakeStages(finish, wait_s=lambda wanted: asked.append(wanted) or 0.01)
    with pool_of(kind, 1, slots=slots) as (pool, _):
        pool.submit(jobs(1))
        wait_until(lambda: len(asked) > 5)
        assert not slots.acquire(timeout=0.1)
        kind.released.clear()
        wait_until(pool.withdraw)
        assert slots.acquire(timeout=120)
        assert kind.released.is_set()  # before the slot was given back


def test_a_known_error_in_a_first_step_is_the_outcome_of_the_jobs_under_way() -> None:
    class Busy(FakeStages):
        def first_steps(self, most: int):  # type: ignore[no-untyped-def]
            steps = super().first_steps(most)
            steps.wait = self.fail  # type: ignore[method-assign]
            return steps

        def fail(self, seconds: float) -> list[Started]:
            raise InvalidResponse("m", code="tmx.html")

    with pool_of(Busy(finish), 2) as (pool, results):
        pool.submit(jobs(2))
        assert outcomes(results, 2) == dict.fromkeys(range(2), Retry("tmx.html", "m"))


def jobs(n: int) -> list[Job]:
    return [Job("download", i, 1, 1, 0, "", {}) for i in range(n)]


def outcomes(results: ResultBuffer[Result], n: int) -> dict[int, object]:
    """Wait for `n` results and return their outcomes by key."""
    found: dict[int, object] = {}
    while len(found) < n:
        taken = results.take(1, first_s=120, more_s=0)
        assert taken, f"only {len(found)} of {n} jobs have a result"
        found |= {result.job.item_id: result.outcome for result in taken}
    return found
