"""Jobs that are finished together with those of other threads."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from tests.queue.fakes import DONE, FakeStages, wait_until
from tmxdb.errors import DatabaseError, InvalidResponse
from tmxdb.queue.job import Job, Retry, Started
from tmxdb.queue.loop.finisher import Finisher
from tmxdb.queue.loop.perform import Result, finish
from tmxdb.queue.loop.result_buffer import ResultBuffer
from tmxdb.queue.loop.thread_pool import ThreadPool


class Finish:
    """Finishes jobs when `go_on` is set, and remembers which ones together."""

    def __init__(self) -> None:
        self.go_on, self.batches = threading.Event(), list[list[int]]()

    def __call__(self, started: Sequence[Started]) -> None:
        self.batches.append([one.job.item_id for one in started])
        self.go_on.wait(120)
        for one in started:
            one.outcome = DONE


def test_threads_start_more_jobs_while_one_of_them_finishes_the_first_and_it_finishes_theirs_too() -> None:
    play, started, results = Finish(), list[int](), ResultBuffer[Result]()
    pool = ThreadPool(FakeStages(play, lambda job: started.append(job.item_id)), 8, results)
    pool.submit(_jobs(1))
    wait_until(lambda: play.batches == [[0]])
    pool.submit(_jobs(4)[1:])
    wait_until(lambda: len(started) == 4 and pool.free() == 7)
    assert pool.begun() == [0, 1, 2, 3]
    play.go_on.set()
    assert _done(results, 4) == {0, 1, 2, 3}
    assert [sorted(batch) for batch in play.batches] == [[0], [1, 2, 3]]
    assert pool.begun() == []
    pool.close()


def test_a_second_thread_finishes_jobs_when_many_wait() -> None:
    play, results = Finish(), ResultBuffer[Result]()
    finisher = Finisher(FakeStages(play, lambda job: None), results, 4)
    first = _finishing(finisher, 1)
    wait_until(lambda: len(play.batches) == 1)
    _finishing(finisher, 1).join(120)  # too few for a second thread
    second = _finishing(finisher, 1)
    wait_until(lambda: len(play.batches) == 2)
    play.go_on.set()
    for thread in (first, second):
        thread.join(120)
    assert [len(batch) for batch in play.batches] == [1, 2]


def test_no_more_jobs_are_started_than_can_wait() -> None:
    play, started, results = Finish(), list[int](), ResultBuffer[Result]()
    pool = ThreadPool(FakeStages(play, lambda job: started.append(job.item_id)), 2, results)
    pool.submit(_jobs(100))
    wait_until(lambda: len(play.batches) == 2)  # both threads, which then start no job
    assert len(started) == len(pool.begun()) == 2
    play.go_on.set()
    assert _done(results, 100) == set(range(100))
    pool.close()


def test_a_job_that_cannot_be_finished_does_not_affect_the_others() -> None:
    def play(started: Sequence[Started]) -> None:
        started[0].outcome = DONE
        started[1].outcome = InvalidResponse("m", code="gbx.lzo", digest="d")
        raise DatabaseError("m", code="db.busy")

    started = [Started(job) for job in _jobs(3)]
    done, bad, later = finish(FakeStages(play, lambda job: None), started)
    assert done.outcome == DONE
    assert bad.outcome == Retry("gbx.lzo", "m", None, "d")
    assert getattr(later.outcome, "code", None) == "db.busy"
    assert [one.outcome for one in started] == [None] * 3  # no error keeps the files of a batch in memory


def _jobs(n: int) -> list[Job]:
    return [Job("download", i, 1, 1, 0, "", {}) for i in range(n)]


def _finishing(finisher: Finisher, n: int) -> threading.Thread:
    """Return a thread that adds `n` jobs and finishes what waits."""

    def work() -> None:
        for job in _jobs(n):
            finisher.add(Started(job))
        finisher.finish_waiting()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def _done(results: ResultBuffer[Result], n: int) -> set[int]:
    done: set[int] = set()
    while len(done) < n:
        done |= {result.job.item_id for result in results.take(1, first_s=120, more_s=0)}
    return done
