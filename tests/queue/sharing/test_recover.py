"""Rows that become pending by themselves: due retries, and rows of lost workers."""

from __future__ import annotations

import os
import platform
import subprocess
import threading
from pathlib import Path

import pytest

from tests import forked
from tests.queue.fakes import DONE, Bench, FakeKind, FakeList, worker
from tests.rows import NOW, FakeClock, Rows
from tmxdb.clock import iso
from tmxdb.db.database import Database
from tmxdb.db.models import ReplayRow, WorkerRow
from tmxdb.process_identity import process_started_ms, this_machine
from tmxdb.queue.job import Retry, Snooze
from tmxdb.queue.loop import job_store as store_module
from tmxdb.queue.loop.run_options import RunOptions
from tmxdb.queue.rows import recover as recover_module
from tmxdb.queue.rows.recover import (
    LOSS_MEMORY_MS,
    MAX_LOSSES,
    SUSPECT_DELAY_MS,
    SUSPECT_LOSSES,
    Recovered,
    next_due,
    recover,
)
from tmxdb.queue.worker_registry import (
    HEARTBEAT_MS,
    LEASE_MS,
    Identity,
    LivenessMonitor,
    heartbeat,
    held_keys,
    live_workers,
    new_identity,
    unregister,
)

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def bench(database: Database, clock: FakeClock) -> Bench:
    return Bench(database, clock)


def recovered(bench: Bench, *lost_workers: str) -> Recovered:
    with bench.database.write() as connection:
        return recover(connection, bench.kind, lost_workers=list(lost_workers), now_ms=bench.clock())


def lost_workers(bench: Bench, watch: LivenessMonitor, me: str = "watcher") -> list[str]:
    with bench.database.read() as connection:
        return watch.lost_workers(connection, me, bench.clock())


def watched(bench: Bench, watch: LivenessMonitor, seconds: float, *, wall: bool = True) -> list[str]:
    """Look once a second for `seconds` and return the last result. `wall` False: the wall clock stands still."""
    found: list[str] = []
    while seconds > 0:
        step = min(seconds, 1.0)
        bench.clock.pass_s(step)
        bench.clock.jump_s(0 if wall else -step)
        found, seconds = lost_workers(bench, watch), seconds - step
    return found


def beat(bench: Bench, worker: str, clock: FakeClock | None = None) -> bool:
    who = Identity(worker, "host", "elsewhere", 1, 1)
    with bench.database.write() as connection:
        return heartbeat(connection, who, [bench.kind], 1, {}, {}, (clock or bench.clock)())


def held(bench: Bench, worker: str) -> list[int]:
    with bench.database.read() as connection:
        return sorted(held_keys(connection, bench.kind, worker))


def die(bench: Bench, *, begun: list[int], n: int = 1) -> Recovered:
    """Let a worker claim `n` rows, begin those of `begun` and die; recover its rows."""
    bench.register("dead")
    bench.claim("dead", n=n)
    bench.begin("dead", begun)
    found = recovered(bench, "dead")
    with bench.database.write() as connection:
        unregister(connection, ["dead"])
    return found


def test_a_row_that_kills_its_worker_is_blamed_by_workers_of_all_kinds(bench: Bench, rows: Rows) -> None:
    """A worker that only lists tracks is the first that looks: it unregisters the dead one."""
    rows.track(1, "done")
    rows.replays(7, 8)
    bench.register("dead", machine=this_machine(), pid=2**22 - 7)
    bench.claim("dead", n=2)
    bench.begin("dead", [7])
    worker(bench.database, [FakeList()], RunOptions(n=1, wait=False)).run()
    lost = {row["replay_id"]: (row["status"], row["losses"]) for row in rows.all(ReplayRow)}
    assert lost == {7: ("pending", 1), 8: ("pending", 0)}
    assert rows.workers() == []


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
    row = rows.one(ReplayRow, 1)
    assert (row["status"], row["attempts"], row["error_code"]) == ("pending", 1, "tmx.timeout")


def test_many_due_retries_become_pending_in_batches_the_oldest_first(
    bench: Bench, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recover_module, "DUE_PER_CYCLE", 3)
    for replay_id in range(1, 8):
        rows.replay(replay_id, "retry", available_at=iso(NOW - replay_id))
    assert recovered(bench) == Recovered(due=3)
    assert {i for i, status in rows.statuses().items() if status == "pending"} == {5, 6, 7}
    assert [recovered(bench).due for _ in range(3)] == [3, 1, 0]


