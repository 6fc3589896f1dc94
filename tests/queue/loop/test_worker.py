"""The worker's loop: what it claims, when it waits, what it settles, and how it shares rows with other workers."""

from __future__ import annotations

import queue
import threading
import time
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import Connection, event, exc

from tests.queue.fakes import DONE, Bench, EventLog, FakeKind, FakeList, raising, wait_until, worker, working
from tests.rows import FakeClock, Rows
from tests.server_clock import set_server_clock
from tmxdb.clock import iso, wall_clock
from tmxdb.db.bulk import NewRows
from tmxdb.db.database import Database
from tmxdb.db.models import ReplayRow, TrackRow, table_of
from tmxdb.errors import DiskError, SiteError, UserActionRequired
from tmxdb.events import ResultDropped, RowsRecovered, WaitingForRetry
from tmxdb.queue.job import Done, Fail, Job, Outcome, Snooze
from tmxdb.queue.loop import batch
from tmxdb.queue.loop.cycle import CycleInput
from tmxdb.queue.loop.demand import BATCH, MIN_AHEAD
from tmxdb.queue.loop.job_store import JobStore
from tmxdb.queue.loop.perform import perform
from tmxdb.queue.loop.run_options import RunOptions


def test_a_worker_does_all_rows_and_unregisters(database: Database, rows: Rows) -> None:
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

    worker(sqlite, [FakeKind(play)], RunOptions(n=1)).run()
    assert order == list(range(60, 0, -1))


def test_work_that_one_kind_opens_for_another_is_done_in_the_same_run(database: Database, rows: Rows) -> None:
    rows.track(1)
    replays = [{"replay_id": i, "track_id": 1} for i in range(1, 6)]
    lists = FakeList(lambda job: Done({"listed_top": 1}, [NewRows(table_of(ReplayRow), replays)]))
    totals = worker(database, [lists, FakeKind()]).run()
    assert (totals.by_kind["list"], totals.by_kind["download"]) == ({"done": 1}, {"done": 5})


def test_results_that_open_many_rows_are_settled_in_several_transactions(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "MAX_ROWS", 4)
    rows, settled = Rows(sqlite), list[int]()
    for track_id in range(1, 6):
        rows.track(track_id)
    all_ran = threading.Barrier(5)

    def play(job: Job) -> Outcome:
        all_ran.wait(60)
        ids = range(10 * job.item_id, 10 * job.item_id + (6 if job.item_id == 3 else 2))
        replays = [{"replay_id": replay_id, "track_id": job.item_id} for replay_id in ids]
        return Done({"listed_top": 1}, [NewRows(table_of(ReplayRow), replays)])

    def count(connection: Connection) -> None:
        counts = connection.exec_driver_sql("select count(*) from replays").scalar_one()
        settled.append(counts - sum(settled))

    event.listen(sqlite.engine, "commit", count)
    totals = worker(sqlite, [FakeList(play)], RunOptions(n=5)).run()
    event.remove(sqlite.engine, "commit", count)
    assert totals.of("done") == 5
    assert (sum(settled), max(settled)) == (14, 6)
    assert max(n for n in settled if n != 6) <= 4


@pytest.mark.parametrize("limit", [1, 7, 40, 90])
def test_a_limit_is_kept_exactly(sqlite: Database, limit: int) -> None:
    rows = Rows(sqlite)
    rows.replays(*range(1, 101))
    totals = worker(sqlite, [FakeKind()], RunOptions(n=4, limit=limit)).run()
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

    assert worker(sqlite, [FakeKind(play)], RunOptions(n=2, limit=5)).run().of("done") == 5
    assert list(rows.statuses().values()).count("done") == 5


def test_rows_that_are_due_soon_are_waited_for(database: Database, rows: Rows) -> None:
    clock = FakeClock()
    set_server_clock(database, clock)
    rows.replay(1, "retry", available_at=iso(clock() + 3000))
    log = EventLog(lambda event: clock.pass_s(3) if isinstance(event, WaitingForRetry) else None)
    assert worker(database, [FakeKind()], log=log, clock=clock).run().of("done") == 1
    first = log.of(WaitingForRetry)[0]
    assert first.rows == 1
    assert 0 <= first.wait_s <= 3


def test_rows_in_retry_are_left_with_no_wait(sqlite: Database) -> None:
    rows = Rows(sqlite)
    rows.replay(1, "retry", available_at=iso(wall_clock() + 3_600_000))
    rows.replay(2)
    assert worker(sqlite, [FakeKind()], RunOptions(n=1, wait=False)).run().of("done") == 1
    assert rows.statuses() == {1: "retry", 2: "done"}


