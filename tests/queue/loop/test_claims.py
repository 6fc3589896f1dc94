"""Claims of a scope: each continues where the last one stopped, and no row is left behind."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection

from tests.queue.fakes import DONE, FakeKind, worker
from tests.rows import Rows
from tmxdb.db.database import Database
from tmxdb.db.models import ReplayRow
from tmxdb.db.selected import NamedRows, Scope
from tmxdb.queue.job import Job, Outcome
from tmxdb.queue.loop import claims as claims_module
from tmxdb.queue.loop.claims import Claims
from tmxdb.queue.loop.demand import Demand
from tmxdb.queue.loop.run_options import RunOptions

TRACKS, DONE_TRACKS = range(1, 301), 240
SCOPES: list[Scope] = ["all", NamedRows("track_id", tuple(TRACKS)), NamedRows("replay_id", tuple(TRACKS))]
FIRST, LAST = DONE_TRACKS + 1, len(TRACKS)
PENDING_AGAIN = {"status": "pending", "finished_at": None}

of_each_scope = pytest.mark.parametrize("scope", SCOPES, ids=["a selection", "tracks", "replays"])


def fill(rows: Rows) -> None:
    """Add a replay with the same number for each track, and a selection of them all. The last 60 are pending."""
    for track_id in TRACKS:
        rows.track(track_id, "done")
        rows.replay(track_id, "done" if track_id <= DONE_TRACKS else "pending", track_id=track_id)
    rows.select("all", *TRACKS)


@pytest.fixture(autouse=True)
def _few_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims_module, "IDS_AT_ONCE", 7)
    monkeypatch.setattr(claims_module, "PAUSE_FACTOR", 1e9)


def claimed(database: Database, claims: Claims, n: int) -> list[int]:
    with database.write() as connection:
        jobs, is_complete = claims.claim(connection, Demand(n), 0)
    assert is_complete == (len(jobs) == n)
    return sorted(job.item_id for job in jobs)


@of_each_scope
def test_claims_go_on_where_the_last_one_ended(database: Database, rows: Rows, scope: Scope) -> None:
    fill(rows)
    claims = Claims(FakeKind(), "w", scope)
    assert claimed(database, claims, 40) == list(range(FIRST, FIRST + 40))
    rows.change(ReplayRow, 5, **PENDING_AGAIN)
    assert claimed(database, claims, 60) == list(range(FIRST + 40, LAST + 1))
    assert claimed(database, claims, 60) == []
    claims.restart()
    assert claimed(database, claims, 60) == [5]


@of_each_scope
def test_a_search_begins_again_after_a_while(
    database: Database, rows: Rows, scope: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims_module, "PAUSE_FACTOR", 0)
    fill(rows)
    claims = Claims(FakeKind(), "w", scope)
    assert claimed(database, claims, 40) == list(range(FIRST, FIRST + 40))
    rows.change(ReplayRow, 5, **PENDING_AGAIN)
    assert claimed(database, claims, 21) == [5, *range(FIRST + 40, LAST + 1)]


@of_each_scope
def test_rows_before_the_last_claim_are_not_looked_at_again(sqlite: Database, scope: Scope) -> None:
    fill(Rows(sqlite))
    claims = Claims(FakeKind(), "w", scope)
    first, second = (steps(sqlite, claims) for _ in range(2))
    assert second < first / 2


@of_each_scope
def test_a_run_ends_with_no_row_left_behind(database: Database, rows: Rows, scope: Scope) -> None:
    fill(rows)
    done: list[int] = []

    def play(job: Job) -> Outcome:
        if job.item_id == LAST and 5 not in done:
            rows.change(ReplayRow, 5, **PENDING_AGAIN)
        done.append(job.item_id)
        return DONE

    worker(database, [FakeKind(play)], RunOptions(n=1, selection=scope)).run()
    assert sorted(done) == [5, *range(FIRST, LAST + 1)]


def steps(database: Database, claims: Claims) -> int:
    """Return how many steps of SQLite's virtual machine one claim takes."""
    with database.write() as connection, counted(connection) as counts:
        claims.claim(connection, Demand(1), 0)
    return len(counts)


@contextmanager
def counted(connection: Connection) -> Iterator[list[None]]:
    raw, counts = connection.connection.driver_connection, list[None]()
    assert isinstance(raw, sqlite3.Connection)
    raw.set_progress_handler(lambda: counts.append(None), 10)
    try:
        yield counts
    finally:
        raw.set_progress_handler(None, 10)