def test_a_worker_continues_without_a_wait_while_more_retries_are_due_than_fit_in_one_cycle(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recover_module, "DUE_PER_CYCLE", 3)
    monkeypatch.setattr(store_module, "DUE_PER_CYCLE", 3)
    monkeypatch.setattr(store_module, "RECOVERY_S", 1000)
    rows = Rows(sqlite)
    rows.replays(*range(1, 12), status="retry", available_at=iso(0))
    assert worker(sqlite, [FakeKind()]).run().of("done") == 11


def test_rows_of_a_lost_worker_are_pending_again_without_a_charge_and_recorded(bench: Bench, rows: Rows) -> None:
    rows.replay(1, attempts=2)
    bench.register("dead")
    bench.register("live")
    bench.claim("dead")
    rows.replay(2)
    bench.claim("live")
    assert recovered(bench, "dead") == Recovered(lost=1)
    assert rows.statuses() == {1: "pending", 2: "running"}
    assert rows.one(ReplayRow, 1)["attempts"] == 2
    (book,) = rows.attempts()
    assert (book["outcome"], book["error_code"], book["worker"], book["attempt"]) == ("lost", "worker.died", "dead", 3)


def test_rows_of_an_unregistered_worker_are_recovered_too(bench: Bench, rows: Rows) -> None:
    rows.replay(1)
    bench.claim("unregistered")
    assert recovered(bench) == Recovered(lost=1)
    assert rows.statuses() == {1: "pending"}


def test_a_row_on_which_workers_die_in_a_row_is_retried_apart_and_then_given_up(bench: Bench, rows: Rows) -> None:
    rows.replay(1)
    for losses in range(1, MAX_LOSSES + 1):
        die(bench, begun=[1])
        assert rows.one(ReplayRow, 1)["losses"] == losses
        assert rows.one(ReplayRow, 1)["status"] == ("pending" if losses < SUSPECT_LOSSES else "retry")
        bench.clock.pass_s(60)
        recovered(bench)
    assert die(bench, begun=[1]) == Recovered(given_up=1)
    row = rows.one(ReplayRow, 1)
    assert (row["status"], row["error_code"], row["attempts"]) == ("failed", "worker.died", 0)
    assert "`tmxdb retry`" in row["error"]
    assert len(rows.attempts()) == MAX_LOSSES + 1


def test_a_row_that_was_settled_between_losses_starts_counting_again(bench: Bench, rows: Rows) -> None:
    rows.replay(1)
    for _ in range(MAX_LOSSES + 1):
        die(bench, begun=[1])
        (job,) = bench.claim("me")
        bench.settle((job, Snooze("x", "not yet")))
    assert (rows.statuses(), rows.one(ReplayRow, 1)["losses"]) == ({1: "pending"}, 0)


def test_rows_that_were_claimed_but_not_begun_are_not_blamed(bench: Bench, rows: Rows) -> None:
    rows.replays(*range(1, 11))
    for _ in range(3 * MAX_LOSSES):
        assert die(bench, begun=[], n=10) == Recovered(lost=10)
    assert {(row["status"], row["losses"]) for row in rows.all(ReplayRow)} == {("pending", 0)}


def test_only_the_begun_row_is_blamed_for_the_end_of_its_worker(bench: Bench, rows: Rows) -> None:
    rows.replays(*range(1, 11))
    die(bench, begun=[4], n=10)
    assert [row["replay_id"] for row in rows.all(ReplayRow) if row["losses"]] == [4]


def test_losses_are_forgotten_with_time(bench: Bench, rows: Rows) -> None:
    rows.replay(1)
    for _ in range(3 * MAX_LOSSES):
        die(bench, begun=[1])
        bench.clock.pass_s(LOSS_MEMORY_MS / 1000 + 1)
        recovered(bench)
    assert (rows.statuses(), rows.one(ReplayRow, 1)["losses"]) == ({1: "pending"}, 1)


def test_suspects_come_back_apart_from_each_other(bench: Bench, rows: Rows) -> None:
    rows.replays(1, 2, 3)
    for _ in range(SUSPECT_LOSSES):
        die(bench, begun=[1, 2, 3], n=3)
    due = [row["available_at"] for row in rows.all(ReplayRow)]
    assert due == [iso(NOW + SUSPECT_DELAY_MS * i) for i in (1, 2, 3)]
    bench.clock.pass_s(SUSPECT_DELAY_MS / 1000)
    assert recovered(bench) == Recovered(due=1)


def test_workers_that_recover_concurrently_record_each_loss_once(
    database: Database, clock: FakeClock, rows: Rows
) -> None:
    rows.replays(*range(1, 51))
    bench = Bench(database, clock)
    bench.register("dead")
    bench.claim("dead", n=50)
    bench.begin("dead", range(1, 51))
    start, counts = threading.Barrier(4), []

    def look() -> None:
        start.wait()
        counts.append(recovered(bench, "dead").lost)

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(counts) == len(rows.attempts()) == 50
    assert {row["losses"] for row in rows.all(ReplayRow)} == {1}


