"""Workers that die, are suspended, or run out of resources: no row is blamed, lost or overwritten for it."""

from __future__ import annotations

import errno
import json
import os
import threading
from typing import Any

import pytest
from sqlalchemy import exc

from tests.queue.fakes import DONE, Bench, EventLog, FakeKind, raising, wait_until, worker, working
from tests.rows import FakeClock, Rows
from tmxdb.clock import wall_clock
from tmxdb.db.database import Database
from tmxdb.db.models import ReplayRow, WorkerRow
from tmxdb.errors import DatabaseError, DiskError, ResourcesExhausted
from tmxdb.events import ClaimsLost, ResultDropped, RowsClaimed
from tmxdb.queue.job import Done, Job, Outcome
from tmxdb.queue.loop import job_store as store_module
from tmxdb.queue.loop.batch import first_error, settle_batch
from tmxdb.queue.loop.perform import Result, perform
from tmxdb.queue.loop.run_options import RunOptions
from tmxdb.queue.rate_limiter import RateLimiter
from tmxdb.queue.rows.claim import held_claims
from tmxdb.queue.rows.recover import MAX_LOSSES


def begun(rows: Rows) -> list[int]:
    """Return the keys of the downloads that workers have recorded as begun."""
    return sorted(key for row in rows.all(WorkerRow) for key in json.loads(row["begun"]).get("download", ()))


def test_a_worker_records_the_rows_it_works_on_and_no_others(database: Database, rows: Rows) -> None:
    rows.replays(*range(1, 31))
    go_on, running = threading.Event(), list[int]()

    def play(job: Job) -> Outcome:
        running.append(job.item_id)
        go_on.wait(120)
        return DONE

    with working(database, [FakeKind(play)], RunOptions(n=2)):
        wait_until(lambda: len(running) == 2)
        wait_until(lambda: begun(rows) == sorted(running))
        assert list(rows.statuses().values()).count("running") > 2
        go_on.set()
        wait_until(lambda: set(rows.statuses().values()) == {"done"})


def test_rows_that_wait_for_the_rate_limiter_are_not_recorded_as_begun(database: Database, rows: Rows) -> None:
    rows.replays(*range(1, 9))
    stop, sent, go_on = threading.Event(), list[int](), threading.Event()
    limiter = RateLimiter(database, stop=stop)
    limiter.pause(3600, "a long pause")

    def play(job: Job) -> Outcome:
        if job.item_id > 1:
            limiter.wait_turn()
        sent.append(job.item_id)
        go_on.wait(120)
        return DONE

    with working(database, [FakeKind(play)], RunOptions(n=4), stop=stop, waiting_threads=limiter.waiting_threads):
        wait_until(lambda: len(sent) == 1 and len(limiter.waiting_threads) == 3)
        wait_until(lambda: begun(rows) == sent)
        go_on.set()
        stop.set()


class Adopting(FakeKind):
    """Downloads of which the even ones are already complete on disk."""

    def adopt(self, job: Job) -> Outcome | None:
        return DONE if job.item_id % 2 == 0 else None


def test_a_row_on_which_too_many_workers_died_is_adopted_if_its_file_is_complete_and_else_fails(
    database: Database, rows: Rows
) -> None:
    rows.replays(1, 2, losses=MAX_LOSSES)
    kind = Adopting(raising(AssertionError("it must not be run")))
    assert worker(database, [kind]).run().by_kind["download"] == {"done": 1, "failed": 1}
    assert rows.statuses() == {1: "failed", 2: "done"}
    assert rows.one(ReplayRow, 1)["error_code"] == "worker.died"


def test_a_worker_drops_jobs_that_others_have_taken_over(sqlite: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "HEARTBEAT_MS", 50)
    rows, played, go_on, log = Rows(sqlite), list[int](), threading.Event(), EventLog()
    rows.replays(*range(1, 11))

    def play(job: Job) -> Outcome:
        played.append(job.item_id)
        go_on.wait(120)
        return DONE

    with working(sqlite, [FakeKind(play)], RunOptions(n=1), log=log):
        wait_until(lambda: played == [1])
        rows.write("UPDATE replays SET claimed_by = 'another', claim_token = claim_token + 1")
        Bench(sqlite, wall_clock).register("another")  # type: ignore[arg-type]
        wait_until(lambda: log.of(ClaimsLost))
        go_on.set()
        wait_until(lambda: log.of(ResultDropped))
    assert log.of(ClaimsLost) == [ClaimsLost("download", sum(event.rows for event in log.of(RowsClaimed)))]
    assert log.of(ResultDropped) == [ResultDropped("download", 1)]
    assert played == [1]
    assert {(row["status"], row["claimed_by"]) for row in rows.all(ReplayRow)} == {("running", "another")}


