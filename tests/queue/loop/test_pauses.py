"""Paused kinds: no worker begins their rows, claimed rows are released, and workers wait for the end of the pause."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from tests.queue.fakes import DONE, EventLog, FakeKind, FakeList, wait_until, worker, working
from tests.rows import NOW, FakeClock, Rows
from tests.server_clock import set_server_clock
from tmxdb.clock import Clock, iso, wall_clock
from tmxdb.db.database import Database
from tmxdb.db.models import ReplayRow
from tmxdb.events import WaitingForPause
from tmxdb.queue.job import Done, Job, Outcome
from tmxdb.queue.loop.run_options import RunOptions
from tmxdb.queue.pauses import ALL, Paused, pause, pause_of, pauses, resume


def stop_kind(
    database: Database, kind: str, for_s: float | None = None, reason: str | None = None, clock: Clock = wall_clock
) -> None:
    now_ms = clock()
    with database.write() as connection:
        until_ms = None if for_s is None else now_ms + round(for_s * 1000)
        pause(connection, kind, until_ms=until_ms, reason=reason, now_ms=now_ms)


def go_on(database: Database, kind: str) -> None:
    with database.write() as connection:
        resume(connection, kind, wall_clock())


def holding(database: Database, clock: Callable[[], int]) -> list[str]:
    with database.read() as connection:
        return [row.kind for row in pauses(connection, clock())]


def test_a_paused_kind_is_not_begun_while_another_one_is_done(database: Database, rows: Rows) -> None:
    rows.track(1)
    rows.replay(2)
    stop_kind(database, "download")
    lists = FakeList(lambda job: Done({"listed_top": 1}))
    totals = worker(database, [lists, FakeKind()], RunOptions(n=4, wait=False)).run()
    assert (totals.by_kind["list"]["done"], totals.by_kind["download"]) == (1, {})
    assert rows.statuses() == {2: "pending"}
    assert rows.one(ReplayRow, 2)["attempts"] == 0


def test_a_pause_of_all_holds_every_kind(database: Database, rows: Rows) -> None:
    rows.track(1)
    rows.replay(2)
    stop_kind(database, ALL)
    assert worker(database, [FakeList(), FakeKind()], RunOptions(n=4, wait=False)).run().of("done") == 0


def test_what_is_in_flight_ends_and_what_was_only_claimed_ahead_goes_back(database: Database, rows: Rows) -> None:
    rows.replays(*range(1, 21))
    begun, may_end = threading.Semaphore(0), threading.Event()

    def play(job: Job) -> Outcome:
        begun.release()
        may_end.wait(120)
        return DONE

    with working(database, [FakeKind(play)], RunOptions(n=2)):
        assert begun.acquire(timeout=120)
        assert begun.acquire(timeout=120)
        stop_kind(database, "download")
        wait_until(lambda: list(rows.statuses().values()).count("pending") == 18)
        may_end.set()
        wait_until(lambda: list(rows.statuses().values()).count("done") == 2)
        waiting = [row for row in rows.all(ReplayRow) if row["status"] == "pending"]
        assert {(row["attempts"], row["error_code"]) for row in waiting} == {(0, "worker.paused")}
        go_on(database, "download")
        wait_until(lambda: set(rows.statuses().values()) == {"done"})
    assert rows.attempts() == []


def test_a_worker_with_only_paused_rows_says_so_once_and_waits_for_the_end_of_the_pause(
    database: Database, rows: Rows
) -> None:
    rows.replay(1)
    stop_kind(database, "download", reason="video call")
    log = EventLog()
    with working(database, [FakeKind()], log=log) as thread:
        wait_until(lambda: log.sentences())
        wait_until(lambda: len(rows.workers()) == 1)
        threading.Event().wait(0.3)  # several recoveries
        assert thread.is_alive()
        assert log.sentences() == [
            "download is paused (video call); `tmxdb resume download` ends the pause.",
            "All remaining rows are paused (download); waiting until the pause ends.",
        ]
        go_on(database, "download")
        thread.join(120)
    assert rows.statuses() == {1: "done"}
    assert log.sentences()[2:] == ["download is no longer paused."]


def test_a_pause_with_an_end_is_over_by_itself(database: Database, rows: Rows) -> None:
    clock = FakeClock()
    set_server_clock(database, clock)
    rows.replay(1)
    stop_kind(database, "download", for_s=3, clock=clock)
    log = EventLog(lambda event: clock.pass_s(3) if isinstance(event, WaitingForPause) else None)
    assert worker(database, [FakeKind()], log=log, clock=clock).run().of("done") == 1
    assert len(log.of(WaitingForPause)) == 1
    assert "UTC; `tmxdb resume download` ends the pause" in log.sentences()[0]


def test_a_worker_whose_paused_kind_has_no_rows_ends(sqlite: Database) -> None:
    Rows(sqlite).track(1, status="done")
    stop_kind(sqlite, "download")
    assert worker(sqlite, [FakeList(), FakeKind()]).run().of("done") == 0


def test_a_row_in_backoff_of_a_paused_kind_is_waited_for_and_not_begun(sqlite: Database) -> None:
    rows = Rows(sqlite)
    rows.replay(1, "retry", available_at=iso(wall_clock()))
    stop_kind(sqlite, "download")
    with working(sqlite, [FakeKind()]):
        wait_until(lambda: rows.statuses() == {1: "pending"})
        go_on(sqlite, "download")
        wait_until(lambda: rows.statuses() == {1: "done"})


def test_a_paused_worker_ends_when_it_is_stopped(sqlite: Database) -> None:
    rows, stop = Rows(sqlite), threading.Event()
    rows.replay(1)
    stop_kind(sqlite, "download")
    with working(sqlite, [FakeKind()], stop=stop) as thread:
        wait_until(lambda: len(rows.workers()) == 1)
        stop.set()
        thread.join(120)
        assert not thread.is_alive()
    assert (rows.statuses(), rows.workers()) == ({1: "pending"}, [])


def test_every_worker_of_the_database_stops_and_goes_on(
    database: Database, rows: Rows, reopen: Callable[[Database], Database]
) -> None:
    stop_kind(database, "download")
    rows.replays(*range(1, 41))
    with (
        working(database, [FakeKind()], RunOptions(n=1, forever=True)),
        working(reopen(database), [FakeKind()], RunOptions(n=1, forever=True)),
    ):
        wait_until(lambda: len(rows.workers()) == 2)
        threading.Event().wait(0.3)
        assert set(rows.statuses().values()) == {"pending"}
        go_on(database, "download")
        wait_until(lambda: set(rows.statuses().values()) == {"done"})


def test_a_clock_that_is_set_moves_the_end_with_it_and_deletes_nothing(database: Database, clock: FakeClock) -> None:
    with database.write() as connection:
        pause(connection, "download", until_ms=NOW + 60_000, reason=None, now_ms=NOW)
        pause(connection, "list", until_ms=None, reason=None, now_ms=NOW)
    clock.jump_s(3600)
    assert holding(database, clock) == ["list"]
    clock.jump_s(-7200)
    assert holding(database, clock) == ["download", "list"]


def test_a_second_pause_takes_the_place_of_the_first(database: Database, clock: FakeClock) -> None:
    for until_ms, reason in ((None, "first"), (NOW + 1000, "second")):
        with database.write() as connection:
            pause(connection, "list", until_ms=until_ms, reason=reason, now_ms=NOW)
    with database.read() as connection:
        assert pauses(connection, NOW) == [Paused("list", iso(NOW), iso(NOW + 1000), "second")]


@pytest.mark.parametrize(
    ("kind", "left"), [("list", [ALL, "download"]), (ALL, []), ("capture", [ALL, "download", "list"])]
)
def test_a_pause_is_lifted_alone_and_all_are_lifted_together(
    database: Database, clock: FakeClock, kind: str, left: list[str]
) -> None:
    with database.write() as connection:
        for one in ("list", "download", ALL):
            pause(connection, one, until_ms=None, reason=None, now_ms=NOW)
    go_on(database, kind)
    assert holding(database, clock) == left


@pytest.mark.parametrize(
    ("of_kind", "of_all", "longest"),
    [("2030", "2031", "2031"), ("2031", "2030", "2031"), (None, "2031", None), ("2031", None, None)],
)
def test_of_two_pauses_the_longer_one_counts(of_kind: str | None, of_all: str | None, longest: str | None) -> None:
    held = [Paused("list", "2026", of_kind, None), Paused(ALL, "2026", of_all, None)]
    found = pause_of(held, "list")
    assert found is not None
    assert found.until == longest
    assert pause_of(held[:1], "download") is None
