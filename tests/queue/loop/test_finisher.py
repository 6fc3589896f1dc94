"""Jobs that are finished together."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from tests.queue.fakes import DONE, FakeStages, wait_until
from tmxdb.errors import DatabaseError, InvalidResponse
from tmxdb.queue.job import Job, Retry, Started
from tmxdb.queue.loop.finisher import Finisher
from tmxdb.queue.loop.perform import Result, finish
from tmxdb.queue.loop.result_buffer import ResultBuffer


class Finish:
    """Finishes jobs when `go_on` is set, and remembers which ones together."""

    def __init__(self) -> None:
        self.go_on, self.batches = threading.Event(), list[list[int]]()

    def __call__(self, started: Sequence[Started]) -> None:
        self.batches.append([one.job.item_id for one in started])
        self.go_on.wait(120)
        for one in started:
            one.outcome = DONE


def test_jobs_that_come_while_others_are_finished_are_finished_together() -> None:
    play, results = Finish(), ResultBuffer[Result]()
    finisher = Finisher(FakeStages(play), results, 8)
    finisher.start()
    finisher.add(started(0))
    wait_until(lambda: play.batches == [[0]])
    finisher.add(started(1))
    finisher.add(started(2, 3))
    assert finisher.claims() == {(key, 1) for key in range(4)}
    play.go_on.set()
    assert _done(results, 4) == {0, 1, 2, 3}
    assert play.batches == [[0], [1, 2, 3]]
    assert finisher.claims() == set()
    finisher.close()


def test_jobs_that_come_one_after_the_other_are_finished_together() -> None:
    play, results = Finish(), ResultBuffer[Result]()
    play.go_on.set()
    finisher = Finisher(FakeStages(play), results, 200)
    finisher.start()
    for key in range(100):
        finisher.add(started(key))
    assert _done(results, 100) == set(range(100))
    assert len(play.batches) < 50
    finisher.close()


def test_there_is_room_for_as_many_jobs_as_were_said() -> None:
    play, results = Finish(), ResultBuffer[Result]()
    finisher = Finisher(FakeStages(play), results, 4)
    finisher.add(started(0, 1, 2))
    assert finisher.has_room
    finisher.add(started(3))
    assert not finisher.has_room
    play.go_on.set()
    finisher.start()
    assert _done(results, 4) == {0, 1, 2, 3}
    assert finisher.has_room
    finisher.close()


def test_what_waits_when_the_finisher_is_closed_is_finished() -> None:
    play, results = Finish(), ResultBuffer[Result]()
    finisher = Finisher(FakeStages(play), results, 4)
    finisher.start()
    finisher.add(started(0))
    wait_until(lambda: len(play.batches) == 1)
    finisher.add(started(1))
    finisher.close()
    play.go_on.set()
    assert _done(results, 2) == {0, 1}


def test_a_job_that_cannot_be_finished_does_not_affect_the_others() -> None:
    def play(started: Sequence[Started]) -> None:
        started[0].outcome = DONE
        started[1].outcome = InvalidResponse("m", code="gbx.lzo", digest="d")
        raise DatabaseError("m", code="db.busy")

    several = started(0, 1, 2)
    done, bad, later = finish(FakeStages(play), several)
    assert done.outcome == DONE
    assert bad.outcome == Retry("gbx.lzo", "m", None, "d")
    assert getattr(later.outcome, "code", None) == "db.busy"
    assert [one.outcome for one in several] == [None] * 3  # no error keeps the files of a batch in memory


def started(*keys: int) -> list[Started]:
    """Return jobs whose first step is done."""
    return [Started(Job("download", key, 1, 1, 0, "", {})) for key in keys]


def _done(results: ResultBuffer[Result], n: int) -> set[int]:
    done: set[int] = set()
    while len(done) < n:
        done |= {result.job.item_id for result in results.take(1, first_s=120, more_s=0)}
    return done
