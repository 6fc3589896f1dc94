"""A worker whose row was released, and that claimed it again while its old thread still worked."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from tests.queue.fakes import DONE, FakeKind
from tests.rows import FakeClock, Rows
from tmxdb.db.database import Database
from tmxdb.db.models import ReplayRow
from tmxdb.queue.admin import release_rows
from tmxdb.queue.job import Job, Outcome, Retry
from tmxdb.queue.loop import job_store as store_module
from tmxdb.queue.loop.cycle import Cycle, CycleInput
from tmxdb.queue.loop.demand import Demand
from tmxdb.queue.loop.job_store import JobStore
from tmxdb.queue.loop.perform import Result
from tmxdb.queue.worker_registry import new_identity

LATE = Retry("tmx.timeout", "no answer")


class ClaimedTwice:
    """A worker with the first, released claim and the second claim of the same row."""

    def __init__(self, database: Database, clock: FakeClock) -> None:
        kind = FakeKind()
        self.store = JobStore(
            database, {kind.name: kind}, new_identity(),
            n=2, max_attempts=5, clock=clock, rng=random.Random(1), concurrency=lambda: None,
        )  # fmt: skip
        self.store.open()
        (self.first,) = self._claim()
        with database.write() as connection:
            assert release_rows(connection, kind.name, kind.table, None, clock()) == 1
        (self.second,) = self._claim()

    def _claim(self) -> Sequence[Job]:
        return self.store.cycle(CycleInput(demand={"download": Demand(1)})).claimed

    def settle(self, *results: tuple[Job, Outcome]) -> list[str | None]:
        cycle = self.store.cycle(CycleInput(results=[Result(job, outcome) for job, outcome in results]))
        return [status for _, status in cycle.settled]

    def beat(self) -> Cycle:
        return self.store.cycle(CycleInput())


@pytest.fixture
def twice(database: Database, rows: Rows, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> ClaimedTwice:
    monkeypatch.setattr(store_module, "HEARTBEAT_MS", 0)
    rows.replay(1)
    return ClaimedTwice(database, clock)


def test_the_late_result_leaves_the_newer_claim_held(twice: ClaimedTwice, rows: Rows) -> None:
    assert twice.settle((twice.first, DONE)) == [None]
    assert twice.store.holds(twice.second)
    assert not twice.beat().lost
    assert rows.statuses() == {1: "running"}
    assert twice.settle((twice.second, DONE)) == ["done"]
    assert not twice.store.in_flight()


@pytest.mark.parametrize("late_first", [True, False])
def test_only_the_result_of_the_newer_claim_counts_in_one_batch(
    twice: ClaimedTwice, rows: Rows, *, late_first: bool
) -> None:
    results: list[tuple[Job, Outcome]] = [(twice.first, LATE), (twice.second, DONE)]
    statuses = [None, "done"]
    if not late_first:
        results.reverse()
        statuses.reverse()
    assert twice.settle(*results) == statuses
    row = rows.one(ReplayRow, 1)
    assert (row["status"], row["failures_in_a_row"], row["error_code"]) == ("done", 0, None)
    assert [attempt["outcome"] for attempt in rows.attempts()] == ["lost"]


def test_giving_the_older_claim_back_keeps_the_newer_one(twice: ClaimedTwice, rows: Rows) -> None:
    twice.store.release([twice.first])
    assert twice.store.holds(twice.second)
    assert rows.statuses() == {1: "running"}
    twice.store.release([twice.first, twice.second])
    assert not twice.store.in_flight()
    assert rows.statuses() == {1: "pending"}
