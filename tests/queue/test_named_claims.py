"""Claims of rows that a user named by track or replay, for `run --track-id` and `run --replay-id`."""

from __future__ import annotations

import pytest

from tests.queue.fakes import FakeKind, FakeList
from tests.rows import Rows
from tmxdb.db.models import ReplayRow, table_of
from tmxdb.db.selected import NamedRows
from tmxdb.queue.rows.claim import claim
from tmxdb.queue.rows.groups import claim_groups
from tmxdb.reports.counts import counts


@pytest.mark.parametrize("column", ["track_id", "replay_id"])
def test_a_claim_of_named_rows_takes_no_other_row(rows: Rows, column: str) -> None:
    replays = table_of(ReplayRow)
    for replay_id in range(1, 9):
        rows.replay(replay_id, track_id=1 + replay_id % 2)
    named = NamedRows(column, (1,))
    wanted = {2, 4, 6, 8} if column == "track_id" else {1}
    kind = FakeKind()
    with rows.database.write() as connection:
        jobs = claim(connection, kind, worker="w", n=2, now_ms=0, selection=named)
        jobs += claim(connection, kind, worker="w", n=9, now_ms=0, selection=named)
        assert claim(connection, kind, worker="w", n=9, now_ms=0, selection=named) == []
    assert {job.item_id for job in jobs} == wanted
    with rows.database.write() as connection:
        connection.execute(replays.update().values(status="pending", claimed_by=None))
        grouped = claim_groups(
            connection, kind, replays.c.track_id, worker="w", groups=5, rows=9, now_ms=0, selection=named
        )
    assert {job.item_id for job in grouped} == wanted
    with rows.database.read() as connection:
        assert counts(connection, named)["download"]["running"] == len(wanted)
        assert counts(connection, named)["list"]["pending"] == (column == "track_id")


def test_a_table_without_replays_has_none_of_the_rows_named_by_replay(rows: Rows) -> None:
    rows.track(1)
    with rows.database.write() as connection:
        assert claim(connection, FakeList(), worker="w", n=9, now_ms=0, selection=NamedRows("replay_id", (1,))) == []
