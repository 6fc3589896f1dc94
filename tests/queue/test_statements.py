"""On PostgreSQL the queue changes many rows with one statement: triggers are run for each statement."""

from __future__ import annotations

from typing import Any

from sqlalchemy import event

from tests.queue.fakes import DONE, Bench, FakeKind, worker
from tests.rows import FILE, NOW, FakeClock, Rows
from tmxdb.db.database import Database
from tmxdb.db.models import ReplayRow, table_of
from tmxdb.queue.job import Fail, Job, Outcome, Retry, Skip, Snooze
from tmxdb.queue.loop.run_options import RunOptions
from tmxdb.queue.rows.adopted import store_done
from tmxdb.queue.rows.recover import recover
from tmxdb.queue.rows.settle import release


def test_no_statement_is_sent_for_each_row(postgresql: Database, clock: FakeClock) -> None:
    rows = Rows(postgresql)
    rows.replays(*range(1, 101))
    outcomes: list[Outcome] = [DONE, Retry("a", "b"), Snooze("a", "b", 60), Skip("a", "b"), Fail("a", "b")]

    def play(job: Job) -> Outcome:
        return outcomes[job.item_id % len(outcomes)]

    repeated: list[str] = []

    def note(conn: object, cursor: object, statement: str, parameters: Any, context: object, many: bool) -> None:
        if many:
            repeated.append(statement)

    event.listen(postgresql.engine, "before_cursor_execute", note)
    worker(postgresql, [FakeKind(play)], RunOptions(n=4, wait=False)).run()
    bench = Bench(postgresql, clock)
    rows.write("UPDATE replays SET status = 'pending', available_at = NULL WHERE status = 'retry'")
    with postgresql.write() as connection:
        release(connection, bench.kind, bench.claim(n=20))
    assert len(bench.claim("gone", n=20)) == 20
    with postgresql.write() as connection:
        assert recover(connection, bench.kind, lost_workers=["gone"], now_ms=NOW).lost == 20
        adopted = [{"replay_id": key, "track_id": 1, **FILE} for key in (*range(1, 41), *range(201, 241))]
        assert len(store_done(connection, table_of(ReplayRow), adopted, tuple(FILE), NOW)) > 40
    assert repeated == []
