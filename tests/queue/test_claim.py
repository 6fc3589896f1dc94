"""Claiming: the most urgent rows first, each to one worker only."""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path

import pytest

from tests.queue.fakes import Bench
from tests.rows import NOW, FakeClock, Rows
from tmxdb.clock import iso
from tmxdb.db.database import Database
from tmxdb.db.models import ReplayRow

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
    row = rows.one(ReplayRow, 7)
    assert (row["status"], row["claimed_by"]) == ("running", "me")
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


def test_threads_that_claim_concurrently_never_get_the_same_row(
    database: Database, clock: FakeClock, rows: Rows
) -> None:
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
