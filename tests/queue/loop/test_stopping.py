"""How a worker stops: running jobs finish, the others are released."""

from __future__ import annotations

import queue
import threading

from tests.queue.fakes import DONE, FakeKind, wait_until, worker, working
from tests.rows import Rows
from tmxdb.db.database import Database
from tmxdb.db.models import ReplayRow
from tmxdb.queue.job import Job, Outcome, WorkerStopping
from tmxdb.queue.loop.run_options import RunOptions


def test_a_worker_with_forever_waits_for_new_rows_until_it_is_stopped(database: Database, rows: Rows) -> None:
    rows.replay(1)
    with working(database, [FakeKind()], RunOptions(n=1, forever=True)) as thread:
        wait_until(lambda: rows.statuses() == {1: "done"})
        rows.replay(2)
        wait_until(lambda: rows.statuses() == {1: "done", 2: "done"})
        assert thread.is_alive()


def test_a_stop_lets_running_jobs_finish_and_releases_the_rest(database: Database, rows: Rows) -> None:
    rows.replays(*range(1, 31))
    begun, go_on, stop = queue.SimpleQueue[int](), threading.Event(), threading.Event()

    def play(job: Job) -> Outcome:
        begun.put(job.item_id)
        go_on.wait(120)
        return DONE

    with working(database, [FakeKind(play)], RunOptions(n=2), stop=stop):
        ids = {begun.get(timeout=120), begun.get(timeout=120)}
        stop.set()
        wait_until(lambda: list(rows.statuses().values()).count("pending") == 28)
        go_on.set()
    assert {i for i, status in rows.statuses().items() if status == "done"} == ids
    assert {(row["attempts"], row["error_code"]) for row in rows.all(ReplayRow) if row["status"] == "pending"} == {
        (0, None)
    }
    assert rows.workers() == []


def test_a_second_stop_releases_running_jobs(database: Database, rows: Rows) -> None:
    rows.replays(1, 2, 3)
    begun, go_on = threading.Event(), threading.Event()
    stop, now = threading.Event(), threading.Event()

    def play(job: Job) -> Outcome:
        begun.set()
        go_on.wait(120)
        return DONE

    with working(database, [FakeKind(play)], RunOptions(n=1), stop=stop, stop_now=now):
        assert begun.wait(120)
        stop.set()
        now.set()
    go_on.set()
    assert {(row["status"], row["attempts"]) for row in rows.all(ReplayRow)} == {("pending", 0)}


def test_a_job_that_ends_because_the_worker_stops_is_released(sqlite: Database) -> None:
    rows, stop = Rows(sqlite), threading.Event()
    rows.replay(1)

    def play(job: Job) -> Outcome:
        stop.set()
        raise WorkerStopping("the worker is stopping")

    worker(sqlite, [FakeKind(play)], RunOptions(n=1), stop=stop).run()
    assert (rows.one(ReplayRow, 1)["status"], rows.one(ReplayRow, 1)["attempts"]) == ("pending", 0)
