"""The worker when the database refuses a value, is away, or loses an answer."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rows import FILE, Rows
from tmxdb.db.bulk import NewRows
from tmxdb.db.engine import Database
from tmxdb.db.models import Map, Replay, table_of
from tmxdb.errors import DatabaseTrouble
from tmxdb.queue import desk as desk_module
from tmxdb.queue import worker as worker_module
from tmxdb.queue.desk import Desk
from tmxdb.queue.job import Done, Job, Outcome
from tmxdb.queue.plan import Plan

from .fakes import DONE, FakeKind, Notes, wait_until, worker, working


@pytest.mark.parametrize(
    "values",
    [
        {**FILE, "file_bytes": 0},
        {**FILE, "file_bytes": 2**70},
        {**FILE, "nickname": "\ud800"},
        {**FILE, "nickname": {"a": 1}},
        {**FILE, "no_such_column": 1},
    ],
    ids=["against a rule", "too large", "half a character", "no text", "no such column"],
)
def test_a_value_that_the_database_refuses_costs_its_own_row_only(
    database: Database, rows: Rows, values: dict[str, Any]
) -> None:
    rows.replays(*range(1, 11))
    kind = FakeKind(lambda job: Done(values) if job.item_id == 4 else DONE)
    assert worker(database, [kind]).run().by_kind["download"] == {"done": 9, "failed": 1}
    assert (rows.one(Replay, 4)["status"], rows.one(Replay, 4)["error_code"]) == ("failed", "tmxdb.bug")


def test_a_row_that_can_not_be_opened_costs_the_row_that_opens_it(database: Database, rows: Rows) -> None:
    rows.replays(1, 2)
    bad = Done(FILE, [NewRows(table_of(Map), [{"track_id": 99, "priority": 0}])])
    kind = FakeKind(lambda job: bad if job.item_id == 1 else DONE)
    assert worker(database, [kind]).run().by_kind["download"] == {"done": 1, "failed": 1}
    assert rows.statuses() == {1: "failed", 2: "done"}


class Troubled(Desk):
    """A desk whose turns go wrong while `troubles` last; `after` the transaction was committed or before."""

    troubles: list[str]
    after = False

    def turn(self, *args: Any, **kwargs: Any) -> Any:
        if not self.after and self.troubles and args[0]:
            raise DatabaseTrouble("it is away.", code=self.troubles.pop())
        turn = super().turn(*args, **kwargs)
        if self.after and self.troubles and turn.claimed:
            raise DatabaseTrouble("it went away.", code=self.troubles.pop())
        return turn


@pytest.fixture
def troubled(monkeypatch: pytest.MonkeyPatch) -> type[Troubled]:
    monkeypatch.setattr(worker_module, "Desk", Troubled)
    monkeypatch.setattr(worker_module, "AGAIN_S", 0.01)
    monkeypatch.setattr(Troubled, "after", False)
    return Troubled


def test_results_are_kept_while_the_database_is_away(sqlite: Database, troubled: type[Troubled]) -> None:
    troubled.troubles = ["db.busy", "db.unreachable", "db.busy"]
    rows, notes, played = Rows(sqlite), Notes(), list[int]()
    rows.replays(*range(1, 11))

    def play(job: Job) -> Outcome:
        played.append(job.item_id)
        return DONE

    assert worker(sqlite, [FakeKind(play)], listener=notes).run().of("done") == 10
    assert sorted(played) == list(range(1, 11))
    assert sum("wait in memory" in note for note in notes.notes) == 3


def test_trouble_that_does_not_pass_ends_the_run(sqlite: Database, troubled: type[Troubled]) -> None:
    troubled.troubles = ["disk.full"]
    rows = Rows(sqlite)
    rows.replays(1, 2)
    with pytest.raises(DatabaseTrouble):
        worker(sqlite, [FakeKind()]).run()
    assert {(row["status"], row["attempts"]) for row in rows.all(Replay)} == {("pending", 0)}


def test_rows_of_a_claim_whose_answer_was_lost_are_not_ours_for_ever(
    sqlite: Database, troubled: type[Troubled], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk_module, "HEARTBEAT_MS", 50)
    troubled.troubles, troubled.after = ["db.unreachable"], True
    rows = Rows(sqlite)
    rows.replays(*range(1, 11))
    with working(sqlite, [FakeKind()], Plan(n=1, forever=True)):
        wait_until(lambda: set(rows.statuses().values()) == {"done"})
    assert {row["attempts"] for row in rows.all(Replay)} == {1}


def test_a_job_that_finds_the_database_away_is_done_later(sqlite: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, tried = Rows(sqlite), list[int]()
    rows.replay(1)

    def play(job: Job) -> Outcome:
        tried.append(job.attempt)
        if len(tried) == 1:
            raise DatabaseTrouble("it is busy.", code="db.busy")
        return DONE

    monkeypatch.setattr("tmxdb.queue.backoff.LONGEST_S", 0.05)
    assert worker(sqlite, [FakeKind(play)]).run().of("done") == 1
    assert tried == [1, 1]
