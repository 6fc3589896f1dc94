"""The threads that do the jobs, and how fast they are."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rows import Rows
from tmxdb.db.engine import Database
from tmxdb.errors import DiskTrouble, Gone, NeverAgain, Outage, SiteTrouble, UserMustAct
from tmxdb.queue.crew import Crew, Result, crew_sizes, perform
from tmxdb.queue.job import Done, Fail, GivenBack, Job, Outcome, Retry, Skip, Snooze
from tmxdb.queue.pace import Pace
from tmxdb.queue.plan import Plan
from tmxdb.queue.tray import Tray

from .fakes import DONE, FakeKind, FakeList, raising, wait_until, worker


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (SiteTrouble("m", retry_after_s=7), Retry("tmx.unavailable", "m", 7)),
        (Gone("m"), Skip("tmx.gone", "m")),
        (NeverAgain("m", code="gbx.lzo"), Fail("gbx.lzo", "m")),
        (Outage("m", retry_after_s=4), Snooze("tmx.outage", "m", 4)),
        (Outage("m"), Snooze("tmx.outage", "m", 1)),
        (GivenBack("m"), Snooze("worker.stopping", "m")),
        (DiskTrouble("m"), Snooze("disk.failed", "m")),
    ],
)
def test_what_a_job_raises_becomes_an_outcome(error: Exception, outcome: Outcome) -> None:
    result = perform(FakeKind(raising(error)), Job("download", 1, 1, 1, 0, "", {}))
    assert result.outcome == outcome
    assert result.halt is (error if isinstance(error, UserMustAct) else None)


def test_a_crew_begins_as_many_jobs_at_once_as_it_has_threads() -> None:
    begun, results = threading.Barrier(4), Tray[Result]()

    def play(job: Job) -> Outcome:
        begun.wait(20)  # passes only if all four run at the same time
        return DONE

    crew = Crew(FakeKind(play), 4, results)
    crew.hand_in(_jobs(4))
    assert _done(results, 4) == {0, 1, 2, 3}
    crew.dismiss()


def test_a_crew_never_has_more_threads_than_its_size_and_gives_back_what_is_not_begun() -> None:
    go_on, running, results = threading.Event(), queue.SimpleQueue[int](), Tray[Result]()

    def play(job: Job) -> Outcome:
        running.put(job.item_id)
        go_on.wait(20)
        return DONE

    crew = Crew(FakeKind(play), 2, results)
    crew.hand_in(_jobs(6))
    begun = {running.get(timeout=20) for _ in range(2)}
    assert {job.item_id for job in crew.take_back()} | begun == set(range(6))
    go_on.set()
    assert _done(results, 2) == begun
    assert running.empty()
    crew.dismiss()


def test_jobs_handed_in_one_by_one_get_a_thread_each_while_others_are_at_work() -> None:
    begun, results = threading.Barrier(3), Tray[Result]()

    def play(job: Job) -> Outcome:
        begun.wait(20)
        return DONE

    crew = Crew(FakeKind(play), 3, results)
    for _ in range(3):  # the second and third time by threads that have waited
        for job in _jobs(3):
            crew.hand_in([job])
        assert _done(results, 3) == {0, 1, 2}
    crew.dismiss()


def test_a_crew_goes_on_with_the_threads_that_the_system_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    results, start, started = Tray[Result](), threading.Thread.start, list[str]()

    def scarce(thread: threading.Thread) -> None:
        if len(started) == 2:
            raise RuntimeError("can't start new thread")
        started.append(thread.name)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", scarce)
    crew = Crew(FakeKind(), 8, results)
    crew.hand_in(_jobs(200))
    assert _done(results, 200) == set(range(200))
    crew.dismiss()


def test_a_crew_that_is_dismissed_begins_nothing_more() -> None:
    go_on, running, results = threading.Event(), threading.Event(), Tray[Result]()

    def play(job: Job) -> Outcome:
        running.set()
        go_on.wait(20)
        return DONE

    crew = Crew(FakeKind(play), 1, results)
    crew.hand_in(_jobs(3))
    assert running.wait(20)
    crew.dismiss()
    go_on.set()
    assert _done(results, 1) == {0}
    wait_until(lambda: not [thread for thread in threading.enumerate() if thread.name == "download-0"])
    assert len(results) == 0


def test_a_tray_waits_for_enough_and_no_longer_than_it_may() -> None:
    tray = Tray[int]()
    assert tray.take(1, first_s=0.001, more_s=0) == []
    tray.put(1)
    assert tray.take(2, first_s=20, more_s=0.001) == [1]
    later = [threading.Timer(0.01 * i, tray.put, [i]) for i in range(1, 4)]
    for timer in later:
        timer.start()
    assert sorted(tray.take(3, first_s=20, more_s=20)) == [1, 2, 3]


def _jobs(n: int) -> list[Job]:
    return [Job("download", i, 1, 1, 0, "", {}) for i in range(n)]


def _done(results: Tray[Result], n: int) -> set[int]:
    """The next `n` jobs that are done."""
    ids = set[int]()
    wait_until(lambda: ids.update(r.job.item_id for r in results.take(1, first_s=1, more_s=0)) or len(ids) >= n)
    return ids


@given(st.integers(1, 1024), st.lists(st.integers(1, 2000), min_size=1, max_size=4))
def test_crews_share_n_threads_with_something_for_every_kind(n: int, most: list[int]) -> None:
    kinds = [FakeKind(most=m) for m in most]
    for i, kind in enumerate(kinds):
        kind.name = f"kind {i}"
    sizes = crew_sizes(n, kinds)
    assert set(sizes) == {kind.name for kind in kinds}
    assert sum(sizes.values()) <= max(n, len(kinds))
    assert all(1 <= sizes[kind.name] <= max(kind.at_most(n), 1) for kind in kinds)


def test_three_kinds_with_one_turn_never_do_two_jobs_at_once(sqlite: Database) -> None:
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
    totals = worker(sqlite, kinds, Plan(1)).run()
    assert totals.of("done") == 8
    assert most == [1]


def test_a_kind_alone_gets_all_threads_that_make_sense() -> None:
    assert crew_sizes(64, [FakeKind()]) == {"download": 64}
    assert crew_sizes(64, [FakeKind(most=2)]) == {"download": 2}


def test_pace_counts_jobs_of_the_last_half_minute() -> None:
    now = [0.0]
    pace = Pace(lambda: now[0])
    for _ in range(30):
        now[0] += 1
        pace.count("list")
        pace.count("list")
    assert pace.per_second() == {"list": 2.0}
    now[0] += 60
    assert pace.per_second() == {"list": 0.0}