def test_a_retry_comes_back_until_its_attempts_are_used_up(sqlite: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tmxdb.queue.rows.settle.backoff_s", lambda *_, **__: 0.0)
    rows = Rows(sqlite)
    rows.replay(1)
    play = raising(SiteError("no answer", code="tmx.timeout"))
    totals = worker(sqlite, [FakeKind(play)], RunOptions(n=1, max_attempts=3)).run()
    assert totals.by_kind["download"] == {"retry": 2, "failed": 1}
    assert [book["outcome"] for book in rows.attempts()] == ["retry", "retry", "failed"]


def test_an_error_that_needs_the_user_stops_the_run_and_charges_no_attempt(database: Database, rows: Rows) -> None:
    rows.replays(*range(1, 101))

    def play(job: Job) -> Outcome:
        if job.item_id == 5:
            raise DiskError("the disk is full", code="disk.full")
        return DONE

    with pytest.raises(UserActionRequired, match="the disk is full"):
        worker(database, [FakeKind(play)], RunOptions(n=2)).run()
    left = [row for row in rows.all(ReplayRow) if row["status"] != "done"]
    assert {(row["status"], row["attempts"]) for row in left} == {("pending", 0)}
    assert (rows.attempts(), rows.workers()) == ([], [])
    assert rows.one(ReplayRow, 5)["error_code"] == "disk.full"


def test_a_bug_costs_its_row_and_leaves_its_traceback(database: Database, rows: Rows) -> None:
    rows.replays(1, 2)

    def play(job: Job) -> Outcome:
        if job.item_id == 2:
            return DONE
        raise ZeroDivisionError("x" * 100 + " at the end")

    assert worker(database, [FakeKind(play)]).run().by_kind["download"] == {"done": 1, "failed": 1}
    row = rows.one(ReplayRow, 1)
    assert (row["status"], row["error_code"]) == ("failed", "tmxdb.bug")
    assert "Traceback" in row["error"]
    assert row["error"].rstrip().endswith("at the end")


def test_a_long_traceback_keeps_its_end() -> None:
    job = Job("download", 1, 1, 1, 0, "", {})
    outcome = perform(FakeKind(raising(ValueError("x" * 5000 + " the end"))), job).outcome
    assert isinstance(outcome, Fail)
    assert (len(outcome.message), outcome.message.rstrip().endswith("the end")) == (2000, True)


def test_a_worker_recovers_the_rows_of_a_lost_worker(database: Database, rows: Rows) -> None:
    rows.replays(1, 2, status="running", claimed_by="unregistered")
    log = EventLog()
    assert worker(database, [FakeKind()], log=log).run().of("done") == 2
    assert log.of(RowsRecovered) == [RowsRecovered("download", 2)]


def test_a_worker_waits_for_rows_that_another_one_holds(sqlite: Database) -> None:
    rows = Rows(sqlite)
    rows.replay(1)
    bench = Bench(sqlite, clock=wall_clock)  # type: ignore[arg-type]
    bench.register("other")
    (job,) = bench.claim("other")
    with working(sqlite, [FakeKind()]) as thread:
        wait_until(lambda: len(rows.workers()) == 2)
        assert thread.is_alive()
        bench.settle((job, Snooze("x", "not me")), worker="other")
        wait_until(lambda: rows.statuses() == {1: "done"})


def test_a_row_released_after_the_last_claim_is_still_done(sqlite: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = Rows(sqlite)
    rows.replay(1, "running", claimed_by="other")
    Bench(sqlite, clock=wall_clock).register("other")  # type: ignore[arg-type]
    ask = JobStore.backlog

    def released_first(store: JobStore) -> Any:
        rows.write("UPDATE replays SET status = 'pending', claimed_by = NULL WHERE status = 'running'")
        return ask(store)

    monkeypatch.setattr(JobStore, "backlog", released_first)
    assert worker(sqlite, [FakeKind()]).run().of("done") == 1


def test_a_late_result_is_reported_and_not_counted(sqlite: Database) -> None:
    rows, log = Rows(sqlite), EventLog()
    rows.replay(1)

    def play(job: Job) -> Outcome:
        rows.write("UPDATE replays SET claim_token = 99")
        rows.change(ReplayRow, 1, status="failed", claimed_by=None, finished_at="", error_code="x")
        return DONE

    totals = worker(sqlite, [FakeKind(play)], log=log).run()
    assert (totals.dropped, totals.of("done"), rows.statuses()) == (1, 0, {1: "failed"})
    assert log.of(ResultDropped) == [ResultDropped("download", 1)]


def test_a_kind_prepares_before_its_first_claim(sqlite: Database) -> None:
    rows = Rows(sqlite)
    rows.replay(1, "failed")

    class Opens(FakeKind):
        def prepare(self, connection: Connection) -> None:
            from tmxdb.queue.rows.settle import reopen

            reopen(connection, self.table, self.table.c.status == "failed")

    assert worker(sqlite, [Opens()]).run().of("done") == 1


@pytest.mark.parametrize("short", [True, False])
def test_more_rows_are_claimed_ahead_only_while_jobs_are_very_short(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch, short: bool
) -> None:
    Rows(sqlite).replays(*range(1, 3001 if short else 151))
    claimed: list[int] = []
    allowed: queue.Queue[None] = queue.Queue(maxsize=8)
    cycle = JobStore.cycle

    def watched(store: JobStore, *args: Any) -> Any:
        made = cycle(store, *args)
        claimed.append(len(made.claimed))
        with suppress(queue.Full):
            for _ in range(8):
                allowed.put_nowait(None)
        return made

    def play(job: Job) -> Outcome:
        if not short:  # at most two jobs of each of the four threads end between two cycles
            allowed.get()
        return DONE

    monkeypatch.setattr(JobStore, "cycle", watched)
    worker(sqlite, [FakeKind(play)], RunOptions(n=4)).run()
    assert claimed[0] == 4 + MIN_AHEAD
    assert (max(claimed) > 2 * MIN_AHEAD) == short
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
    assert {row["attempts"] for row in rows.all(ReplayRow)} == {1}


def test_a_cycle_with_nothing_to_do_writes_nothing(sqlite: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = Rows(sqlite)
    rows.track(1)
    store = worker(sqlite, [FakeKind()])._store
    store.open()
    store.cycle(CycleInput())
    monkeypatch.setattr(sqlite, "write", raising(exc.SQLAlchemyError()))
    store._next_recovery_s = store._next_heartbeat_s = time.monotonic() + 1000
    assert store.cycle(CycleInput()).claimed == []
    assert rows.one(TrackRow, 1)["status"] == "pending"
