"""The queue against a plain model of it: any order of claims, outcomes, crashes and time."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any, ClassVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlalchemy import delete

from tests.rows import FakeClock, Rows
from tmxdb.clock import from_iso
from tmxdb.db.engine import Database
from tmxdb.db.migrate import upgrade
from tmxdb.db.models import Replay, Worker, table_of
from tmxdb.queue.job import Fail, Job, Outcome, Retry, Skip, Snooze
from tmxdb.queue.recover import DEADLY, SUSPECT, USUAL_N, recover
from tmxdb.queue.settle import release, reopen

from .fakes import DONE, Bench

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
    """One row as a person would keep it on paper."""

    def __init__(self, priority: int) -> None:
        self.priority = priority
        self.status = "pending"
        self.owner: str | None = None
        self.attempts = 0
        self.losses = 0
        self.due_ms: int | None = None


class Queue(RuleBasedStateMachine):
    template: ClassVar[Path]

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        shutil.copyfile(self.template, self.folder / "tmx.db")
        self.database = Database(str(self.folder / "tmx.db"))
        self.clock = FakeClock()
        self.bench = Bench(self.database, self.clock)
        self.rows = Rows(self.database)
        self.model: dict[int, Model] = {}
        self.jobs: list[tuple[str, Job]] = []  # all that were ever claimed and not settled by us
        for worker in WORKERS:
            self.bench.sign_in(worker)
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
        row.owner, row.losses, row.due_ms = None, 0, None
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
    def give_back(self, data: Any) -> None:
        worker, job = data.draw(st.sampled_from(self.jobs))
        ours = self._ours(worker, job)
        with self.database.write() as connection:
            release(connection, self.bench.kind, [job])
        if ours:
            row = self.model[job.item_id]
            row.status, row.owner, row.attempts = "pending", None, row.attempts - 1

    @rule(worker=st.sampled_from(WORKERS), listed=st.booleans())
    def crash(self, worker: str, listed: bool) -> None:
        """It is gone, and somebody looks; its late results may still come."""
        with self.database.write() as connection:
            if not listed:
                connection.execute(delete(table_of(Worker)).where(Worker.worker_id == worker))
            recover(connection, self.bench.kind, dead=[worker] if listed else [], now_ms=self.clock())
        self._promote()
        held = sorted((row.priority, i) for i, row in self.model.items() if row.owner == worker)
        for place, (_, item_id) in enumerate(held):
            row, blamed = self.model[item_id], place < (1 if listed else USUAL_N)
            row.owner, row.status, row.attempts = None, "pending", row.attempts - 1
            if blamed:
                row.losses += 1
                row.status = "failed" if row.losses >= DEADLY else "retry" if row.losses >= SUSPECT else "pending"
                row.due_ms = self._available(item_id) if row.status == "retry" else None
        if not listed:
            self.bench.sign_in(worker)

    @rule(seconds=st.sampled_from([0.5, 3, 60, 4000]))
    def pass_time(self, seconds: float) -> None:
        self.clock.pass_s(seconds)
        with self.database.write() as connection:
            recover(connection, self.bench.kind, dead=[], now_ms=self.clock())
        self._promote()

    @rule()
    def open_again(self) -> None:
        with self.database.write() as connection:
            reopen(connection, table_of(Replay), table_of(Replay).c.status == "failed")
        for row in self.model.values():
            if row.status == "failed":
                row.status, row.attempts, row.losses = "pending", 0, 0

    @invariant()
    def every_row_is_as_the_model_has_it(self) -> None:
        found = {
            row["replay_id"]: (row["status"], row["claimed_by"], row["attempts"], row["losses"])
            for row in self.rows.all(Replay)
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
        return from_iso(self.rows.one(Replay, item_id)["available_at"])


def test_the_queue_does_what_a_plain_model_of_it_does(tmp_path: Path) -> None:
    Queue.template = tmp_path / "template.db"
    database = Database(str(Queue.template))
    upgrade(database)
    database.close()
    case = Queue.TestCase()
    case.settings = settings(
        max_examples=25, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
    )
    case.runTest()
