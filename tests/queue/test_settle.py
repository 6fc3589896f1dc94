"""Settling: what each outcome makes of its row, of the book of attempts, and of other rows."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.queue.fakes import DONE, Bench
from tests.rows import FILE, NOW, FakeClock, Rows
from tmxdb.clock import from_iso, iso
from tmxdb.db.bulk import NewRows
from tmxdb.db.database import Database
from tmxdb.db.models import MapRow, ReplayRow, table_of
from tmxdb.failure_policy import policy_for_code
from tmxdb.queue.backoff import MAX_BACKOFF_S, MAX_REQUESTED_WAIT_S, backoff_s
from tmxdb.queue.job import Done, Fail, Outcome, Retry, Skip, Snooze
from tmxdb.queue.rows.settle import release, reopen

USUAL = policy_for_code("tmx.timeout")
OPENS_A_MAP = Done(FILE, [NewRows(table_of(MapRow), [{"track_id": 1, "priority": 3}])])


@pytest.fixture
def bench(database: Database, clock: FakeClock) -> Bench:
    return Bench(database, clock)


def job_columns(rows: Rows, replay_id: int = 1) -> dict[str, Any]:
    names = ("status", "attempts", "available_at", "claimed_by", "error_code", "error", "finished_at")
    row = rows.one(ReplayRow, replay_id)
    return {name: row[name] for name in names if row[name] is not None}


def test_done_keeps_the_values_and_opens_rows_of_other_tables(bench: Bench, rows: Rows) -> None:
    rows.replay(1, attempts=1, error_code="tmx.timeout", error="earlier")
    (job,) = bench.claim()
    assert bench.settle((job, OPENS_A_MAP)) == ["done"]
    assert job_columns(rows) == {"status": "done", "attempts": 2, "finished_at": iso(NOW)}
    assert rows.one(ReplayRow, 1)["sha256"] == FILE["sha256"]
    opened = rows.one(MapRow, 1)
    assert (opened["status"], opened["priority"]) == ("pending", 3)
    assert rows.attempts() == []


@pytest.mark.parametrize(
    ("outcome", "status"), [(Skip("tmx.gone", "no such"), "skipped"), (Fail("gbx.lzo", "bad"), "failed")]
)
def test_a_final_outcome_ends_the_row_with_its_reason(
    bench: Bench, rows: Rows, outcome: Skip | Fail, status: str
) -> None:
    rows.replay(1)
    (job,) = bench.claim()
    assert bench.settle((job, outcome)) == [status]
    reason = {"error_code": outcome.code, "error": outcome.message}
    assert job_columns(rows) == {"status": status, "attempts": 1, "finished_at": iso(NOW), **reason}
    (book,) = rows.attempts()
    assert (book["kind"], book["item_id"], book["attempt"], book["worker"]) == ("download", 1, 1, "me")
    assert (book["outcome"], book["error_code"], book["error"]) == (status, outcome.code, outcome.message)
    assert (book["started_at"], book["ended_at"]) == (iso(NOW), iso(NOW))


def test_a_retry_waits_for_its_backoff(bench: Bench, rows: Rows) -> None:
    rows.replay(1)
    (job,) = bench.claim()
    assert bench.settle((job, Retry("tmx.timeout", "too late"))) == ["retry"]
    columns = job_columns(rows)
    assert 2000 <= from_iso(columns.pop("available_at")) - NOW < 3000
    assert columns == {"status": "retry", "attempts": 1, "error_code": "tmx.timeout", "error": "too late"}
    assert [book["outcome"] for book in rows.attempts()] == ["retry"]


def test_a_retry_waits_as_long_as_the_site_asked_for(bench: Bench, rows: Rows) -> None:
    rows.replay(1)
    (job,) = bench.claim()
    bench.settle((job, Retry("tmx.throttled", "slow down", after_s=90.5)))
    assert job_columns(rows)["available_at"] == iso(NOW + 90_500)


def test_the_last_attempt_fails_with_its_reason(bench: Bench, rows: Rows) -> None:
    rows.replay(1, attempts=4, failures_in_a_row=4, failure_cause="tmx.timeout")
    (job,) = bench.claim()
    assert bench.settle((job, Retry("tmx.timeout", "too late")), max_attempts=5) == ["failed"]
    reason = {"error_code": "tmx.timeout", "error": "too late"}
    assert job_columns(rows) == {"status": "failed", "attempts": 5, "finished_at": iso(NOW), **reason}


def test_a_snooze_charges_no_attempt_and_ends_immediately_or_later(bench: Bench, rows: Rows) -> None:
    rows.replays(1, 2)
    now, later = bench.claim(n=2)
    results = bench.settle((now, Snooze("x", "not yet")), (later, Snooze("x", "not yet", 10)))
    assert results == ["pending", "retry"]
    assert job_columns(rows, 1) == {"status": "pending", "attempts": 0, "error_code": "x", "error": "not yet"}
    assert job_columns(rows, 2)["available_at"] == iso(NOW + 10_000)
    assert job_columns(rows, 2)["attempts"] == 0
    assert rows.attempts() == []


def test_a_message_is_kept_to_a_length(bench: Bench, rows: Rows) -> None:
    rows.replays(1, 2)
    one, two = bench.claim(n=2)
    bench.settle((one, Fail("x", "y" * 10_000)), (two, Retry("x", "y" * 10_000)))
    assert [len(row["error"]) for row in rows.all(ReplayRow)] == [2000, 2000]
    assert [len(book["error"]) for book in rows.attempts()] == [2000, 2000]


@pytest.mark.parametrize("message", ["a\0b", "a\udcffb"], ids=["NUL", "a file name that is not UTF-8"])
@pytest.mark.parametrize("answer", [Fail, Skip, Retry, Snooze])
def test_a_message_with_any_character_is_stored(
    bench: Bench, rows: Rows, answer: Callable[[str, str], Outcome], message: str
) -> None:
    rows.replay(1)
    (job,) = bench.claim()
    bench.settle((job, answer("x", message)))
    assert rows.one(ReplayRow, 1)["error"] in ("ab", "a?b")


def test_a_batch_of_all_sorts_is_answered_in_its_order(bench: Bench, rows: Rows) -> None:
    rows.replays(*range(1, 7))
    outcomes: list[Outcome] = [DONE, Retry("a", "b"), Snooze("a", "b"), Skip("a", "b"), Fail("a", "b"), OPENS_A_MAP]
    jobs = bench.claim(n=6)
    assert bench.settle(*zip(jobs, outcomes, strict=True)) == ["done", "retry", "pending", "skipped", "failed", "done"]


def test_a_late_result_is_dropped_and_opens_nothing(bench: Bench, rows: Rows) -> None:
    rows.replay(1)
    (mine,) = bench.claim("me")
    rows.change(ReplayRow, 1, status="pending", claimed_by=None)
    (theirs,) = bench.claim("they")
    before = rows.one(ReplayRow, 1)
    assert bench.settle((mine, OPENS_A_MAP)) == [None]
    assert bench.settle((mine, Fail("x", "y"))) == [None]
    assert rows.one(ReplayRow, 1) == before
    assert (rows.one(MapRow, 1), rows.attempts()) == ({}, [])
    assert bench.settle((theirs, DONE), worker="they") == ["done"]


def test_a_result_that_comes_twice_counts_once(bench: Bench, rows: Rows) -> None:
    rows.replay(1)
    (job,) = bench.claim()
    assert bench.settle((job, DONE)) == ["done"]
    assert bench.settle((job, Fail("x", "y"))) == [None]
    assert rows.statuses() == {1: "done"}


def test_a_release_leaves_the_row_as_it_was_before_the_claim(bench: Bench, rows: Rows) -> None:
    rows.replay(1, attempts=2, losses=1, error_code="tmx.timeout", error="earlier")
    before = rows.one(ReplayRow, 1)
    jobs = bench.claim()
    with bench.database.write() as connection:
        release(connection, bench.kind, jobs)
        release(connection, bench.kind, jobs)
    assert rows.one(ReplayRow, 1) == {**before, "claim_token": 1}


def test_a_release_after_the_row_was_lost_changes_nothing(bench: Bench, rows: Rows) -> None:
    rows.replay(1)
    jobs = bench.claim("me")
    rows.change(ReplayRow, 1, status="pending", claimed_by=None)
    bench.claim("they")
    with bench.database.write() as connection:
        release(connection, bench.kind, jobs)
    assert rows.one(ReplayRow, 1)["claimed_by"] == "they"


def test_rows_that_ended_can_be_opened_again_with_all_their_attempts(database: Database, rows: Rows) -> None:
    for replay_id, status in enumerate(("done", "failed", "skipped", "retry", "running", "pending"), 1):
        rows.replay(replay_id, status, attempts=3, losses=2)
    table = table_of(ReplayRow)
    with database.write() as connection:
        assert reopen(connection, table, table.c.replay_id <= 6) == 4
    found = {row["replay_id"]: (row["status"], row["attempts"], row["losses"]) for row in rows.all(ReplayRow)}
    assert {found[i] for i in (1, 2, 3, 4)} == {("pending", 0, 0)}
    assert (found[5], found[6]) == (("running", 3, 2), ("pending", 3, 2))
    assert rows.one(ReplayRow, 1)["file_path"] == FILE["file_path"]


def test_every_outcome_resets_the_losses(bench: Bench, rows: Rows) -> None:
    outcomes: list[Outcome] = [DONE, Retry("a", "b"), Snooze("a", "b"), Skip("a", "b"), Fail("a", "b")]
    rows.replays(*range(1, 6), losses=2)
    bench.settle(*zip(bench.claim(n=5), outcomes, strict=True))
    assert {row["losses"] for row in rows.all(ReplayRow)} == {0}


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
def test_backoff_is_never_shorter_than_two_seconds_nor_longer_than_one_hour_and_a_half(
    attempt: int, jitter: float
) -> None:
    assert 2 <= backoff_s(USUAL, attempt, jitter=jitter) <= MAX_BACKOFF_S * 1.5


@given(st.integers(1, 100), st.floats(0, 1, exclude_max=True))
def test_backoff_grows_with_every_attempt(attempt: int, jitter: float) -> None:
    assert backoff_s(USUAL, attempt, jitter=jitter) <= backoff_s(USUAL, attempt + 1, jitter=jitter)


@given(st.integers(1, 100), st.floats(0, 1, exclude_max=True), st.floats(0, 1e12))
def test_backoff_never_undercuts_what_was_asked_for_up_to_a_day(attempt: int, jitter: float, asked_s: float) -> None:
    wait_s = backoff_s(USUAL, attempt, jitter=jitter, asked_s=asked_s)
    assert wait_s >= min(asked_s, MAX_REQUESTED_WAIT_S)
    assert wait_s <= MAX_REQUESTED_WAIT_S


def test_rows_that_failed_together_do_not_come_back_together() -> None:
    rng = random.Random(1)
    assert len({backoff_s(USUAL, 1, jitter=rng.random()) for _ in range(100)}) == 100
