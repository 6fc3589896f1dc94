"""Rows that come back by themselves: retries that are due, and rows of workers that are gone."""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.rows import NOW, FakeClock, Rows
from tmxdb.clock import iso
from tmxdb.db.engine import Database
from tmxdb.db.models import Replay, Worker
from tmxdb.queue import desk as desk_module
from tmxdb.queue import recover as recover_module
from tmxdb.queue.job import Retry
from tmxdb.queue.recover import APART_MS, DEADLY, SUSPECT, Recovered, next_due, recover
from tmxdb.queue.workers import (
    HEARTBEAT_MS,
    LEASE_MS,
    Identity,
    Watch,
    heartbeat,
    live_workers,
    new_identity,
    process_started_ms,
    this_machine,
)

from .fakes import DONE, Bench, FakeKind, worker

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def bench(database: Database, clock: FakeClock) -> Bench:
    return Bench(database, clock)


def recovered(bench: Bench, *dead: str) -> Recovered:
    with bench.database.write() as connection:
        return recover(connection, bench.kind, dead=list(dead), now_ms=bench.clock())


def dead(bench: Bench, watch: Watch, me: str = "watcher") -> list[str]:
    with bench.database.read() as connection:
        return watch.dead(connection, me, bench.clock())


def watched(bench: Bench, watch: Watch, seconds: float, *, wall: bool = True) -> list[str]:
    """Look once a second for so long; the last answer. `wall` False: the time of day stands still."""
    found: list[str] = []
    while seconds > 0:
        step = min(seconds, 1.0)
        bench.clock.pass_s(step)
        bench.clock.jump_s(0 if wall else -step)
        found, seconds = dead(bench, watch), seconds - step
    return found


def beat(bench: Bench, worker: str, clock: FakeClock | None = None) -> dict[str, list[int]]:
    who = Identity(worker, "host", "elsewhere", 1, 1)
    with bench.database.write() as connection:
        return heartbeat(connection, who, [bench.kind], 1, {}, {}, (clock or bench.clock)())


def test_a_retry_is_pending_again_when_it_is_due_and_not_before(bench: Bench, rows: Rows) -> None:
    rows.replay(1)
    (job,) = bench.claim()
    bench.settle((job, Retry("tmx.timeout", "too late", after_s=10)))
    bench.clock.pass_s(9.9)
    assert recovered(bench) == Recovered()
    with bench.database.read() as connection:
        assert next_due(connection, bench.kind) == iso(NOW + 10_000)
    bench.clock.pass_s(0.1)
    assert recovered(bench) == Recovered(due=1)
    row = rows.one(Replay, 1)
    assert (row["status"], row["attempts"], row["error_code"]) == ("pending", 1, "tmx.timeout")


def test_many_retries_that_are_due_at_once_come_back_bit_by_bit_those_that_waited_longest_first(
    bench: Bench, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recover_module, "DUE_AT_ONCE", 3)
    for replay_id in range(1, 8):
        rows.replay(replay_id, "retry", available_at=iso(NOW - replay_id))
    assert recovered(bench) == Recovered(due=3)
    assert {i for i, status in rows.statuses().items() if status == "pending"} == {5, 6, 7}
    assert [recovered(bench).due for _ in range(3)] == [3, 1, 0]


def test_a_worker_looks_again_at_once_while_more_is_due_than_one_turn_takes(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recover_module, "DUE_AT_ONCE", 3)
    monkeypatch.setattr(desk_module, "DUE_AT_ONCE", 3)
    monkeypatch.setattr(desk_module, "LOOK_S", 1000)
    rows = Rows(sqlite)
    rows.replays(*range(1, 12), status="retry", available_at=iso(0))
    assert worker(sqlite, [FakeKind()]).run().of("done") == 11


