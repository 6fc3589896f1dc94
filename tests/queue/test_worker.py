"""The worker's loop: drains, waits, stops, and loses nothing while the database is away."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, exc

from tests.rows import FILE, Rows
from tmxdb.clock import iso, wall_clock
from tmxdb.db.bulk import NewRows
from tmxdb.db.engine import Database
from tmxdb.db.models import Map, Replay, Track, table_of
from tmxdb.errors import DatabaseTrouble, DiskTrouble, Gone, NeverAgain, Outage, SiteTrouble, UserMustAct
from tmxdb.queue import desk as desk_module
from tmxdb.queue import worker as worker_module
from tmxdb.queue.crew import Crew, Result, crew_sizes, perform
from tmxdb.queue.desk import Desk
from tmxdb.queue.job import Done, Fail, GivenBack, Job, Outcome, Retry, Skip, Snooze
from tmxdb.queue.pace import Pace
from tmxdb.queue.worker import Plan

from .fakes import DONE, Bench, FakeKind, FakeList, Notes, wait_until, worker


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look often, so that no test waits for a second."""
    monkeypatch.setattr(desk_module, "LOOK_S", 0.05)
    monkeypatch.setattr(worker_module, "LOOK_S", 0.05)


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


def test_a_worker_does_everything_there_is_and_signs_out(database: Database, rows: Rows) -> None:
    rows.replays(*range(1, 101))
    seen: list[list[str]] = []

    def play(job: Job) -> Outcome:
        if job.item_id == 50:
            seen.append(rows.workers())
        return DONE

    totals = worker(database, [FakeKind(play)]).run()
    assert totals.by_kind["download"] == {"done": 100}
    assert set(rows.statuses().values()) == {"done"}
    assert [len(workers) for workers in seen] == [1]
    assert rows.workers() == []


def test_jobs_are_done_in_the_order_of_their_priority(sqlite: Database) -> None:
    rows, order = Rows(sqlite), []
    for replay_id in range(1, 61):
        rows.replay(replay_id, priority=-replay_id)

    def play(job: Job) -> Outcome:
        order.append(job.item_id)
        return DONE

    worker(sqlite, [FakeKind(play)], Plan(n=1)).run()
    assert order == list(range(60, 0, -1))


def test_work_that_one_kind_opens_for_another_is_done_in_the_same_run(database: Database, rows: Rows) -> None:
    rows.track(1)
    replays = [{"replay_id": i, "track_id": 1} for i in range(1, 6)]
    lists = FakeList(lambda job: Done({"listed_top": 1}, [NewRows(table_of(Replay), replays)]))
    totals = worker(database, [lists, FakeKind()]).run()
    assert (totals.by_kind["list"], totals.by_kind["download"]) == ({"done": 1}, {"done": 5})


@pytest.mark.parametrize("limit", [1, 7, 40, 90])
def test_a_limit_is_kept_exactly(sqlite: Database, limit: int) -> None:
    rows = Rows(sqlite)
    rows.replays(*range(1, 101))
    totals = worker(sqlite, [FakeKind()], Plan(n=4, limit=limit)).run()
    assert totals.of("done") == limit
    statuses = list(rows.statuses().values())
    assert (statuses.count("done"), statuses.count("pending")) == (limit, 100 - limit)


def test_a_limit_counts_what_is_snoozed_only_when_it_is_done(sqlite: Database) -> None:
    rows, snoozed = Rows(sqlite), set[int]()
    rows.replays(*range(1, 11))

    def play(job: Job) -> Outcome:
        if job.item_id in snoozed:
            return DONE
        snoozed.add(job.item_id)
        return Snooze("x", "not yet")

    assert worker(sqlite, [FakeKind(play)], Plan(n=2, limit=5)).run().of("done") == 5
    assert list(rows.statuses().values()).count("done") == 5


def test_rows_that_are_due_soon_are_waited_for(database: Database, rows: Rows) -> None:
    rows.replay(1, "retry", available_at=iso(wall_clock() + 300))
    notes = Notes()
    assert worker(database, [FakeKind()], listener=notes).run().of("done") == 1
    assert [waiting for _, waiting in notes.waited][:1] == [1]


def test_rows_in_retry_are_left_when_told_so(sqlite: Database) -> None:
    rows = Rows(sqlite)
    rows.replay(1, "retry", available_at=iso(wall_clock() + 3_600_000))
    rows.replay(2)
    assert worker(sqlite, [FakeKind()], Plan(n=1, wait=False)).run().of("done") == 1
    assert rows.statuses() == {1: "retry", 2: "done"}


