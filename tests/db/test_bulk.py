"""Upserts of many rows: one statement for many on SQLite, the same rows as one by one."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import IntegrityError

from tests.rows import Rows
from tmxdb.db.bulk import ROWS_AT_ONCE, NewRows, upsert
from tmxdb.db.models import TrackRow, table_of


@pytest.mark.parametrize("count", [1, ROWS_AT_ONCE - 1, ROWS_AT_ONCE, ROWS_AT_ONCE + 1, 2 * ROWS_AT_ONCE + 3])
def test_an_upsert_stores_every_row_whatever_their_number(rows: Rows, count: int) -> None:
    for known in range(1, count + 1, 3):
        rows.track(known, name="old", priority=5)
    new = [{"track_id": number, "name": f"track {number}", "priority": 9} for number in range(count, 0, -1)]
    with rows.database.write() as connection:
        upsert(connection, NewRows(table_of(TrackRow), new, ("name",)))
    found = [(row["track_id"], row["name"], row["priority"]) for row in rows.all(TrackRow)]
    assert found == [(i, f"track {i}", 5 if i % 3 == 1 else 9) for i in range(1, count + 1)]
    assert rows.sql("SELECT sum(n) FROM tally WHERE kind = 'list' AND status = 'pending'") == [(count,)]


def test_a_row_that_breaks_a_rule_stores_none_of_them(rows: Rows) -> None:
    new = [{"track_id": number, "priority": 1} for number in range(ROWS_AT_ONCE)]  # 0 is no track
    with pytest.raises(IntegrityError), rows.database.write() as connection:
        upsert(connection, NewRows(table_of(TrackRow), new, ("priority",)))
    assert rows.all(TrackRow) == []