def test_rows_of_a_dead_worker_are_pending_again_uncharged_and_booked(bench: Bench, rows: Rows) -> None:
    rows.replay(1, attempts=2)
    bench.sign_in("dead")
    bench.sign_in("live")
    bench.claim("dead")
    rows.replay(2)
    bench.claim("live")
    assert recovered(bench, "dead") == Recovered(lost=1)
    assert rows.statuses() == {1: "pending", 2: "running"}
    assert rows.one(Replay, 1)["attempts"] == 2
    (book,) = rows.attempts()
    assert (book["outcome"], book["error_code"], book["worker"], book["attempt"]) == ("lost", "worker.died", "dead", 3)


def test_rows_of_a_worker_that_nobody_knows_are_lost_too(bench: Bench, rows: Rows) -> None:
    rows.replay(1)
    bench.claim("nobody")
    assert recovered(bench) == Recovered(lost=1)
    assert rows.statuses() == {1: "pending"}


def test_a_row_that_workers_die_on_again_and_again_is_given_up(bench: Bench, rows: Rows) -> None:
    rows.replay(1)
    for losses in range(1, DEADLY):
        assert bench.claim("dead")
        assert recovered(bench) == Recovered(lost=1)
        assert rows.one(Replay, 1)["status"] == ("pending" if losses < SUSPECT else "retry")
        bench.clock.pass_s(60)
        recovered(bench)
    bench.claim("dead")
    assert recovered(bench) == Recovered(deadly=1)
    row = rows.one(Replay, 1)
    assert (row["status"], row["error_code"], row["attempts"]) == ("failed", "worker.died", 0)
    assert "`tmxdb retry`" in row["error"]
    assert len(rows.attempts()) == DEADLY


def test_a_row_that_was_done_between_deaths_is_not_blamed(bench: Bench, rows: Rows) -> None:
    rows.replay(1)
    for _ in range(DEADLY + 1):
        bench.claim("dead")
        recovered(bench)
        (job,) = bench.claim("me")
        bench.settle((job, Retry("tmx.timeout", "too late", after_s=0)))
        bench.clock.pass_s(100_000)
        recovered(bench)
        rows.change(Replay, 1, attempts=0)
    assert rows.statuses() == {1: "pending"}


def test_rows_that_were_only_claimed_ahead_are_not_blamed(bench: Bench, rows: Rows) -> None:
    for replay_id in range(1, 11):
        rows.replay(replay_id, priority=-replay_id)
    for _ in range(DEADLY):
        bench.sign_in("dead")  # does one job at once
        bench.claim("dead", n=10)
        recovered(bench, "dead")
        rows.write("DELETE FROM workers")
        bench.clock.pass_s(60)
        recovered(bench)
    assert {i for i, status in rows.statuses().items() if status == "failed"} == {10}
    assert {row["losses"] for row in rows.all(Replay) if row["status"] != "failed"} == {0}


def test_suspects_come_back_apart_from_each_other(bench: Bench, rows: Rows) -> None:
    rows.replays(1, 2, 3)
    for _ in range(SUSPECT):
        bench.claim("dead", n=3)
        recovered(bench)
    due = [row["available_at"] for row in rows.all(Replay)]
    assert due == [iso(NOW + APART_MS * i) for i in (1, 2, 3)]
    bench.clock.pass_s(APART_MS / 1000)
    assert recovered(bench) == Recovered(due=1)


def test_workers_that_recover_at_once_book_a_loss_once(database: Database, clock: FakeClock, rows: Rows) -> None:
    rows.replays(*range(1, 51))
    bench = Bench(database, clock)
    bench.claim("dead", n=50)
    start, counts = threading.Barrier(4), []

    def look() -> None:
        start.wait()
        counts.append(recovered(bench).lost)

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(counts) == len(rows.attempts()) == 50
    assert {row["losses"] for row in rows.all(Replay)} == {0, 1}


def test_a_worker_of_another_machine_is_dead_when_its_heart_stood_still_for_a_lease(bench: Bench) -> None:
    watch = Watch(bench.clock.monotonic)
    bench.sign_in("far")
    assert dead(bench, watch) == []
    assert watched(bench, watch, LEASE_MS / 1000 - 1, wall=False) == []
    assert watched(bench, watch, 1.5, wall=False) == ["far"]


