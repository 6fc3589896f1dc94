"""PostgreSQL: a worker that others take for lost while it writes keeps its rows, and neither waits for the other."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests import forked
from tests.queue.fakes import DONE, Bench
from tests.queue.sharing.test_recover import beat, lost_workers, watched
from tests.rows import FakeClock, Rows
from tmxdb.db.database import Database
from tmxdb.events.queue_events import WorkerLost
from tmxdb.process_identity import this_machine
from tmxdb.queue.loop import job_store as store_module
from tmxdb.queue.loop.cycle import CycleInput
from tmxdb.queue.rows.settle import settle
from tmxdb.queue.worker_registry import LEASE_MS, Identity, LivenessMonitor, heartbeat, new_identity


def test_a_worker_that_writes_a_heartbeat_after_it_was_looked_at_is_not_lost(
    postgresql: Database, clock: FakeClock, reopen: Callable[[Database], Database]
) -> None:
    here, far = Bench(postgresql, clock), Bench(reopen(postgresql), clock)
    far.register("far")
    watch = LivenessMonitor(clock.monotonic)
    lost_workers(here, watch)
    assert watched(here, watch, LEASE_MS / 1000 + 1) == ["far"]
    with here.database.write() as connection:
        assert watch.hold(connection, ["far"]) == ["far"]
    beat(far, "far")
    with here.database.write() as connection:
        assert watch.hold(connection, ["far"]) == []


def test_a_worker_that_is_writing_is_neither_recovered_nor_waited_for(
    postgresql: Database,
    clock: FakeClock,
    reopen: Callable[[Database], Database],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It waited for the worker's own row, and the worker for its job's row: the server ended one of them."""
    monkeypatch.setattr(store_module, "RECOVERY_S", 0)
    rows = Rows(postgresql)
    rows.replays(1)
    ended = forked.python("pass")
    ended.wait()
    who = Identity("other", "host", this_machine(), ended.pid, 1)
    other = Bench(reopen(postgresql), clock)
    other.register(who.worker_id, machine=who.machine, pid=who.pid)
    (job,) = other.claim(who.worker_id)
    store = store_module.JobStore(
        postgresql, {"download": other.kind}, new_identity(),
        n=1, max_attempts=5, clock=clock, rng=other.rng, concurrency=lambda: None,
    )  # fmt: skip
    store.open()
    with other.database.write() as connection:
        heartbeat(connection, who, [other.kind], 1, {}, {}, clock())
        assert not store.cycle(CycleInput()).events
        settle(
            connection, other.kind, [(job, DONE)], worker=who.worker_id, now_ms=clock(), max_attempts=5, rng=other.rng
        )
    assert rows.statuses() == {1: "done"}
    assert store.cycle(CycleInput()).events == [WorkerLost(who.worker_id)]
