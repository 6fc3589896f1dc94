"""Threads that finish their files at the same time publish them together, and each gets the answer for its own file."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Table

from tests.rows import Rows
from tests.tool import until
from tmxdb.db.database import Database
from tmxdb.db.models import MapRow, ReplayRow, table_of
from tmxdb.errors import DatabaseError
from tmxdb.kinds.file_publisher import Claim, FilePublisher
from tmxdb.queue.job import ClaimLost, Job
from tmxdb.queue.rows.claim import held_claims
from tmxdb.storage import Storage

_replays, _maps = table_of(ReplayRow), table_of(MapRow)


class Claims:
    """Asks the database for claims. The first question waits for `all_wait`; the second one fails if it `fails`."""

    def __init__(self, database: Database, *, fails: bool) -> None:
        self._database, self._fails = database, fails
        self.all_wait = threading.Event()
        self.asked: list[int] = []

    def held(self, claims: Sequence[Claim]) -> list[bool]:
        self.asked.append(len(claims))
        if len(self.asked) == 1:
            assert self.all_wait.wait(60)
        if len(self.asked) == 2 and self._fails:
            raise DatabaseError("m", code="db.busy")
        with self._database.read() as connection:
            return held_claims(connection, claims)


def _job(kind: str, item_id: int, token: int) -> Job:
    return Job(kind, item_id, token, 1, 1, "", {})


@pytest.mark.parametrize("fails", [False, True])
def test_threads_that_wait_are_served_together(database: Database, tmp_path: Path, fails: bool) -> None:
    rows, storage = Rows(database), Storage(tmp_path / "data")
    rows.track(1)
    rows.map(1, status="running", claim_token=3)
    for replay_id in range(10, 20):
        rows.replay(replay_id, track_id=1, status="running", claim_token=replay_id % 2)
    claims = Claims(database, fails=fails)
    publisher = FilePublisher(storage, claims.held)

    def publish(table: Table, job: Job) -> None:
        with storage.new_file(f"replays/1/{job.kind}-{job.item_id}", owner="me") as file:
            file.write(b"x")
            publisher.publish(file, table, job)

    wanted = [(_replays, _job("download", i, 1)) for i in range(10, 20)] + [(_maps, _job("extract", 1, 3))]
    with ThreadPoolExecutor(len(wanted)) as pool:
        results = [pool.submit(publish, *wanted[0])]
        until(lambda: len(claims.asked) == 1)
        results += [pool.submit(publish, *one) for one in wanted[1:]]
        until(lambda: publisher.waiting == len(wanted) - 1)
        claims.all_wait.set()
        errors = [type(result.exception()) for result in results]
    assert claims.asked == [1, len(wanted) - 1]
    assert publisher.waiting == 0
    nothing = type(None)
    if fails:
        assert errors == [ClaimLost] + [DatabaseError] * 10
        assert list(storage.root.glob("replays/1/*")) == []
    else:
        assert errors == [ClaimLost, nothing] * 5 + [nothing]
        names = {path.name for path in storage.root.glob("replays/1/*")}
        assert names == {f"download-{i}" for i in range(11, 20, 2)} | {"extract-1"}
