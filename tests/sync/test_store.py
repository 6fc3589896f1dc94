"""Storing a page of tracks: what is new, what has changed, and what is the same."""

from __future__ import annotations

from random import Random
from typing import Any

from sqlalchemy import Boolean, Integer, event, select, update

from tests.rows import NOW, Rows, state
from tmxdb.clock import iso
from tmxdb.db.database import Database
from tmxdb.db.models import MapRow, TrackRow, table_of
from tmxdb.queue.admin import skip_rows
from tmxdb.storable_text import MAX_INDEXED
from tmxdb.sync.store import Stored, store_tracks
from tmxdb.tmx.records import TRACK, TrackRecord, track_record

_tracks = table_of(TrackRow)


def _listed(track_id: int, **fields: Any) -> TrackRecord:
    record = track_record({"TrackId": track_id, "UId": f"uid{track_id}", "ActivityAt": "2024-08-03T17:04:02", **fields})
    assert record is not None
    return record


def test_a_changed_track_is_listed_again_and_an_unchanged_one_is_not(database: Database) -> None:
    with database.write() as connection:
        assert store_tracks(connection, [_listed(2), _listed(1)], NOW) == Stored(new=2)
        connection.execute(update(_tracks).values(status="done", finished_at=iso(NOW), listed_top=1))
    page = [_listed(1), _listed(2, ActivityAt="2024-08-04T00:00:00"), _listed(3)]
    with database.write() as connection:
        assert store_tracks(connection, page, NOW) == Stored(new=1, reopened=1)
    with database.read() as connection:
        statuses = select(_tracks.c.track_id, _tracks.c.status, _tracks.c.activity_at).order_by(_tracks.c.track_id)
        assert [tuple(row) for row in connection.execute(statuses)] == [
            (1, "done", "2024-08-03T17:04:02.000Z"),
            (2, "pending", "2024-08-04T00:00:00.000Z"),
            (3, "pending", "2024-08-03T17:04:02.000Z"),
        ]


def test_every_column_of_a_known_track_is_compared_with_what_is_stored(database: Database) -> None:
    names = TRACK.columns
    first = {name: _value(name, 1) for name in names}
    page = [
        TrackRecord(number, tuple(first.values())) for number in range(1, len(names) + 2)
    ]  # the last one stays the same
    with database.write() as connection:
        assert store_tracks(connection, page, NOW) == Stored(new=len(page))
    changed = [
        TrackRecord(record.track_id, tuple(({**first, name: _value(name, 0)} if name else first).values()))
        for record, name in zip(page, [*names, None], strict=True)
    ]
    with database.write() as connection:
        store_tracks(connection, changed, NOW + 1000)
    columns = [_tracks.c[name] for name in names]
    with database.read() as connection:
        rows = connection.execute(select(*columns, _tracks.c.synced_at).order_by(_tracks.c.track_id)).all()
    assert [tuple(row) for row in rows] == [(*record.values, iso(NOW + 1000)) for record in changed]


def test_what_a_person_skipped_stays_skipped_when_the_track_changes(database: Database, rows: Rows) -> None:
    with database.write() as connection:
        store_tracks(connection, [_listed(1), _listed(2)], NOW)
    rows.change(TrackRow, 2, **state(TrackRow, "skipped"))
    rows.map(1, "pending")
    rows.map(2, "skipped")
    with database.write() as connection:
        for table in (_tracks, table_of(MapRow)):
            assert skip_rows(connection, table, reason="banned", now_ms=NOW) == 1
    changed = {"ActivityAt": "2024-08-04T00:00:00", "UpdatedAt": "2024-08-04T00:00:00"}
    with database.write() as connection:
        store_tracks(connection, [_listed(1, **changed), _listed(2, **changed)], NOW)
    for model in (TrackRow, MapRow):
        assert (rows.one(model, 1)["status"], rows.one(model, 1)["error"]) == ("skipped", "banned")
        assert rows.one(model, 2)["status"] == "pending"


def test_a_map_is_extracted_again_once_another_uid_of_its_track_is_known(database: Database, rows: Rows) -> None:
    for track_id in (1, 2):
        rows.track(track_id, uid=None)
        rows.map(track_id, "done", uid="uid1")
    with database.write() as connection:
        store_tracks(connection, [_listed(1), _listed(2)], NOW)
    found = [(row["status"], row["uid_matches"]) for row in rows.all(MapRow)]
    assert found == [("done", True), ("pending", False)]


def test_only_the_time_of_a_track_that_is_the_same_is_written(database: Database) -> None:
    for now_ms in (NOW, NOW + 1000):
        with database.write() as connection:
            store_tracks(connection, [_listed(1), _listed(2)], now_ms)
            statements: list[str] = []
            listen = event.listens_for(connection, "before_cursor_execute")
            listen(lambda _connection, _cursor, sql, *_others, to=statements: to.append(sql))
            assert store_tracks(connection, [_listed(1), _listed(2)], now_ms) == Stored()
        assert [sql.split()[0] for sql in statements] == ["SELECT", "UPDATE"]
        assert statements[1].startswith("UPDATE tracks SET synced_at=")
    with database.read() as connection:
        assert set(connection.execute(select(_tracks.c.synced_at)).scalars()) == {iso(NOW + 1000)}


def test_the_last_entry_counts_if_a_page_names_a_track_twice(database: Database) -> None:
    for name in ("b", "c"):
        with database.write() as connection:
            store_tracks(connection, [_listed(1, TrackName="a"), _listed(1, TrackName=name)], NOW)
        with database.read() as connection:
            assert connection.execute(select(_tracks.c.name)).scalars().all() == [name]


def _value(name: str, number: int) -> Any:
    column = _tracks.c[name].type
    return bool(number) if isinstance(column, Boolean) else number if isinstance(column, Integer) else str(number)


def test_a_name_of_any_length_is_stored(database: Database, rows: Rows) -> None:
    """PostgreSQL refuses texts that are too long for an index."""
    name = "".join(map(chr, Random(1).choices(range(0x20000, 0x2A6DF), k=3000)))
    with database.write() as connection:
        assert store_tracks(connection, [_listed(1, TrackName=name, UId=name), _listed(2)], NOW) == Stored(new=2)
    track = rows.one(TrackRow, 1)
    assert track["name"] == track["uid"] == name[:MAX_INDEXED]
    assert "TrackName" in track["oddities"]