def test_a_worker_of_another_machine_is_lost_when_its_heartbeat_did_not_change_for_a_lease(bench: Bench) -> None:
    watch = LivenessMonitor(bench.clock.monotonic)
    bench.register("far")
    assert lost_workers(bench, watch) == []
    assert watched(bench, watch, LEASE_MS / 1000 - 1, wall=False) == []
    assert watched(bench, watch, 1.5, wall=False) == ["far"]


def test_a_worker_whose_lease_has_expired_is_lost_after_three_missed_heartbeats(bench: Bench) -> None:
    watch = LivenessMonitor(bench.clock.monotonic)
    bench.register("far")
    bench.clock.jump_s(LEASE_MS / 1000 + 1)
    assert lost_workers(bench, watch) == []
    assert watched(bench, watch, 3 * HEARTBEAT_MS / 1000 - 1) == []
    assert watched(bench, watch, 1.5) == ["far"]


def test_heartbeats_keep_a_worker_alive(bench: Bench) -> None:
    watch = LivenessMonitor(bench.clock.monotonic)
    bench.register("far")
    for _ in range(30):
        assert watched(bench, watch, HEARTBEAT_MS / 1000) == []
        beat(bench, "far")
        assert lost_workers(bench, watch) == []


def test_a_worker_never_declares_itself_lost(bench: Bench) -> None:
    watch = LivenessMonitor(bench.clock.monotonic)
    bench.register("watcher")
    assert watched(bench, watch, 200) == []


def test_a_heartbeat_renews_the_lease_of_its_worker_and_names_the_rows_it_holds(bench: Bench, rows: Rows) -> None:
    rows.replays(1, 2, 3)
    bench.register("me")
    bench.claim("me", n=2)
    bench.claim("they")
    bench.clock.pass_s(30)
    assert beat(bench, "me")
    assert held(bench, "me") == [1, 2]
    me = rows.one(WorkerRow, "me")  # type: ignore[arg-type]
    assert (me["heartbeat_at"], me["lease_until"]) == (iso(NOW + 30_000), iso(NOW + 30_000 + LEASE_MS))


def test_a_worker_that_was_removed_registers_again_and_its_late_result_is_dropped(bench: Bench, rows: Rows) -> None:
    rows.replay(1)
    bench.register("me")
    (job,) = bench.claim("me")
    rows.write("DELETE FROM workers")
    recovered(bench)
    bench.claim("they")
    assert not beat(bench, "me")
    assert rows.workers() == ["me"]
    assert bench.settle((job, DONE)) == [None]


def test_live_workers_are_registered_and_their_process_runs(bench: Bench) -> None:
    me = new_identity()
    bench.register("alive", machine=this_machine(), pid=me.pid, started_ms=me.process_started_ms)
    bench.register("reused pid", machine=this_machine(), pid=me.pid, started_ms=me.process_started_ms - 1)
    bench.register("far")
    with bench.database.read() as connection:
        assert live_workers(connection, NOW) == {"alive", "far"}


def test_a_machine_of_the_same_name_is_not_this_machine(bench: Bench) -> None:
    bench.register("namesake", machine=f"{platform.node()} another", pid=2**22 - 7)
    assert lost_workers(bench, LivenessMonitor(bench.clock.monotonic)) == []
    assert this_machine() != platform.node()


def test_every_worker_has_its_own_identity() -> None:
    one, two = new_identity(), new_identity()
    assert one.worker_id != two.worker_id
    assert one.process_started_ms == process_started_ms(os.getpid())
    assert process_started_ms(2**22 - 7) is None


def test_rows_of_a_killed_process_of_this_machine_are_recovered_immediately(database: Database, rows: Rows) -> None:
    rows.replays(1, 2, 3)
    program = (
        "import sys, time; from tests.queue.fakes import FakeKind, worker; from tmxdb.db.database import Database;"
        "from tmxdb.queue.loop.run_options import RunOptions\n"
        "def play(job): print(job.item_id, flush=True); time.sleep(600)\n"
        "worker(Database(sys.argv[1]), [FakeKind(play)], RunOptions(n=1)).run()"
    )
    child = forked.python(program, database.location, stdout=subprocess.PIPE)
    assert child.stdout
    assert child.stdout.readline() == "1\n"
    bench = Bench(database, FakeClock(), FakeKind())
    watch = LivenessMonitor()
    assert lost_workers(bench, watch) == []
    child.kill()
    child.communicate()
    (lost,) = lost_workers(bench, watch)
    assert recovered(bench, lost) == Recovered(lost=3)
    assert set(rows.statuses().values()) == {"pending"}