def test_a_worker_whose_lease_is_over_is_dead_after_three_missed_beats(bench: Bench) -> None:
    watch = Watch(bench.clock.monotonic)
    bench.sign_in("far")
    bench.clock.jump_s(LEASE_MS / 1000 + 1)
    assert dead(bench, watch) == []
    assert watched(bench, watch, 3 * HEARTBEAT_MS / 1000 - 1) == []
    assert watched(bench, watch, 1.5) == ["far"]


def test_a_heart_that_beats_keeps_a_worker_alive(bench: Bench) -> None:
    watch = Watch(bench.clock.monotonic)
    bench.sign_in("far")
    for _ in range(30):
        assert watched(bench, watch, HEARTBEAT_MS / 1000) == []
        beat(bench, "far")
        assert dead(bench, watch) == []


def test_a_watcher_never_strikes_off_itself(bench: Bench) -> None:
    watch = Watch(bench.clock.monotonic)
    bench.sign_in("watcher")
    assert watched(bench, watch, 200) == []


def test_a_heartbeat_renews_all_rows_of_its_worker_and_no_others(bench: Bench, rows: Rows) -> None:
    rows.replays(1, 2, 3)
    bench.sign_in("me")
    bench.claim("me", n=2)
    bench.claim("they")
    bench.clock.pass_s(30)
    assert sorted(beat(bench, "me")["download"]) == [1, 2]
    leases = [row["lease_until"] for row in rows.all(Replay)]
    assert leases == [iso(NOW + 30_000 + LEASE_MS)] * 2 + [iso(NOW + LEASE_MS)]
    assert rows.one(Worker, "me")["heartbeat_at"] == iso(NOW + 30_000)  # type: ignore[arg-type]


def test_a_worker_that_was_struck_off_signs_in_again_and_its_late_result_is_dropped(bench: Bench, rows: Rows) -> None:
    rows.replay(1)
    bench.sign_in("me")
    (job,) = bench.claim("me")
    rows.write("DELETE FROM workers")
    recovered(bench)
    bench.claim("they")
    beat(bench, "me")
    assert rows.workers() == ["me"]
    assert bench.settle((job, DONE)) == [None]


def test_live_workers_are_those_on_the_list_whose_process_is_there(bench: Bench) -> None:
    me = new_identity()
    bench.sign_in("alive", machine=this_machine(), pid=me.pid, started_ms=me.process_started_ms)
    bench.sign_in("reused pid", machine=this_machine(), pid=me.pid, started_ms=me.process_started_ms - 1)
    bench.sign_in("far")
    with bench.database.read() as connection:
        assert live_workers(connection, NOW) == {"alive", "far"}


def test_a_machine_of_the_same_name_is_not_this_machine(bench: Bench) -> None:
    bench.sign_in("namesake", machine=f"{platform.node()} another", pid=2**22 - 7)
    assert dead(bench, Watch(bench.clock.monotonic)) == []
    assert this_machine() != platform.node()


def test_every_worker_has_an_identity_of_its_own() -> None:
    one, two = new_identity(), new_identity()
    assert one.worker_id != two.worker_id
    assert one.process_started_ms == process_started_ms(os.getpid())
    assert process_started_ms(2**22 - 7) is None


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL on this system")
def test_rows_of_a_killed_process_of_this_machine_come_back_at_once(database: Database, rows: Rows) -> None:
    rows.replays(1, 2, 3)
    program = (
        "import sys, time; from tests.queue.fakes import FakeKind, worker; from tmxdb.db.engine import Database;"
        "from tmxdb.queue.plan import Plan\n"
        "def play(job): print(job.item_id, flush=True); time.sleep(600)\n"
        "worker(Database(sys.argv[1]), [FakeKind(play)], Plan(n=1)).run()"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", program, database.location], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout
    assert child.stdout.readline() == "1\n"
    bench = Bench(database, FakeClock(), FakeKind())
    watch = Watch()
    assert dead(bench, watch) == []
    child.send_signal(signal.SIGKILL)
    child.communicate()
    (gone,) = dead(bench, watch)
    assert recovered(bench, gone) == Recovered(lost=3)
    assert set(rows.statuses().values()) == {"pending"}
