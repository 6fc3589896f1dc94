"""Changes of many rows on PostgreSQL lock them in the order of their keys, as workers do: none ends in a deadlock."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from sqlalchemy import Connection, Table, text

from tests.queue.fakes import wait_until
from tests.rows import NOW, SHA, Rows
from tmxdb.db.database import Database
from tmxdb.db.models import ReplayRow, TrackRow, table_of
from tmxdb.kinds.stored_facts import RereadResult
from tmxdb.queue.admin import skip_rows
from tmxdb.queue.rows.settle import release_claimed, reopen
from tmxdb.reread import _write
from tmxdb.sync.add import write_first
from tmxdb.sync.priority import pass_on, rank_tracks
from tmxdb.sync.store import store_tracks
from tmxdb.tmx.records import TrackRecord, track_record

_replays, _tracks = table_of(ReplayRow), table_of(TrackRow)
_KEYS = range(1, 21)


def _in_transaction(change: Callable[[Connection], object]) -> Callable[[Database], object]:
    def change_rows(database: Database) -> None:
        with database.write() as connection:
            change(connection)

    return change_rows


def _listed(track_id: int, uid: str) -> TrackRecord:
    record = track_record({"TrackId": track_id, "UId": uid, "TrackName": "A01"})
    assert record is not None
    return record


def _rank_a_selection(database: Database) -> None:
    Rows(database).select("best", *reversed(_KEYS), priority=1)
    rank_tracks(database, "awards")


def _add(connection: Connection) -> None:
    write_first(connection, list(reversed(_KEYS)), [], NOW)


def _read_again(database: Database) -> None:
    _write(database, _replays, [RereadResult(key, {"game": "TmForever"}, sha256=SHA) for key in _KEYS])


def _skip(connection: Connection) -> None:
    skip_rows(connection, _replays, reason="a joke", now_ms=NOW)


@pytest.mark.parametrize(
    ("change", "table", "status"),
    [
        pytest.param(_in_transaction(lambda connection: reopen(connection, _replays)), _replays, "done", id="retry"),
        pytest.param(_in_transaction(_skip), _replays, "failed", id="skip"),
        pytest.param(
            _in_transaction(lambda connection: release_claimed(connection, _replays)), _replays, "running", id="release"
        ),
        pytest.param(
            _in_transaction(lambda connection: store_tracks(connection, [_listed(1, "new")], NOW)),
            _replays,
            "done",
            id="a new map",
        ),
        pytest.param(pass_on, _replays, "pending", id="priorities of replays"),
        pytest.param(_read_again, _replays, "done", id="reread"),
        pytest.param(lambda database: rank_tracks(database, "awards"), _tracks, "pending", id="ranking"),
        pytest.param(_rank_a_selection, _tracks, "pending", id="ranking of a selection"),
        pytest.param(_in_transaction(_add), _tracks, "pending", id="add-tracks"),
    ],
)
def test_a_change_of_many_rows_waits_for_a_worker_without_holding_rows_that_it_wants(
    postgresql: Database, change: Callable[[Database], object], table: Table, status: str
) -> None:
    rows = Rows(postgresql)
    for key in reversed(_KEYS):  # scans find the last key first
        rows.track(key, awards=key, priority=2**20 - key)
    rows.change(TrackRow, 1, uid="old")
    for key in reversed(_KEYS) if table is _replays else ():
        last_first = {"priority": 2**21 - key, "position": 100 - key}
        if status == "running":
            last_first["claimed_by"] = f"worker-{100 - key}"
        rows.replay(key, status, map_uid="old", attempts=1, **last_first)
    key_column = next(iter(table.primary_key)).name
    problems: list[Exception] = []

    def run() -> None:
        try:
            change(postgresql)
        except Exception as problem:  # noqa: BLE001  # whatever it is, the test has to hear of it
            problems.append(problem)

    thread = threading.Thread(target=run)
    with postgresql.write() as worker:
        lock = f"SELECT 1 FROM {table.name} WHERE {key_column} IN (%s) ORDER BY {key_column} FOR NO KEY UPDATE"
        worker.execute(text(lock % 1))
        thread.start()
        wait_until(lambda: rows.sql("SELECT 1 FROM pg_locks WHERE NOT granted") != [] or not thread.is_alive())
        assert thread.is_alive()
        worker.execute(text(lock % ", ".join(map(str, _KEYS))))
    thread.join(60)
    assert problems == []