def test_after_a_suspend_no_thread_begins_a_job_before_the_next_heartbeat(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wall clock jumps while the first job runs; heartbeats are held until the test allows one."""
    clock, heartbeat, allowed = FakeClock(wall_clock()), store_module.heartbeat, threading.Event()
    rows, played, first = Rows(sqlite), list[int](), threading.Event()
    rows.replays(1, 2, 3)
    heartbeats: list[int] = []

    def held_heartbeat(*arguments: Any) -> Any:
        if heartbeats and not allowed.is_set():
            allowed.wait(120)
        heartbeats.append(1)
        return heartbeat(*arguments)

    def play(job: Job) -> Outcome:
        played.append(job.item_id)
        first.wait(120)
        return DONE

    monkeypatch.setattr(store_module, "heartbeat", held_heartbeat)
    monkeypatch.setattr(store_module, "HEARTBEAT_MS", 100)
    with working(sqlite, [FakeKind(play)], RunOptions(n=1), clock=clock):
        wait_until(lambda: played == [1])
        clock.pass_s(3600)
        first.set()
        threading.Event().wait(0.3)
        assert played == [1]
        allowed.set()
        wait_until(lambda: sorted(played) == [1, 2, 3])


def test_a_suspend_right_after_the_claim_counts_from_the_heartbeat(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process is suspended after the COMMIT, before it looks at its clocks again."""
    clock, heartbeat, allowed = FakeClock(wall_clock()), store_module.heartbeat, threading.Event()
    rows, played, beats = Rows(sqlite), list[int](), list[int]()
    rows.replays(1, 2, 3)
    checkpoint = Database.wal_checkpoint

    def held_heartbeat(*arguments: Any) -> Any:
        if beats:
            allowed.wait(120)
        beats.append(1)
        return heartbeat(*arguments)

    def suspended(database: Database) -> None:
        checkpoint(database)
        if len(beats) == 1:
            clock.pass_s(3600)

    def play(job: Job) -> Outcome:
        played.append(job.item_id)
        return DONE

    monkeypatch.setattr(store_module, "heartbeat", held_heartbeat)
    monkeypatch.setattr(Database, "wal_checkpoint", suspended)
    monkeypatch.setattr(store_module, "HEARTBEAT_MS", 100)
    with working(sqlite, [FakeKind(play)], RunOptions(n=1), clock=clock):
        wait_until(lambda: "running" in rows.statuses().values())
        threading.Event().wait(0.3)
        assert played == []
        allowed.set()
        wait_until(lambda: sorted(played) == [1, 2, 3])


def test_a_claim_is_held_until_another_worker_has_the_row(database: Database, rows: Rows, clock: FakeClock) -> None:
    rows.replay(1)
    bench = Bench(database, clock)
    (job,) = bench.claim("me")

    def held() -> bool:
        with database.read() as connection:
            return held_claims(connection, [(bench.kind.table, job)]) == [True]

    assert held()
    rows.change(ReplayRow, 1, status="pending", claimed_by=None)
    assert not held()
    bench.claim("they")
    assert not held()


EXHAUSTED: list[tuple[BaseException, str]] = [
    (MemoryError(), "host.memory"),
    (RuntimeError("can't start new thread"), "host.threads"),
    (OSError(errno.EMFILE, "Too many open files"), "host.files"),
    (OSError(errno.ENFILE, "Too many open files in system"), "host.files"),
    (OSError(errno.ENOMEM, "Cannot allocate memory"), "host.memory"),
]


@pytest.mark.parametrize(("error", "code"), EXHAUSTED, ids=lambda value: str(value))
def test_exhausted_resources_stop_the_run_and_charge_no_row(sqlite: Database, error: BaseException, code: str) -> None:
    rows = Rows(sqlite)
    rows.replays(*range(1, 21))
    kind = FakeKind(raising(error))  # type: ignore[arg-type]
    with pytest.raises(ResourcesExhausted) as caught:
        worker(sqlite, [kind], RunOptions(n=2)).run()
    assert caught.value.code == code
    assert "\n" not in str(caught.value)
    assert {(row["status"], row["attempts"]) for row in rows.all(ReplayRow)} == {("pending", 0)}
    assert rows.attempts() == []


@pytest.mark.parametrize(("error", "code"), EXHAUSTED, ids=lambda value: str(value))
def test_exhausted_resources_are_recognised_behind_another_error(error: BaseException, code: str) -> None:
    def play(job: Job) -> Outcome:
        try:
            raise error
        except BaseException as cause:
            raise DiskError("Check the disk.", code="disk.failed") from cause

    halt = perform(FakeKind(play), Job("download", 1, 1, 1, 0, "", {})).halt
    assert halt is not None
    assert halt.code == code


def test_a_system_that_gives_no_thread_at_all_stops_the_run_with_one_sentence(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = Rows(sqlite)
    rows.replays(1, 2)

    def no_thread(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", no_thread)
    with pytest.raises(ResourcesExhausted, match="allows no more threads"):
        worker(sqlite, [FakeKind()]).run()
    assert {(row["status"], row["attempts"]) for row in rows.all(ReplayRow)} == {("pending", 0)}


def test_an_error_that_is_not_about_resources_ends_the_run_as_it_is(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = RuntimeError("a fault")
    Rows(sqlite).replays(1)

    def settle(*arguments: Any, **options: Any) -> Any:
        raise error

    monkeypatch.setattr(store_module, "settle", settle)
    with pytest.raises(RuntimeError) as raised:
        worker(sqlite, [FakeKind()]).run()
    assert raised.value is error
    assert error.__cause__ is None


def test_running_out_of_memory_while_settling_fails_no_row(sqlite: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = Rows(sqlite)
    rows.replays(1, 2)

    def settle(*arguments: Any, **options: Any) -> Any:
        raise MemoryError

    monkeypatch.setattr(store_module, "settle", settle)
    with pytest.raises(ResourcesExhausted, match="no memory left"):
        worker(sqlite, [FakeKind()]).run()
    assert {(row["status"], row["attempts"]) for row in rows.all(ReplayRow)} == {("pending", 0)}


def test_an_error_that_ended_the_transaction_is_not_hidden_by_the_savepoint_it_removed(sqlite: Database) -> None:
    job = Job("download", 1, 1, 1, 0, "", {})

    def settle(results: Any) -> Any:
        connection.connection.rollback()  # SQLite does this by itself when the disk is full
        raise exc.OperationalError("UPDATE", {}, Exception("database or disk is full"))

    with sqlite.engine.connect() as connection:
        with pytest.raises(exc.OperationalError, match="disk is full"):
            settle_batch(connection, [Result(job, Done())], settle)
        connection.rollback()


def test_the_first_error_is_found_behind_several_failed_rollbacks() -> None:
    first = ValueError("the cause")
    second = exc.OperationalError("ROLLBACK TO", {}, Exception("no such savepoint: sa_savepoint_1"))
    second.__context__ = first
    assert first_error(second) is first
    assert first_error(first) is first


@pytest.mark.skipif(os.name == "nt", reason="Windows does not delete open files")
def test_a_database_that_is_deleted_ends_the_run_within_a_heartbeat(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "HEARTBEAT_MS", 50)
    Rows(sqlite).replay(1)
    caught: list[DatabaseError] = []

    def run() -> None:
        try:
            worker(sqlite, [FakeKind()], RunOptions(n=1, forever=True), stop=stop).run()
        except DatabaseError as error:
            caught.append(error)

    stop, thread = threading.Event(), threading.Thread(target=run)
    thread.start()
    wait_until(lambda: Rows(sqlite).statuses() == {1: "done"})
    assert sqlite.path
    sqlite.path.unlink()
    try:
        wait_until(lambda: caught)
    finally:
        stop.set()
        thread.join(120)
    assert "\n" not in str(caught[0])