def test_a_retry_comes_back_until_its_attempts_are_used_up(sqlite: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tmxdb.queue.settle.backoff_s", lambda attempt, **_: 0.0)
    rows = Rows(sqlite)
    rows.replay(1)
    play = raising(SiteTrouble("no answer", code="tmx.timeout"))
    totals = worker(sqlite, [FakeKind(play)], Plan(n=1, max_attempts=3)).run()
    assert totals.by_kind["download"] == {"retry": 2, "failed": 1}
    assert [book["outcome"] for book in rows.attempts()] == ["retry", "retry", "failed"]


def test_forever_waits_for_new_work_until_it_is_told_to_stop(database: Database, rows: Rows) -> None:
    rows.replay(1)
    with working(database, [FakeKind()], Plan(n=1, forever=True)) as thread:
        wait_until(lambda: rows.statuses() == {1: "done"})
        rows.replay(2)
        wait_until(lambda: rows.statuses() == {1: "done", 2: "done"})
        assert thread.is_alive()


def test_a_stop_lets_begun_jobs_end_and_gives_back_the_rest_uncharged(database: Database, rows: Rows) -> None:
    rows.replays(*range(1, 31))
    begun, go_on, stop = queue.SimpleQueue[int](), threading.Event(), threading.Event()

    def play(job: Job) -> Outcome:
        begun.put(job.item_id)
        go_on.wait(20)
        return DONE

    with working(database, [FakeKind(play)], Plan(n=2), stop=stop):
        ids = {begun.get(timeout=20), begun.get(timeout=20)}
        stop.set()
        wait_until(lambda: list(rows.statuses().values()).count("pending") == 28)
        go_on.set()
    assert {i for i, status in rows.statuses().items() if status == "done"} == ids
    assert {(row["attempts"], row["error_code"]) for row in rows.all(Replay) if row["status"] == "pending"} == {
        (0, None)
    }
    assert rows.workers() == []


def test_a_second_stop_gives_back_what_is_in_flight(database: Database, rows: Rows) -> None:
    rows.replays(1, 2, 3)
    begun, go_on = threading.Event(), threading.Event()
    stop, now = threading.Event(), threading.Event()

    def play(job: Job) -> Outcome:
        begun.set()
        go_on.wait(20)
        return DONE

    with working(database, [FakeKind(play)], Plan(n=1), stop=stop, stop_now=now):
        assert begun.wait(20)
        stop.set()
        now.set()
    go_on.set()
    assert {(row["status"], row["attempts"]) for row in rows.all(Replay)} == {("pending", 0)}


def test_a_job_that_is_told_to_stop_is_given_back_uncharged(sqlite: Database) -> None:
    rows, stop = Rows(sqlite), threading.Event()
    rows.replay(1)

    def play(job: Job) -> Outcome:
        stop.set()
        raise GivenBack("the worker was told to stop")

    worker(sqlite, [FakeKind(play)], Plan(n=1), stop=stop).run()
    assert (rows.one(Replay, 1)["status"], rows.one(Replay, 1)["attempts"]) == ("pending", 0)


def test_what_the_user_must_mend_halts_the_run_and_charges_nothing(database: Database, rows: Rows) -> None:
    rows.replays(*range(1, 101))

    def play(job: Job) -> Outcome:
        if job.item_id == 5:
            raise DiskTrouble("the disk is full", code="disk.full")
        return DONE

    with pytest.raises(UserMustAct, match="the disk is full"):
        worker(database, [FakeKind(play)], Plan(n=2)).run()
    left = [row for row in rows.all(Replay) if row["status"] != "done"]
    assert {(row["status"], row["attempts"]) for row in left} == {("pending", 0)}
    assert (rows.attempts(), rows.workers()) == ([], [])
    assert rows.one(Replay, 5)["error_code"] == "disk.full"


def test_a_bug_costs_its_row_and_leaves_its_traceback(database: Database, rows: Rows) -> None:
    rows.replays(1, 2)

    def play(job: Job) -> Outcome:
        if job.item_id == 2:
            return DONE
        raise ZeroDivisionError("x" * 100 + " at the end")

    assert worker(database, [FakeKind(play)]).run().by_kind["download"] == {"done": 1, "failed": 1}
    row = rows.one(Replay, 1)
    assert (row["status"], row["error_code"]) == ("failed", "tmxdb.bug")
    assert "Traceback" in row["error"]
    assert row["error"].rstrip().endswith("at the end")


def test_a_long_traceback_keeps_its_end() -> None:
    job = Job("download", 1, 1, 1, 0, "", {})
    outcome = perform(FakeKind(raising(ValueError("x" * 5000 + " the end"))), job).outcome
    assert isinstance(outcome, Fail)
    assert (len(outcome.message), outcome.message.rstrip().endswith("the end")) == (2000, True)


@pytest.mark.parametrize(
    "values",
    [
        {**FILE, "file_bytes": 0},
        {**FILE, "file_bytes": 2**70},
        {**FILE, "nickname": "\ud800"},
        {**FILE, "nickname": {"a": 1}},
        {**FILE, "no_such_column": 1},
    ],
    ids=["against a rule", "too large", "half a character", "no text", "no such column"],
)
def test_a_value_that_the_database_refuses_costs_its_own_row_only(
    database: Database, rows: Rows, values: dict[str, Any]
) -> None:
    rows.replays(*range(1, 11))
    kind = FakeKind(lambda job: Done(values) if job.item_id == 4 else DONE)
    assert worker(database, [kind]).run().by_kind["download"] == {"done": 9, "failed": 1}
    assert (rows.one(Replay, 4)["status"], rows.one(Replay, 4)["error_code"]) == ("failed", "tmxdb.bug")


def test_a_row_that_can_not_be_opened_costs_the_row_that_opens_it(database: Database, rows: Rows) -> None:
    rows.replays(1, 2)
    bad = Done(FILE, [NewRows(table_of(Map), [{"track_id": 99, "priority": 0}])])
    kind = FakeKind(lambda job: bad if job.item_id == 1 else DONE)
    assert worker(database, [kind]).run().by_kind["download"] == {"done": 1, "failed": 1}
    assert rows.statuses() == {1: "failed", 2: "done"}


class Troubled(Desk):
    """A desk whose turns go wrong while `troubles` last; `after` the transaction was committed or before."""

    troubles: list[str]
    after = False

    def turn(self, *args: Any, **kwargs: Any) -> Any:
        if not self.after and self.troubles and args[0]:
            raise DatabaseTrouble("it is away.", code=self.troubles.pop())
        turn = super().turn(*args, **kwargs)
        if self.after and self.troubles and turn.claimed:
            raise DatabaseTrouble("it went away.", code=self.troubles.pop())
        return turn


@pytest.fixture
def troubled(monkeypatch: pytest.MonkeyPatch) -> type[Troubled]:
    monkeypatch.setattr(worker_module, "Desk", Troubled)
    monkeypatch.setattr(worker_module, "AGAIN_S", 0.01)
    monkeypatch.setattr(Troubled, "after", False)
    return Troubled


def test_results_are_kept_while_the_database_is_away(sqlite: Database, troubled: type[Troubled]) -> None:
    troubled.troubles = ["db.busy", "db.unreachable", "db.busy"]
    rows, notes, played = Rows(sqlite), Notes(), list[int]()
    rows.replays(*range(1, 11))

    def play(job: Job) -> Outcome:
        played.append(job.item_id)
        return DONE

    assert worker(sqlite, [FakeKind(play)], listener=notes).run().of("done") == 10
    assert sorted(played) == list(range(1, 11))
    assert sum("wait in memory" in note for note in notes.notes) == 3


def test_trouble_that_does_not_pass_ends_the_run(sqlite: Database, troubled: type[Troubled]) -> None:
    troubled.troubles = ["disk.full"]
    rows = Rows(sqlite)
    rows.replays(1, 2)
    with pytest.raises(DatabaseTrouble):
        worker(sqlite, [FakeKind()]).run()
    assert {(row["status"], row["attempts"]) for row in rows.all(Replay)} == {("pending", 0)}


def test_rows_of_a_claim_whose_answer_was_lost_are_not_ours_for_ever(
    sqlite: Database, troubled: type[Troubled], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk_module, "HEARTBEAT_MS", 50)
    troubled.troubles, troubled.after = ["db.unreachable"], True
    rows = Rows(sqlite)
    rows.replays(*range(1, 11))
    with working(sqlite, [FakeKind()], Plan(n=1, forever=True)):
        wait_until(lambda: set(rows.statuses().values()) == {"done"})
    assert {row["attempts"] for row in rows.all(Replay)} == {1}


def test_a_job_that_finds_the_database_away_is_done_later(sqlite: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, tried = Rows(sqlite), list[int]()
    rows.replay(1)

    def play(job: Job) -> Outcome:
        tried.append(job.attempt)
        if len(tried) == 1:
            raise DatabaseTrouble("it is busy.", code="db.busy")
        return DONE

    monkeypatch.setattr("tmxdb.queue.crew.AWAY_S", 0.05)
    assert worker(sqlite, [FakeKind(play)]).run().of("done") == 1
    assert tried == [1, 1]


def test_a_worker_takes_over_the_rows_of_one_that_is_gone(database: Database, rows: Rows) -> None:
    rows.replays(1, 2, status="running", claimed_by="nobody")
    notes = Notes()
    assert worker(database, [FakeKind()], listener=notes).run().of("done") == 2
    assert any("2 rows taken back" in note for note in notes.notes)


def test_a_worker_waits_for_rows_that_another_one_holds(sqlite: Database) -> None:
    rows = Rows(sqlite)
    rows.replay(1)
    bench = Bench(sqlite, clock=wall_clock)  # type: ignore[arg-type]
    bench.sign_in("other")
    (job,) = bench.claim("other")
    with working(sqlite, [FakeKind()]) as thread:
        wait_until(lambda: len(rows.workers()) == 2)
        assert thread.is_alive()
        bench.settle((job, Snooze("x", "not me")), worker="other")
        wait_until(lambda: rows.statuses() == {1: "done"})


def test_a_row_given_back_after_the_last_claim_is_still_done(sqlite: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = Rows(sqlite)
    rows.replay(1, "running", claimed_by="other")
    Bench(sqlite, clock=wall_clock).sign_in("other")  # type: ignore[arg-type]
    ask = Desk.to_come

    def given_back_first(desk: Desk) -> Any:
        rows.write(
            "UPDATE replays SET status = 'pending', claimed_by = NULL, lease_until = NULL WHERE status = 'running'"
        )
        return ask(desk)

    monkeypatch.setattr(Desk, "to_come", given_back_first)
    assert worker(sqlite, [FakeKind()]).run().of("done") == 1


def test_a_late_result_is_told_and_not_counted(sqlite: Database) -> None:
    rows, notes = Rows(sqlite), Notes()
    rows.replay(1)

    def play(job: Job) -> Outcome:
        rows.write("UPDATE replays SET claim_token = 99")
        rows.change(Replay, 1, status="failed", claimed_by=None, lease_until=None, finished_at="", error_code="x")
        return DONE

    totals = worker(sqlite, [FakeKind(play)], listener=notes).run()
    assert (totals.dropped, totals.of("done"), rows.statuses()) == (1, 0, {1: "failed"})
    assert any("too late" in note for note in notes.notes)


def test_a_kind_prepares_before_its_first_claim(sqlite: Database) -> None:
    rows = Rows(sqlite)
    rows.replay(1, "failed")

    class Opens(FakeKind):
        def prepare(self, connection: Connection) -> None:
            from tmxdb.queue.settle import reopen

            reopen(connection, self.table, self.table.c.status == "failed")

    assert worker(sqlite, [Opens()]).run().of("done") == 1


def test_two_workers_share_the_work_and_do_nothing_twice(database: Database, rows: Rows) -> None:
    rows.replays(*range(1, 301))
    done: list[int] = []

    def play(job: Job) -> Outcome:
        done.append(job.item_id)
        return DONE

    with working(database, [FakeKind(play)]):
        worker(database, [FakeKind(play)]).run()
    assert sorted(done) == list(range(1, 301))
    assert {row["attempts"] for row in rows.all(Replay)} == {1}


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
    begun, results = threading.Barrier(4), queue.SimpleQueue[Result]()

    def play(job: Job) -> Outcome:
        begun.wait(20)  # passes only if all four run at the same time
        return DONE

    crew = Crew(FakeKind(play), 4, results)
    for i in range(4):
        crew.hand_in(Job("download", i, 1, 1, 0, "", {}))
    assert {results.get(timeout=20).job.item_id for _ in range(4)} == {0, 1, 2, 3}
    crew.dismiss()


def test_a_crew_never_has_more_threads_than_its_size_and_gives_back_what_is_not_begun() -> None:
    go_on, running, results = threading.Event(), queue.SimpleQueue[int](), queue.SimpleQueue[Result]()

    def play(job: Job) -> Outcome:
        running.put(job.item_id)
        go_on.wait(20)
        return DONE

    crew = Crew(FakeKind(play), 2, results)
    for i in range(6):
        crew.hand_in(Job("download", i, 1, 1, 0, "", {}))
    begun = {running.get(timeout=20) for _ in range(2)}
    assert {job.item_id for job in crew.take_back()} | begun == set(range(6))
    go_on.set()
    assert {results.get(timeout=20).job.item_id for _ in range(2)} == begun
    assert running.empty()
    crew.dismiss()


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


def test_a_turn_with_nothing_to_do_writes_nothing(sqlite: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = Rows(sqlite)
    rows.track(1)
    desk = worker(sqlite, [FakeKind()])._desk
    desk.open()
    desk.turn([], {}, {}, {}, {"download": {}})
    monkeypatch.setattr(sqlite, "write", raising(exc.SQLAlchemyError()))
    desk._next_look = desk._next_beat = time.monotonic() + 1000
    assert desk.turn([], {}, {}, {}, {"download": {}}).claimed == []
    assert rows.one(Track, 1)["status"] == "pending"
