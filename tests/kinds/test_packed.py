"""Long listings take little memory: rows are packed, and objects only while they are read or written."""

from __future__ import annotations

import tracemalloc

import pytest
from sqlalchemy import select

from tests.rows import Rows
from tmxdb.db.bulk import RowStream, upsert_streams
from tmxdb.db.database import Database
from tmxdb.db.models import ReplayRow, table_of
from tmxdb.kinds.history import compare
from tmxdb.kinds.leaderboard import LISTED, all_replays
from tmxdb.kinds.packed import BLOCK, PackedRows, merged, sorted_run
from tmxdb.tmx.records import Page, ReplayRecord, replay_record

REPLAYS, MAX_MB = 5_000, 5
_replays = table_of(ReplayRow)


@pytest.mark.parametrize("n", [0, 1, BLOCK - 1, BLOCK, 3 * BLOCK + 7])
def test_packed_rows_come_back_in_their_order_any_number_of_times(n: int) -> None:
    rows = [[n - i, None, i % 2 == 0, "Ünï \U0001f697", 2**62 + i] for i in range(n)]
    packed = PackedRows(rows)
    assert len(packed) == n
    assert [list(packed), list(packed)] == [rows, rows]


def test_sorted_runs_are_merged_and_the_last_of_equal_keys_wins() -> None:
    runs = [
        sorted_run([[key, number] for key in keys]) for number, keys in enumerate([range(150, 0, -1), (7, 3), (7,)])
    ]
    found = list(merged(runs))
    assert [row[0] for row in found] == list(range(1, 151))
    assert {row[0]: row[1] for row in found if row[1]} == {3: 1, 7: 2}


def test_a_listed_row_has_every_column_of_a_record() -> None:
    record = replay_record({"ReplayId": 1})
    assert record is not None
    assert ("replay_id", *record.columns) == LISTED


def test_a_long_listing_is_read_compared_and_written_in_little_memory(database: Database, rows: Rows) -> None:
    rows.track(1)
    now = "2026-01-01T00:00:00.000Z"
    tracemalloc.start()
    try:
        listing = all_replays(_pages)
        assert listing is not None
        assert listing.is_complete
        known = PackedRows([n, n, 1, None, n + 1, now, now, now] for n in range(1, REPLAYS + 1))
        change = compare(known, listing, updated_at=None, now=now)
        with database.write() as connection:
            upsert_streams(connection, [RowStream(_replays, (*LISTED, "first_seen_at", "position_since"),
                                                  change.listed, {"track_id": 1})])  # fmt: skip
        peak_mb = tracemalloc.get_traced_memory()[1] / 2**20
    finally:
        tracemalloc.stop()
    assert (len(change.listed), len(change.ended), len(change.left)) == (REPLAYS, REPLAYS, 0)
    with database.read() as connection:
        stored = connection.execute(select(_replays.c.replay_id, _replays.c.position)).fetchall()
    assert {row.replay_id: row.position for row in stored} == {n: n for n in range(1, REPLAYS + 1)}
    assert peak_mb < MAX_MB  # 13 MB with an object for each value


def _pages(parameters: dict[str, str | int]) -> Page[ReplayRecord]:
    first = int(parameters.get("after", 0)) + 1
    ids = range(first, min(first + 1000, REPLAYS + 1))
    records = [replay_record(_entry(replay_id)) for replay_id in ids]
    return Page(tuple(record for record in records if record is not None), ids[-1] < REPLAYS)


def _entry(replay_id: int) -> dict[str, object]:
    user = {"UserId": replay_id, "Name": f"driver {replay_id}"}
    return {"ReplayId": replay_id, "User": user, "ReplayTime": 9000 + replay_id, "Position": replay_id}
