"""Rows to start a test with, and a clock that only the test advances."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Table, insert, select, text, update

from tmxdb.clock import iso
from tmxdb.db.database import Database
from tmxdb.db.models import (
    AttemptRow,
    Base,
    CaptureRow,
    MapRow,
    ReplayRow,
    SelectionRow,
    SelectionTrackRow,
    TrackRow,
    WorkerRow,
    table_of,
)

NOW = 1_800_000_000_000
SHA = "0" * 64
FILE = {"file_path": "some/file", "file_bytes": 1, "sha256": SHA}
STATES: dict[str, dict[str, Any]] = {
    "pending": {},
    "running": {"claimed_by": "a-worker"},
    "retry": {"available_at": iso(NOW), "error_code": "tmx.timeout", "error": "too late"},
    "done": {"finished_at": iso(NOW)},
    "failed": {"finished_at": iso(NOW), "error_code": "gbx.lzo", "error": "broken"},
    "skipped": {"finished_at": iso(NOW), "error_code": "tmx.gone", "error": "gone"},
}
"""The other columns that a row of each status must have."""
RESULTS: dict[type[Base], dict[str, Any]] = {
    TrackRow: {"listed_top": 10},
    ReplayRow: FILE,
    MapRow: {**FILE, "source": "site"},
    CaptureRow: {"folder_path": "some/folder"},
}
"""The other columns that a done row must have."""


class FakeClock:
    """A wall clock in ms since 1970 and a monotonic clock in seconds. Only the test advances them."""

    def __init__(self, now_ms: int = NOW) -> None:
        self.now_ms = now_ms
        self.steady_s = 0.0

    def __call__(self) -> int:
        return self.now_ms

    def monotonic(self) -> float:
        return self.steady_s

    def pass_s(self, seconds: float) -> None:
        """Advance both clocks."""
        self.now_ms += round(seconds * 1000)
        self.steady_s += seconds

    def jump_s(self, seconds: float) -> None:
        """Change only the wall clock, as when the user sets it."""
        self.now_ms += round(seconds * 1000)


def state(model: type[Base], status: str) -> dict[str, Any]:
    """Return the columns of a valid row of `status`."""
    return {"status": status, **STATES[status], **(RESULTS[model] if status == "done" else {})}


class Rows:
    """Inserts rows into a database and reads them."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def track(self, track_id: int, status: str = "pending", **columns: Any) -> int:
        return self.add(TrackRow, status, {"track_id": track_id, **columns})

    def map(self, track_id: int, status: str = "pending", **columns: Any) -> int:
        self._parent(track_id)
        return self.add(MapRow, status, {"track_id": track_id, **columns})

    def capture(self, capture_id: int, replay_id: int = 1, status: str = "pending", **columns: Any) -> int:
        self._parent(1)
        if not self.one(ReplayRow, replay_id):
            self.replay(replay_id)
        return self.add(
            CaptureRow,
            status,
            {"capture_id": capture_id, "replay_id": replay_id, "track_id": 1, "settings": "{}", **columns},
        )

    def replay(self, replay_id: int, status: str = "pending", *, track_id: int = 1, **columns: Any) -> int:
        self._parent(track_id)
        return self.add(ReplayRow, status, {"replay_id": replay_id, "track_id": track_id, **columns})

    def replays(self, *replay_ids: int, status: str = "pending", **columns: Any) -> None:
        """Insert many replays of track 1."""
        self._parent(1)
        values = {"track_id": 1, **state(ReplayRow, status), **columns}
        with self.database.write() as connection:
            connection.execute(insert(ReplayRow), [{"replay_id": replay_id, **values} for replay_id in replay_ids])

    def select(self, name: str, *track_ids: int, **columns: Any) -> None:
        """Make a fixed selection of tracks, in this order; `columns` of its row."""
        row = {"name": name, "is_live": False, "created_at": iso(NOW), "updated_at": iso(NOW), **columns}
        members = [{"selection": name, "track_id": key, "rank": rank} for rank, key in enumerate(track_ids, 1)]
        with self.database.write() as connection:
            connection.execute(insert(SelectionRow).values(**row))
            if members:
                connection.execute(insert(SelectionTrackRow), members)

    def change(self, model: type[Base], key: int, **columns: Any) -> None:
        table = table_of(model)
        with self.database.write() as connection:
            connection.execute(update(table).where(_key(table) == key).values(**columns))

    def one(self, model: type[Base], key: int) -> dict[str, Any]:
        """Return the row, or an empty dict if it does not exist."""
        table = table_of(model)
        with self.database.read() as connection:
            row = connection.execute(select(table).where(_key(table) == key)).mappings().first()
        return dict(row or {})

    def all(self, model: type[Base]) -> list[dict[str, Any]]:
        table = table_of(model)
        with self.database.read() as connection:
            return [dict(row) for row in connection.execute(select(table).order_by(_key(table))).mappings()]

    def statuses(self) -> dict[int, str]:
        """Return the status of every replay by its id."""
        return {row["replay_id"]: row["status"] for row in self.all(ReplayRow)}

    def attempts(self) -> list[dict[str, Any]]:
        return self.all(AttemptRow)

    def workers(self) -> list[str]:
        return [row["worker_id"] for row in self.all(WorkerRow)]

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        with self.database.read() as connection:
            return [tuple(row) for row in connection.execute(text(statement))]

    def write(self, statement: str) -> None:
        with self.database.write() as connection:
            connection.execute(text(statement))

    def add(self, model: type[Base], status: str, columns: dict[str, Any]) -> int:
        with self.database.write() as connection:
            connection.execute(insert(model).values(**{**state(model, status), **columns}))
        key: int = columns[_key(table_of(model)).name]
        return key

    def _parent(self, track_id: int) -> None:
        if not self.one(TrackRow, track_id):
            self.track(track_id)


def _key(table: Table) -> Any:
    return table.primary_key.columns[0]
