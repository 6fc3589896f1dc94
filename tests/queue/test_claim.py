"""Claiming: the most urgent rows first, each to one worker only."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection, event, text

from tests.rows import NOW, FakeClock, Rows
from tmxdb.clock import iso
from tmxdb.db.engine import Database
from tmxdb.db.models import Replay
from tmxdb.queue.claim import claim
from tmxdb.queue.recover import promote_due, recover
from tmxdb.queue.workers import LEASE_MS

from .fakes import Bench, FakeKind

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def bench(database: Database, clock: FakeClock) -> Bench:
    return Bench(database, clock)


def test_the_most_urgent_rows_are_claimed_first_and_come_in_that_order(bench: Bench, rows: Rows) -> None:
    for replay_id, priority in ((1, 5), (2, 1), (3, 5), (4, 0), (5, 9)):
        rows.replay(replay_id, priority=priority)
    assert [job.item_id for job in bench.claim(n=3)] == [4, 2, 1]
    assert [job.item_id for job in bench.claim(n=3)] == [3, 5]
    assert bench.claim(n=3) == []


def test_a_claim_charges_an_attempt_and_says_whose_the_row_is(bench: Bench, rows: Rows) -> None:
    rows.replay(7, attempts=2, priority=3, user_name="Ann")
    (job,) = bench.claim("me")
    row = rows.one(Replay, 7)
    assert (row["status"], row["claimed_by"], row["lease_until"]) == ("running", "me", iso(NOW + LEASE_MS))
    assert (row["attempts"], job.attempt, row["claim_token"], job.token) == (3, 3, 1, 1)
    assert (job.kind, job.priority, job.started_at) == ("download", 3, iso(NOW))
    assert job.row == {"track_id": 1, "user_name": "Ann"}


@pytest.mark.parametrize("status", ["running", "retry", "done", "failed", "skipped"])
def test_only_pending_rows_are_claimed(bench: Bench, rows: Rows, status: str) -> None:
    rows.replay(1, status)
    assert bench.claim() == []


def test_a_claim_of_nothing_takes_nothing(bench: Bench, rows: Rows) -> None:
    rows.replay(1)
    assert bench.claim(n=0) == []
    assert rows.statuses() == {1: "pending"}


def test_threads_that_claim_at_once_never_get_the_same_row(database: Database, clock: FakeClock, rows: Rows) -> None:
    rows.replays(*range(1, 201))
    got: list[int] = []
    start = threading.Barrier(4)

    def work(name: str) -> None:
        bench = Bench(database, clock)
        start.wait()
        while jobs := bench.claim(name, n=7):
            got.extend(job.item_id for job in jobs)

    threads = [threading.Thread(target=work, args=(f"worker {i}",)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(got) == Counter(range(1, 201))


def test_processes_that_claim_at_once_never_get_the_same_row(database: Database, rows: Rows) -> None:
    rows.replays(*range(1, 301))
    children = [_claimer(database.location, f"worker {i}") for i in range(2)]
    for child in children:
        assert child.stdout
        assert child.stdout.readline() == "ready\n"
    for child in children:
        assert child.stdin
        child.stdin.write("go\n")
        child.stdin.flush()
    answers = [child.communicate(timeout=30)[0] for child in children]
    assert Counter(int(word) for answer in answers for word in answer.split()) == Counter(range(1, 301))


def _claimer(location: str, name: str) -> subprocess.Popen[str]:
    program = (
        "import sys; from tests.queue.fakes import Bench; from tests.rows import FakeClock;"
        "from tmxdb.db.engine import Database;"
        "bench = Bench(Database(sys.argv[1]), FakeClock()); bench.claim('x', 0); print('ready', flush=True);"
        "sys.stdin.readline()\n"
        "while jobs := bench.claim(sys.argv[2], n=5): print(*(job.item_id for job in jobs))"
    )
    return subprocess.Popen(
        [sys.executable, "-c", program, location, name],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


# The plans of what runs all the time. Each must be answered by its partial index alone.


def test_the_claim_is_answered_by_the_index_of_pending_rows_without_a_sort(database: Database, rows: Rows) -> None:
    _fill(rows)
    statements = _statements(
        database,
        lambda connection: claim(connection, FakeKind(), worker="me", n=10, now_ms=NOW, lease_ms=LEASE_MS),
    )
    plan = _plan(rows, statements[0])
    assert "ix_replays_pending" in plan
    assert "Sort" not in plan
    assert "TEMP B-TREE" not in plan
    assert "SCAN replays\n" not in plan


def test_the_promotion_of_due_rows_is_answered_by_the_index_of_waiting_rows(database: Database, rows: Rows) -> None:
    _fill(rows)
    statements = _statements(database, lambda connection: promote_due(connection, FakeKind(), NOW))
    assert "ix_replays_retry" in _plan(rows, statements[0])


def test_lost_rows_are_found_by_the_index_of_running_rows(database: Database, rows: Rows) -> None:
    _fill(rows)
    statements = _statements(database, lambda connection: recover(connection, FakeKind(), dead=["a"], now_ms=NOW))
    assert "ix_replays_running" in _plan(rows, statements[1])


def _fill(rows: Rows) -> None:
    """Many rows, few of them pending, running or in retry: so it is most of the time."""
    rows.replays(*range(1, 2001), status="done")
    for first, status in ((3001, "pending"), (3101, "retry"), (3201, "running")):
        rows.replays(*range(first, first + 50), status=status)
    rows.write("ANALYZE")


def _statements(database: Database, act: Callable[[Connection], object]) -> list[str]:
    """What `act` sends to the database, with its values written in."""
    seen: list[str] = []

    def note(conn: object, cursor: object, statement: str, parameters: object, *_: object) -> None:
        if isinstance(parameters, dict):
            for name, value in parameters.items():
                statement = statement.replace(f"%({name})s", _literal(value))
        else:
            for value in parameters:  # type: ignore[attr-defined]
                statement = statement.replace("?", _literal(value), 1)
        seen.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    with database.write() as connection:
        act(connection)
    event.remove(database.engine, "before_cursor_execute", note)
    return [statement for statement in seen if not statement.startswith("BEGIN")]


def _literal(value: object) -> str:
    return "NULL" if value is None else repr(value)


def _plan(rows: Rows, statement: str) -> str:
    explain = "EXPLAIN QUERY PLAN " if rows.database.path is not None else "EXPLAIN "
    with rows.database.write() as connection:
        if rows.database.path is None:
            connection.execute(text("SET LOCAL enable_seqscan = off"))
            connection.execute(text("SET LOCAL enable_bitmapscan = off"))
        return "\n".join(str(row[-1]) for row in connection.exec_driver_sql(explain + statement)) + "\n"
