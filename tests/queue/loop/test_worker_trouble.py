"""The worker when the database refuses a value, is away, or loses an answer."""

from __future__ import annotations

import threading
from random import Random
from typing import Any

import psycopg
import pytest

from tests.queue.fakes import DONE, EventLog, FakeKind, wait_until, worker, working
from tests.rows import FILE, Rows
from tmxdb.db.bulk import NewRows
from tmxdb.db.database import Database
from tmxdb.db.models import MapRow, ReplayRow, table_of
from tmxdb.errors import DatabaseError
from tmxdb.events import ClaimsLost, ResultDropped
from tmxdb.queue.job import Done, Job, Outcome
from tmxdb.queue.loop import job_store as store_module
from tmxdb.queue.loop import worker as worker_module
from tmxdb.queue.loop.job_store import JobStore
from tmxdb.queue.loop.run_options import RunOptions


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
def test_a_value_that_the_database_rejects_fails_its_own_row_only(
    database: Database, rows: Rows, values: dict[str, Any]
) -> None:
    rows.replays(*range(1, 11))
    kind = FakeKind(lambda job: Done(values) if job.item_id == 4 else DONE)
    assert worker(database, [kind]).run().by_kind["download"] == {"done": 9, "failed": 1}
    assert (rows.one(ReplayRow, 4)["status"], rows.one(ReplayRow, 4)["error_code"]) == ("failed", "tmxdb.bug")


def test_a_text_too_long_for_an_index_fails_its_own_row_only(postgresql: Database) -> None:
    rows = Rows(postgresql)
    rows.replays(1, 2, 3)
    text = "".join(map(chr, Random(1).choices(range(0x4E00, 0x9FFF), k=3000)))
    kind = FakeKind(lambda job: Done({**FILE, "user_name": text}) if job.item_id == 2 else DONE)
    assert worker(postgresql, [kind]).run().by_kind["download"] == {"done": 2, "failed": 1}
    assert rows.statuses() == {1: "done", 2: "failed", 3: "done"}


def test_a_row_that_cannot_be_opened_fails_the_row_that_opens_it(database: Database, rows: Rows) -> None:
    rows.replays(1, 2)
    bad = Done(FILE, [NewRows(table_of(MapRow), [{"track_id": 99, "priority": 0}])])
    kind = FakeKind(lambda job: bad if job.item_id == 1 else DONE)
    assert worker(database, [kind]).run().by_kind["download"] == {"done": 1, "failed": 1}
    assert rows.statuses() == {1: "failed", 2: "done"}


class Troubled(JobStore):
    """A job store whose cycles fail with the codes `troubles` in turn: before the transaction or `after` it."""

    troubles: list[str]
    after = False

    def cycle(self, *args: Any, **kwargs: Any) -> Any:
        if not self.after and self.troubles and args[0].results:
            raise DatabaseError("it is away.", code=self.troubles.pop())
        return super().cycle(*args, **kwargs)

    def _remember(self, cycle: Any, paused: Any) -> None:
        if self.after and self.troubles and cycle.claimed:
            raise DatabaseError("it went away.", code=self.troubles.pop())
        super()._remember(cycle, paused)


@pytest.fixture
def troubled(monkeypatch: pytest.MonkeyPatch) -> type[Troubled]:
    monkeypatch.setattr(worker_module, "JobStore", Troubled)
    monkeypatch.setattr(worker_module, "DATABASE_RETRY_S", 0.01)
    monkeypatch.setattr(Troubled, "after", False)
    return Troubled


def test_results_are_kept_while_the_database_is_unavailable(sqlite: Database, troubled: type[Troubled]) -> None:
    troubled.troubles = ["db.busy", "db.unreachable", "db.busy"]
    rows, log, played = Rows(sqlite), EventLog(), list[int]()
    rows.replays(*range(1, 11))

    def play(job: Job) -> Outcome:
        played.append(job.item_id)
        return DONE

    assert worker(sqlite, [FakeKind(play)], log=log).run().of("done") == 10
    assert sorted(played) == list(range(1, 11))
    assert sum("in memory" in sentence for sentence in log.sentences()) == 3


def test_a_permanent_database_error_ends_the_run(sqlite: Database, troubled: type[Troubled]) -> None:
    troubled.troubles = ["disk.full"]
    rows = Rows(sqlite)
    rows.replays(1, 2)
    with pytest.raises(DatabaseError):
        worker(sqlite, [FakeKind()]).run()
    assert {(row["status"], row["attempts"]) for row in rows.all(ReplayRow)} == {("pending", 0)}


def test_rows_of_a_claim_whose_response_was_lost_are_released(
    sqlite: Database, troubled: type[Troubled], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "HEARTBEAT_MS", 50)
    troubled.troubles, troubled.after = ["db.unreachable"], True
    rows = Rows(sqlite)
    rows.replays(*range(1, 11))
    with working(sqlite, [FakeKind()], RunOptions(n=1, forever=True)):
        wait_until(lambda: set(rows.statuses().values()) == {"done"})
    assert {row["attempts"] for row in rows.all(ReplayRow)} == {1}


def test_a_commit_without_an_answer_counts(postgresql: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection breaks after the last claim was committed: its results and its rows are known afterwards."""
    rows, log, commit = Rows(postgresql), EventLog(), psycopg.Connection.commit
    rows.replays(1, 2, 3)
    late, broken = threading.Event(), threading.Event()

    def breaking(connection: psycopg.Connection[Any]) -> None:
        commit(connection)
        if late.is_set() and not broken.is_set() and threading.current_thread() is thread:
            broken.set()
            connection.close()
            raise psycopg.OperationalError("server closed the connection unexpectedly")

    def play(job: Job) -> Outcome:
        if job.item_id == 3:
            wait_until(lambda: rows.statuses() == {1: "done", 2: "done", 3: "running"})
            rows.replay(50)
            late.set()
        return DONE

    monkeypatch.setattr(psycopg.Connection, "commit", breaking)
    with working(postgresql, [FakeKind(play)], RunOptions(n=4, forever=True), log=log) as thread:
        wait_until(lambda: set(rows.statuses().values()) == {"done"} and 50 in rows.statuses())
    assert broken.is_set()
    assert (log.of(ResultDropped), log.of(ClaimsLost)) == ([], [])
    assert {row["attempts"] for row in rows.all(ReplayRow)} == {1}


def test_a_job_that_finds_the_database_unavailable_is_done_later(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, tried = Rows(sqlite), list[int]()
    rows.replay(1)

    def play(job: Job) -> Outcome:
        tried.append(job.attempt)
        if len(tried) == 1:
            raise DatabaseError("it is busy.", code="db.busy")
        return DONE

    monkeypatch.setattr("tmxdb.queue.backoff.MAX_BACKOFF_S", 0.05)
    assert worker(sqlite, [FakeKind(play)]).run().of("done") == 1
    assert tried == [1, 1]


def test_results_of_a_committed_cycle_count_if_the_log_cannot_be_copied_into_the_file(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "HEARTBEAT_MS", 0)
    rows, log, copied, copy = Rows(sqlite), EventLog(), list[int](), sqlite.wal_checkpoint
    rows.replays(*range(1, 101))

    def busy_at_times() -> None:
        copied.append(1)
        if len(copied) % 2 == 0:
            raise DatabaseError("it is busy.", code="db.busy")
        copy()

    monkeypatch.setattr(sqlite, "wal_checkpoint", busy_at_times)
    totals = worker(sqlite, [FakeKind()], log=log).run()
    assert len(copied) > 2
    assert (totals.of("done"), totals.dropped, log.of(ResultDropped)) == (100, 0, [])
