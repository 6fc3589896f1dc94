"""Rows that a person takes out of the queue's hands: left alone for good, or taken from a worker."""

from __future__ import annotations

import pytest

from tests.queue.fakes import DONE, Bench
from tests.rows import NOW, FakeClock, Rows
from tmxdb.db.database import Database
from tmxdb.db.models import ReplayRow, table_of
from tmxdb.queue.admin import RELEASED, count_held, count_skippable, release_rows, skip_rows
from tmxdb.queue.rows.settle import USER_SKIPPED, reopen

REPLAYS = table_of(ReplayRow)


@pytest.fixture
def bench(database: Database, clock: FakeClock) -> Bench:
    return Bench(database, clock)


def test_all_rows_but_done_ones_are_skipped_with_the_reason(database: Database, rows: Rows) -> None:
    for number, status in enumerate(("pending", "running", "retry", "failed", "done", "skipped"), start=1):
        rows.replay(number, status)
    with database.write() as connection:
        assert count_skippable(connection, REPLAYS) == {"pending": 1, "running": 1, "retry": 1, "failed": 1}
        assert skip_rows(connection, REPLAYS, reason="no use", now_ms=NOW) == 4
        assert skip_rows(connection, REPLAYS, reason="again", now_ms=NOW) == 0
    assert list(rows.statuses().values()) == ["skipped"] * 4 + ["done", "skipped"]
    assert {(row["error_code"], row["error"]) for row in rows.all(ReplayRow)[:4]} == {(USER_SKIPPED, "no use")}
    assert rows.one(ReplayRow, 6)["error_code"] == "tmx.gone"
    with database.write() as connection:
        assert reopen(connection, REPLAYS) == 2  # the done one and the one without a file
        assert reopen(connection, REPLAYS, REPLAYS.c.error_code == USER_SKIPPED, user_skipped=True) == 4


def test_the_result_of_a_row_that_was_skipped_while_running_is_dropped(
    database: Database, rows: Rows, bench: Bench
) -> None:
    rows.replays(1, 2)
    first, second = bench.claim(n=2)
    with database.write() as connection:
        skip_rows(connection, REPLAYS, REPLAYS.c.replay_id == 1, reason="no use", now_ms=NOW)
    assert bench.settle((first, DONE), (second, DONE)) == [None, "done"]
    assert rows.statuses() == {1: "skipped", 2: "done"}


def test_released_rows_cost_no_attempt_and_count_no_loss(database: Database, rows: Rows, bench: Bench) -> None:
    rows.replay(1, attempts=2, losses=1)
    bench.register("slow")
    bench.claim("slow")
    with database.write() as connection:
        assert release_rows(connection, "download", REPLAYS, ["slow"], NOW) == 1
    row = rows.one(ReplayRow, 1)
    assert (row["status"], row["attempts"], row["losses"], row["claimed_by"]) == ("pending", 2, 1, None)
    (book,) = rows.attempts()
    assert (book["outcome"], book["error_code"], book["worker"], book["attempt"]) == ("lost", RELEASED, "slow", 3)


def test_the_late_result_of_a_released_row_is_dropped_before_and_after_the_next_claim(
    database: Database, rows: Rows, bench: Bench
) -> None:
    rows.replay(1)
    bench.register("slow")
    (late,) = bench.claim("slow")
    with database.write() as connection:
        release_rows(connection, "download", REPLAYS, ["slow"], NOW)
    assert bench.settle((late, DONE), worker="slow") == [None]
    (job,) = bench.claim("slow")
    assert bench.settle((late, DONE), worker="slow") == [None]
    assert rows.statuses() == {1: "running"}
    assert bench.settle((job, DONE), worker="slow") == ["done"]


def test_only_rows_of_the_named_workers_and_of_unregistered_ones_are_released(
    database: Database, rows: Rows, bench: Bench
) -> None:
    rows.replays(1, 2, 3)
    for name in ("here", "there"):
        bench.register(name)
    for name in ("here", "there", "stranger"):
        bench.claim(name)
    with database.write() as connection:
        assert count_held(connection, REPLAYS, None) == {"here": 1, "there": 1, "stranger": 1}
        assert count_held(connection, REPLAYS, ["here"]) == {"here": 1, "stranger": 1}
        assert release_rows(connection, "download", REPLAYS, ["here"], NOW) == 2
    assert rows.statuses() == {1: "pending", 2: "running", 3: "pending"}
    with database.write() as connection:
        assert release_rows(connection, "download", REPLAYS, None, NOW) == 1
