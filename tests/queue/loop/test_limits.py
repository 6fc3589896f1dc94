"""Limits count what they name: attempts for one cause, and the time a row has been put off."""

from __future__ import annotations

import pytest

from tests.queue.fakes import DONE, Bench, EventLog, FakeKind, worker
from tests.rows import FakeClock, Rows
from tmxdb.db.database import Database
from tmxdb.db.models import ReplayRow, table_of
from tmxdb.events import RowSettled
from tmxdb.failure_policy import policy_for_code
from tmxdb.queue.job import Fail, Job, Outcome, Retry, Skip, Snooze
from tmxdb.queue.loop.run_options import RunOptions
from tmxdb.queue.rows.recover import promote_due
from tmxdb.queue.rows.settle import MAX_ATTEMPTS_FACTOR, release, reopen

DAY_S = 86_400


@pytest.fixture
def bench(database: Database, clock: FakeClock) -> Bench:
    return Bench(database, clock)


def attempt(bench: Bench, outcome: Outcome, max_attempts: int = 5) -> str | None:
    """Claim the only row, settle it with `outcome` and let the time of its wait pass."""
    (job,) = bench.claim()
    (status,) = bench.settle((job, outcome), max_attempts=max_attempts)
    bench.clock.pass_s(3 * 3600 if isinstance(outcome, Retry) else getattr(outcome, "after_s", 0))
    with bench.database.write() as connection:
        promote_due(connection, bench.kind, bench.clock())
    return status


def test_a_file_that_is_unreadable_once_after_other_failures_is_not_given_up(bench: Bench, rows: Rows) -> None:
    rows.replay(1)
    for failure in (Retry("tmx.cut", "cut"), Retry("tmx.html", "a page"), Retry("gbx.truncated", "bad", digest="aa")):
        assert attempt(bench, failure) == "retry"
    assert attempt(bench, DONE) == "done"


def test_failures_for_the_same_cause_in_a_row_reach_the_limit_of_their_code(bench: Bench, rows: Rows) -> None:
    rows.replay(1)
    assert [attempt(bench, Retry("gbx.truncated", "bad", digest="aa")) for _ in range(3)] == [
        "retry",
        "retry",
        "failed",
    ]


def test_a_file_is_called_unreadable_only_when_the_same_bytes_come_again(bench: Bench, rows: Rows) -> None:
    rows.replay(1)
    digests = [f"{i:064x}"[::-1] for i in range(8)]
    assert {attempt(bench, Retry("gbx.truncated", "bad", digest=digest)) for digest in digests} == {"retry"}
    same = [attempt(bench, Retry("gbx.truncated", "bad", digest=digests[-1])) for _ in range(2)]
    assert same == ["retry", "failed"]


def test_another_failure_between_starts_the_count_again(bench: Bench, rows: Rows) -> None:
    rows.replay(1)
    codes = ["capture.parked", "capture.parked", "game.silent"] * 4
    assert {attempt(bench, Retry(code, "m")) for code in codes} == {"retry"}


def test_max_attempts_counts_failures_in_a_row_for_one_cause(bench: Bench, rows: Rows) -> None:
    rows.replay(1)
    codes = ["tmx.timeout", "tmx.timeout", "tmx.cut", "tmx.timeout", "tmx.timeout", "tmx.timeout"]
    statuses = [attempt(bench, Retry(code, "m"), max_attempts=3) for code in codes]
    assert statuses == ["retry"] * 5 + ["failed"]


def test_a_row_that_always_fails_for_another_reason_ends_too(bench: Bench, rows: Rows) -> None:
    rows.replay(1)
    limit = MAX_ATTEMPTS_FACTOR * 5
    statuses = [attempt(bench, Retry(f"x.{i % 2}", "m")) for i in range(limit)]
    assert statuses == ["retry"] * (limit - 1) + ["failed"]


def test_a_snooze_between_failures_neither_counts_nor_resets_the_count(bench: Bench, rows: Rows) -> None:
    rows.replay(1)
    failure, pause = Retry("gbx.lzo", "bad", digest="aa"), Snooze("tmx.throttled", "wait", 10)
    assert [attempt(bench, one) for one in (failure, pause, failure, pause, failure)][-1] == "failed"


