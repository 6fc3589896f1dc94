"""The queue against a plain model of it, on both engines: any order of claims, outcomes, crashes, hands and time."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlalchemy import delete

from tests.queue.fakes import DONE, Bench
from tests.queue.sharing.test_recover import beat, lost_workers
from tests.rows import FakeClock, Rows
from tmxdb.clock import from_iso
from tmxdb.db.database import Database
from tmxdb.db.models import ReplayRow, WorkerRow, table_of
from tmxdb.queue.admin import OPEN, release_rows, skip_rows
from tmxdb.queue.job import Fail, Job, Outcome, Retry, Skip, Snooze
from tmxdb.queue.rows.recover import LOSS_MEMORY_MS, MAX_LOSSES, SUSPECT_LOSSES, recover
from tmxdb.queue.rows.settle import release, reopen
from tmxdb.queue.worker_registry import HEARTBEAT_MS, LEASE_MS, LivenessMonitor, unregister

WORKERS = ("ann", "bob", "cid")
MAX_ATTEMPTS = 3
OUTCOMES: list[Outcome] = [
    DONE,
    Retry("r", "r"),
    Retry("r", "r", 500.0),
    Snooze("s", "s"),
    Snooze("s", "s", 30.0),
    Skip("k", "k"),
    Fail("f", "f"),
]


class Model:
    """One row as the tests expect it."""

    def __init__(self, priority: int) -> None:
        self.priority = priority
        self.status = "pending"
        self.owner: str | None = None
        self.attempts = 0
        self.losses = 0
        self.lost_ms: int | None = None
        self.due_ms: int | None = None
        self.user_skipped = False


class Queue(RuleBasedStateMachine):
    fresh: ClassVar[Callable[[Path], Database]]
    """An empty database, in a folder if it needs one."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.database = type(self).fresh(self.folder)
        self.clock = FakeClock()
        self.watcher = LivenessMonitor(self.clock.monotonic)
        self.bench = Bench(self.database, self.clock)
        self.rows = Rows(self.database)
        self.model: dict[int, Model] = {}
        self.jobs: list[tuple[str, Job]] = []  # all that were ever claimed and not settled by us
        for worker in WORKERS:
            self.bench.register(worker)
        self.rows.track(1)

    def teardown(self) -> None:
        self.database.close()
        shutil.rmtree(self.folder)

    @rule(priority=st.integers(0, 3))
    def open(self, priority: int) -> None:
        replay_id = len(self.model) + 1
        self.rows.replay(replay_id, priority=priority)
        self.model[replay_id] = Model(priority)

    @rule(worker=st.sampled_from(WORKERS), n=st.integers(0, 4))
    def claim(self, worker: str, n: int) -> None:
        waiting = sorted((row.priority, i) for i, row in self.model.items() if row.status == "pending")
        jobs = self.bench.claim(worker, n)
        assert [job.item_id for job in jobs] == [i for _, i in waiting[:n]]
        for job in jobs:
            row = self.model[job.item_id]
            row.status, row.owner, row.attempts = "running", worker, row.attempts + 1
            assert job.attempt == row.attempts
        self.jobs += [(worker, job) for job in jobs]

    @precondition(lambda self: self.jobs)
    @rule(data=st.data(), outcome=st.sampled_from(OUTCOMES))
    def settle(self, data: Any, outcome: Outcome) -> None:
        worker, job = data.draw(st.sampled_from(self.jobs))
        row, ours = self.model[job.item_id], self._ours(worker, job)
        (status,) = self.bench.settle((job, outcome), worker=worker, max_attempts=MAX_ATTEMPTS)
        assert (status is not None) == ours
        if not ours:
            return
        row.owner, row.losses, row.lost_ms, row.due_ms = None, 0, None, None
        match outcome:
            case Retry(after_s=after_s):
                if row.attempts >= MAX_ATTEMPTS:
                    row.status = "failed"
                else:
                    row.status, row.due_ms = "retry", self._available(job.item_id)
                    assert row.due_ms >= self.clock() + max(2000, (after_s or 0) * 1000)
            case Snooze(after_s=after_s):
                row.attempts -= 1
                row.status = "retry" if after_s else "pending"
                row.due_ms = self.clock() + round(after_s * 1000) if after_s else None
            case Skip():
                row.status = "skipped"
            case Fail():
                row.status = "failed"
            case _:
                row.status = "done"

    @precondition(lambda self: self.jobs)
    @rule(data=st.data())
    def release(self, data: Any) -> None:
        worker, job = data.draw(st.sampled_from(self.jobs))
        ours = self._ours(worker, job)
        with self.database.write() as connection:
            release(connection, self.bench.kind, [job])
        if ours:
            row = self.model[job.item_id]
            row.status, row.owner, row.attempts = "pending", None, row.attempts - 1

    @rule(worker=st.sampled_from(WORKERS), listed=st.booleans())
    def crash(self, worker: str, listed: bool) -> None:
        """Lose the worker; another worker looks; its late results may still come."""
        begun = self._begin(worker)
        with self.database.write() as connection:
            if not listed:
                connection.execute(delete(table_of(WorkerRow)).where(WorkerRow.worker_id == worker))
            recover(connection, self.bench.kind, lost_workers=[worker] if listed else [], now_ms=self.clock())
        self._promote()
        self._lose(worker, begun if listed else None)
        if not listed:
            self.bench.register(worker)

    def _begin(self, worker: str) -> int | None:
        """Let `worker` begin the most urgent row it holds."""
        held = sorted((row.priority, i) for i, row in self.model.items() if row.owner == worker)
        begun = held[0][1] if held else None
        self.bench.begin(worker, [] if begun is None else [begun])
        return begun

    def _lose(self, worker: str, begun: int | None) -> None:
        """Its rows come back; only the begun one is blamed."""
        for item_id, row in self.model.items():
            if row.owner != worker:
                continue
            row.owner, row.status, row.attempts = None, "pending", row.attempts - 1
            if item_id == begun:
                forgotten = row.lost_ms is None or self.clock() - row.lost_ms > LOSS_MEMORY_MS
                row.losses, row.lost_ms = (0 if forgotten else row.losses) + 1, self.clock()
                is_suspect = row.losses >= SUSPECT_LOSSES
                row.status = "failed" if row.losses > MAX_LOSSES else "retry" if is_suspect else "pending"
                row.due_ms = self._available(item_id) if row.status == "retry" else None

    @rule(alive=st.sets(st.sampled_from(WORKERS)), jump_s=st.sampled_from([0, 3600, -3600]))
    def watch(self, alive: set[str], jump_s: int) -> None:
        """For a lease and a little more some workers send heartbeats and one watches; the clock was set before."""
        self.clock.jump_s(jump_s)
        lost = set()
        for second in range((LEASE_MS + 2 * HEARTBEAT_MS) // 1000):
            self.clock.pass_s(1)
            if second % (HEARTBEAT_MS // 1000) == 0:
                for worker in sorted(alive):
                    beat(self.bench, worker)
            lost.update(lost_workers(self.bench, self.watcher))
        assert lost == set(WORKERS) - alive
        begun = {worker: self._begin(worker) for worker in sorted(lost)}
        with self.database.write() as connection:
            recover(connection, self.bench.kind, lost_workers=sorted(lost), now_ms=self.clock())
            unregister(connection, sorted(lost))
        self._promote()
        for worker in sorted(lost):
            self._lose(worker, begun[worker])
            self.bench.register(worker)

    @precondition(lambda self: any(row.status in OPEN for row in self.model.values()))
    @rule(data=st.data())
    def skip(self, data: Any) -> None:
        """`tmxdb skip`: late results of skipped rows are dropped."""
        item_id = data.draw(st.sampled_from([i for i, row in self.model.items() if row.status in OPEN]))
        table = table_of(ReplayRow)
        with self.database.write() as connection:
            assert skip_rows(connection, table, table.c.replay_id == item_id, reason="r", now_ms=self.clock()) == 1
        row = self.model[item_id]
        row.status, row.owner, row.due_ms, row.user_skipped = "skipped", None, None, True

    @rule(worker=st.sampled_from(WORKERS))
    def release_by_hand(self, worker: str) -> None:
        """`tmxdb release`: rows of a live or hanging worker are pending again without a charge."""
        count_held = [row for row in self.model.values() if row.owner == worker]
        with self.database.write() as connection:
            taken = release_rows(connection, self.bench.kind.name, table_of(ReplayRow), [worker], self.clock())
        assert taken == len(count_held)
        for row in count_held:
            row.status, row.owner, row.attempts = "pending", None, row.attempts - 1

    @rule(seconds=st.sampled_from([0.5, 3, 60, 4000]))
    def pass_time(self, seconds: float) -> None:
        self.clock.pass_s(seconds)
        with self.database.write() as connection:
            recover(connection, self.bench.kind, lost_workers=[], now_ms=self.clock())
        self._promote()

    @rule(user_skipped=st.booleans())
    def open_again(self, user_skipped: bool) -> None:
        finished = table_of(ReplayRow).c.status.in_(("failed", "skipped"))
        with self.database.write() as connection:
            reopen(connection, table_of(ReplayRow), finished, user_skipped=user_skipped)
        for row in self.model.values():
            if row.status in ("failed", "skipped") and (user_skipped or not row.user_skipped):
                row.status, row.attempts, row.losses, row.lost_ms, row.user_skipped = "pending", 0, 0, None, False

    @invariant()
    def every_row_is_as_the_model_has_it(self) -> None:
        found = {
            row["replay_id"]: (row["status"], row["claimed_by"], row["attempts"], row["losses"])
            for row in self.rows.all(ReplayRow)
        }
        assert found == {i: (row.status, row.owner, row.attempts, row.losses) for i, row in self.model.items()}

    @invariant()
    def the_tally_is_right(self) -> None:
        counted = self.rows.sql("SELECT status, count(*) FROM replays GROUP BY status ORDER BY status")
        assert counted == self.rows.sql("SELECT status, n FROM progress WHERE kind = 'download' ORDER BY status")

    def _promote(self) -> None:
        for row in self.model.values():
            if row.status == "retry" and row.due_ms is not None and row.due_ms <= self.clock():
                row.status, row.due_ms = "pending", None

    def _ours(self, worker: str, job: Job) -> bool:
        """Whether this is the newest claim of a row that still runs."""
        newest = max(other.token for _, other in self.jobs if other.item_id == job.item_id)
        return self.model[job.item_id].status == "running" and job.token == newest

    def _available(self, item_id: int) -> int:
        return from_iso(self.rows.one(ReplayRow, item_id)["available_at"])


@pytest.mark.parametrize(
    ("engine", "examples"), [("sqlite", 12), pytest.param("postgresql", 4, marks=pytest.mark.slow)]
)
def test_the_queue_behaves_like_a_simple_model_of_it(
    request: pytest.FixtureRequest, engine: str, examples: int
) -> None:
    if engine == "sqlite":
        template = request.getfixturevalue("sqlite_template")
        Queue.fresh = lambda folder: Database(shutil.copyfile(template, folder / "tmx.db").as_posix())
    else:
        server = request.getfixturevalue("server")
        Queue.fresh = lambda folder: Database(server.emptied())
    case = Queue.TestCase()
    case.settings = settings(
        max_examples=examples, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
    )
    case.runTest()
