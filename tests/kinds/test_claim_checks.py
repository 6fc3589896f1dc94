"""Threads that check claims at the same time share a query, and each gets the answer for its own row."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection

from tests.rows import Rows
from tests.tool import until
from tmxdb.db.engine import Database
from tmxdb.db.models import MapRow, ReplayRow, table_of
from tmxdb.errors import DatabaseError
from tmxdb.kinds.claim_checks import ClaimChecks
from tmxdb.queue.job import Job

_replays, _maps = table_of(ReplayRow), table_of(MapRow)


class Slow:
    """A database whose first reader waits until all threads have asked. The second one fails if it `fails`."""

    def __init__(self, database: Database, *, fails: bool = False) -> None:
        self._database, self._fails = database, fails
        self.all_asked = threading.Event()
        self.reads = 0

    @contextmanager
    def read(self) -> Iterator[Connection]:
        self.reads += 1
        if self.reads == 1:
            assert self.all_asked.wait(60)
        if self.reads == 2 and self._fails:
            raise DatabaseError("m", code="db.busy")
        with self._database.read() as connection:
            yield connection


def _job(kind: str, item_id: int, token: int) -> Job:
    return Job(kind, item_id, token, 1, 1, "", {})


@pytest.mark.parametrize("fails", [False, True])
def test_threads_that_wait_are_answered_together(database: Database, fails: bool) -> None:
    rows = Rows(database)
    rows.track(1)
    rows.map(1, status="running", claim_token=3)
    for replay_id in range(10, 20):
        rows.replay(replay_id, track_id=1, status="running", claim_token=replay_id % 2)
    slow = Slow(database, fails=fails)
    checks = ClaimChecks(slow)  # type: ignore[arg-type]
    asked = [(_replays, _job("download", i, 1)) for i in range(10, 20)] + [(_maps, _job("extract", 1, 3))]
    with ThreadPoolExecutor(len(asked)) as pool:
        answers = [pool.submit(checks.is_held, *asked[0])]
        until(lambda: slow.reads == 1)
        answers += [pool.submit(checks.is_held, *question) for question in asked[1:]]
        until(lambda: checks.waiting == len(asked) - 1)
        slow.all_asked.set()
        errors = [answer.exception() for answer in answers]
    assert [type(error) for error in errors] == [type(None)] + [DatabaseError if fails else type(None)] * 10
    assert answers[0].result() is False
    assert fails or [answer.result() for answer in answers[1:]] == [True, *([False, True] * 4), True]
    assert slow.reads == 2
    assert checks.waiting == 0
    assert [checks.is_held(*question) for question in asked] == [False, True] * 5 + [True]
