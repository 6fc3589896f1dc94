"""The history of progress: what workers write, how often, and what stays of it."""

from __future__ import annotations

import random
from typing import Any

from sqlalchemy import text

from tests.queue.fakes import DONE, FakeKind, worker
from tests.rows import NOW, Rows
from tests.server_clock import set_server_clock
from tmxdb.clock import iso
from tmxdb.db.database import Database
from tmxdb.queue.job import Job, Outcome
from tmxdb.queue.progress import DAY_MS, HOUR_MS, MINUTE_MS, record_progress

MIDNIGHT = NOW // DAY_MS * DAY_MS


def record(database: Database, now_ms: int, *, is_last: bool = False) -> None:
    with database.write() as connection:
        record_progress(connection, now_ms, is_last=is_last)


def history(database: Database) -> list[dict[str, Any]]:
    """Return all rows without their numbers."""
    query = text("SELECT at, kind, done, failed, skipped, open, bytes FROM past_progress ORDER BY at, kind")
    with database.read() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def moments(database: Database) -> list[str]:
    return list(dict.fromkeys(row["at"] for row in history(database)))


def test_the_counts_of_each_kind_are_written(database: Database, rows: Rows) -> None:
    rows.track(1, "done")
    for replay_id, status in enumerate(("done", "done", "failed", "skipped", "pending", "retry", "running"), 1):
        rows.replay(replay_id, status)
    record(database, NOW)
    at = iso(NOW)
    assert history(database) == [
        {"at": at, "kind": "download", "done": 2, "failed": 1, "skipped": 1, "open": 3, "bytes": 2},
        {"at": at, "kind": "list", "done": 1, "failed": 0, "skipped": 0, "open": 0, "bytes": 0},
    ]


def test_they_are_written_once_a_minute(database: Database, rows: Rows) -> None:
    rows.track(1)
    for second in range(0, 181, 5):
        record(database, NOW + 1000 * second)
    assert moments(database) == [iso(NOW + 1000 * second) for second in (0, 60, 120, 180)]


def test_the_end_of_a_worker_is_written_and_replaces_what_is_just_seconds_old(database: Database, rows: Rows) -> None:
    rows.track(1)
    record(database, NOW)
    record(database, NOW + 20_000, is_last=True)
    record(database, NOW + 25_000, is_last=True)
    assert moments(database) == [iso(NOW), iso(NOW + 25_000)]


def test_a_time_in_the_future_stops_no_writing(database: Database, rows: Rows) -> None:
    rows.track(1)
    record(database, NOW + 300 * DAY_MS)
    record(database, NOW)
    record(database, NOW + MINUTE_MS, is_last=True)
    assert moments(database) == [iso(NOW), iso(NOW + MINUTE_MS), iso(NOW + 300 * DAY_MS)]


def test_old_minutes_become_hours_and_old_hours_days(database: Database, rows: Rows) -> None:
    rows.track(1)
    steps = [*range(0, 3 * HOUR_MS, MINUTE_MS)]
    steps += [*range(3 * HOUR_MS, 70 * DAY_MS, 2 * HOUR_MS)]
    for step in steps:
        record(database, MIDNIGHT + step)
    now = MIDNIGHT + steps[-1]
    found = moments(database)
    days = [at for at in found if at < iso(now // DAY_MS * DAY_MS - 60 * DAY_MS)]
    assert days[:2] == [iso(MIDNIGHT + 23 * HOUR_MS), iso(MIDNIGHT + 47 * HOUR_MS)]
    assert len(days) == len({at[:10] for at in days}) == 9
    assert len(found) == len({at[:13] for at in found})
    assert found[-1] == iso(now)


def test_what_grew_old_while_no_worker_ran_is_thinned_too(database: Database, rows: Rows) -> None:
    rows.track(1)
    for minute in range(120):
        record(database, MIDNIGHT + minute * MINUTE_MS)
    record(database, MIDNIGHT + 10 * DAY_MS)
    kept = [MIDNIGHT + 59 * MINUTE_MS, MIDNIGHT + 119 * MINUTE_MS, MIDNIGHT + 10 * DAY_MS]
    assert moments(database) == [iso(moment) for moment in kept]
    record(database, MIDNIGHT + 400 * DAY_MS)
    assert moments(database) == [iso(moment) for moment in (*kept[1:], MIDNIGHT + 400 * DAY_MS)]


def test_whatever_the_pauses_the_table_stays_small(sqlite: Database) -> None:
    Rows(sqlite).track(1)
    rng, now = random.Random(7), MIDNIGHT
    for _ in range(3000):
        now += rng.choice((MINUTE_MS, MINUTE_MS, 5 * MINUTE_MS, 7 * HOUR_MS, 3 * DAY_MS))
        record(sqlite, now, is_last=rng.random() < 0.1)
    found = moments(sqlite)
    for before, width in ((now - 61 * DAY_MS, 10), (now - 3 * DAY_MS, 13)):
        old = [at[:width] for at in found if at < iso(before)]
        assert len(old) == len(set(old))


def test_another_worker_that_is_writing_is_not_waited_for(postgresql: Database) -> None:
    Rows(postgresql).track(1)
    with postgresql.write() as first:
        record_progress(first, NOW)
        record(postgresql, NOW)
        record(postgresql, NOW, is_last=True)
    assert len(history(postgresql)) == 1


def test_a_worker_writes_at_its_start_and_at_its_end(database: Database, rows: Rows) -> None:
    rows.replays(*range(1, 6))
    at = [NOW]
    set_server_clock(database, lambda: at[0])

    def play(job: Job) -> Outcome:
        at[0] = NOW + 30_000
        return DONE

    worker(database, [FakeKind(play)], clock=lambda: at[0]).run()
    # To ten seconds: a worker does not ask the server each time.
    found = [(row["at"][:18], row["done"], row["open"]) for row in history(database) if row["kind"] == "download"]
    assert found == [(iso(NOW)[:18], 0, 5), (iso(NOW + 30_000)[:18], 5, 0)]
