"""The worker's loop: drains, waits, stops, and loses nothing while the database is away."""

from __future__ import annotations

import queue
import threading
import time
from typing import Any

import pytest
from sqlalchemy import Connection, exc

from tests.rows import Rows
from tmxdb.clock import iso, wall_clock
from tmxdb.db.bulk import NewRows
from tmxdb.db.engine import Database
from tmxdb.db.models import Replay, Track, table_of
from tmxdb.errors import DiskTrouble, SiteTrouble, UserMustAct
from tmxdb.queue.crew import perform
from tmxdb.queue.desk import Desk
from tmxdb.queue.job import Done, Fail, GivenBack, Job, Outcome, Snooze
from tmxdb.queue.plan import Plan
from tmxdb.queue.worker import AHEAD, BATCH

from .fakes import DONE, Bench, FakeKind, FakeList, Notes, raising, wait_until, worker, working


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
    monkeypatch.setattr("tmxdb.queue.settle.backoff_s", lambda *_, **__: 0.0)
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


@pytest.mark.parametrize(("takes_s", "further"), [(0.0, True), (0.005, False)])
def test_more_is_claimed_ahead_only_while_jobs_take_no_time(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch, takes_s: float, further: bool
) -> None:
    Rows(sqlite).replays(*range(1, 301 if takes_s else 3001))
    claimed: list[int] = []
    turn = Desk.turn

    def watched(desk: Desk, *args: Any) -> Any:
        made = turn(desk, *args)
        claimed.append(len(made.claimed))
        return made

    def play(job: Job) -> Outcome:
        time.sleep(takes_s)
        return DONE

    monkeypatch.setattr(Desk, "turn", watched)
    worker(sqlite, [FakeKind(play)], Plan(n=4)).run()
    assert claimed[0] == 4 + AHEAD
    assert (max(claimed) > 2 * AHEAD) == further
    assert max(claimed) <= 4 + BATCH


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