@pytest.mark.parametrize("end", [DONE, Skip("tmx.gone", "gone"), Fail("x", "y")], ids=["done", "skipped", "failed"])
def test_reopening_a_row_gives_back_all_its_attempts(bench: Bench, rows: Rows, end: Outcome) -> None:
    rows.replay(1)
    for failure in ["tmx.timeout"] * 4:
        attempt(bench, Retry(failure, "m"))
    attempt(bench, end)
    with bench.database.write() as connection:
        assert reopen(connection, table_of(ReplayRow)) == 1
    statuses = [attempt(bench, Retry("tmx.timeout", "m")) for _ in range(5)]
    assert statuses == ["retry"] * 4 + ["failed"]


def test_free_waits_do_not_wear_out_by_claims_that_were_released(bench: Bench, rows: Rows) -> None:
    """Re-listing, pauses and Ctrl-C claim rows without an attempt: that must not use up any wait."""
    rows.replay(1)
    for _ in range(150):
        (job,) = bench.claim()
        with bench.database.write() as connection:
            release(connection, bench.kind, [job])
    for _ in range(30):
        attempt(bench, DONE)
        with bench.database.write() as connection:
            reopen(connection, table_of(ReplayRow))
    assert [attempt(bench, Snooze("tmx.throttled", "wait", 1)) for _ in range(5)] == ["retry"] * 5
    assert rows.one(ReplayRow, 1)["attempts"] == 0


def test_a_row_is_snoozed_any_number_of_times_within_a_day(bench: Bench, rows: Rows) -> None:
    rows.replay(1)
    assert {attempt(bench, Snooze("tmx.throttled", "wait", 1)) for _ in range(400)} == {"retry"}
    assert (rows.one(ReplayRow, 1)["attempts"], rows.attempts()) == (0, [])


def test_a_row_that_was_snoozed_for_a_day_is_charged_one_attempt_and_then_snoozed_again(
    bench: Bench, rows: Rows
) -> None:
    assert policy_for_code("tmx.throttled").max_snooze_s == DAY_S
    rows.replay(1)
    for _ in range(25):
        attempt(bench, Snooze("tmx.throttled", "wait", 3600))
    assert rows.one(ReplayRow, 1)["attempts"] == 0
    attempt(bench, Snooze("tmx.throttled", "wait", 3600))
    assert rows.one(ReplayRow, 1)["attempts"] == 1
    attempt(bench, Snooze("tmx.throttled", "wait", 3600))
    assert (rows.one(ReplayRow, 1)["attempts"], len(rows.attempts())) == (1, 1)


def test_a_success_forgets_earlier_failures_and_snoozes(bench: Bench, rows: Rows) -> None:
    rows.replay(1)
    attempt(bench, Retry("tmx.timeout", "m"))
    attempt(bench, Snooze("tmx.throttled", "wait", 1))
    attempt(bench, DONE)
    row = rows.one(ReplayRow, 1)
    assert (row["failures_in_a_row"], row["failure_cause"], row["snoozed_since"]) == (0, None, None)


def test_a_game_that_is_busy_for_days_charges_nothing(bench: Bench, rows: Rows) -> None:
    rows.replay(1)
    assert {attempt(bench, Snooze("game.unreachable", "away", DAY_S)) for _ in range(10)} == {"retry"}
    assert rows.one(ReplayRow, 1)["attempts"] == 0


def test_the_summary_and_the_table_of_attempts_count_the_same(sqlite: Database) -> None:
    """A snooze is no attempt. A snooze that came too late to be one is an attempt in both."""
    rows = Rows(sqlite)
    rows.replay(1)
    rows.replay(2)
    rows.replay(3, snoozed_since="2020-01-01T00:00:00.000Z")
    plays: dict[int, list[Outcome]] = {
        1: [Retry("tmx.cut", "cut"), Retry("tmx.timeout", "slow")],
        2: [Snooze("game.unreachable", "away", 0.01), Snooze("game.waiting", "away")],
        3: [Snooze("tmx.throttled", "wait", 0.01)],
    }

    def play(job: Job) -> Outcome:
        return plays[job.item_id].pop(0) if plays[job.item_id] else DONE

    log = EventLog()
    totals = worker(sqlite, [FakeKind(play)], RunOptions(n=1), log=log).run()
    with sqlite.read() as connection:
        attempts = connection.exec_driver_sql("select item_id from attempts where outcome = 'retry'").scalars().all()
    assert sorted(attempts) == [1, 1, 3]
    assert (totals.of("retry"), totals.of("done")) == (3, 3)
    assert [event.item_id for event in log.of(RowSettled) if event.snoozed] == [2, 2]
