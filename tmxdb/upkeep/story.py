"""A row's whole story: what it is, how it stands, its file, every attempt that went wrong, what hangs on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, Table, func, select

from tmxdb.db.engine import Database
from tmxdb.db.models import Attempt, Base, Capture, Map, Replay, ReplayInputs, Track, table_of
from tmxdb.errors import BadInput
from tmxdb.queue.workers import live_workers
from tmxdb.storage import Storage
from tmxdb.upkeep.whole import Problem, capture_problem, file_problem

NOUNS: dict[str, tuple[str, type[Base]]] = {
    "track": ("list", Track),
    "replay": ("download", Replay),
    "map": ("extract", Map),
    "capture": ("capture", Capture),
}
"""What a row is called, what its work is called, and where it is."""

_tracks, _replays, _maps, _captures = (table_of(model) for _, model in NOUNS.values())


@dataclass(frozen=True, slots=True)
class FileState:
    """The file (or folder) that the row names. `problem` None: there, whole and right by content."""

    path: str
    absolute: str
    expected_bytes: int | None
    problem: Problem | None


@dataclass(frozen=True, slots=True)
class Link:
    """Rows that this one comes from, or that hang on it: `n` of them with one status; `item_id` if it is one."""

    what: str
    item_id: int | None
    status: str
    n: int = 1


@dataclass(frozen=True, slots=True)
class Story:
    """All that is known of one row. `attempts` are those that did not end well, the oldest first."""

    what: str
    item_id: int
    kind: str
    title: str
    row: dict[str, Any]
    worker_lives: bool | None
    file: FileState | None
    attempts: list[dict[str, Any]]
    comes_from: list[Link]
    opens: list[Link]

    def as_json(self) -> dict[str, Any]:
        """The same, for `json.dumps`."""
        return asdict(self)


def rows_called(database: Database, item_id: int) -> list[str]:
    """Which nouns have a row with this number."""
    with database.read() as connection:
        return [noun for noun, (_, model) in NOUNS.items() if _row(connection, table_of(model), item_id)]


def read_story(database: Database, storage: Storage, noun: str, item_id: int, now_ms: int) -> Story:
    """The story of one row, of one moment but for the file. Raises BadInput if there is no such row."""
    kind, model = NOUNS[noun]
    with database.read() as connection:
        row = _row(connection, table_of(model), item_id)
        if not row:
            raise BadInput(f"there is no {noun} {item_id} in the database.", code="input.no_row")
        attempts = connection.execute(
            select(Attempt.__table__)
            .where(Attempt.kind == kind, Attempt.item_id == item_id)
            .order_by(Attempt.attempt_id)
        ).mappings()
        return Story(
            noun,
            item_id,
            kind,
            _title(connection, noun, item_id, row),
            row,
            row["claimed_by"] in live_workers(connection, now_ms) if row["claimed_by"] else None,
            _file(storage, row),
            [dict(attempt) for attempt in attempts],
            list(_comes_from(connection, noun, row)),
            list(_opens(connection, noun, row)),
        )


def _row(connection: Connection, table: Table, item_id: int) -> dict[str, Any]:
    found = connection.execute(select(table).where(table.primary_key.columns[0] == item_id)).mappings().first()
    return dict(found or {})


def _title(connection: Connection, noun: str, item_id: int, row: dict[str, Any]) -> str:
    """track 2233 "Name" by uploader; replay 101 of track 2233 "Name" by user, 30690 ms; …"""
    track = row if noun == "track" else _row(connection, _tracks, row["track_id"])
    named = f'track {track["track_id"]} "{track["name"] or "?"}"'
    if noun == "track":
        return f"{named} by {row['uploader_name'] or 'somebody'}"
    if noun == "map":
        return f"map of {named}"
    replay = row if noun == "replay" else _row(connection, _replays, row["replay_id"])
    driven = "" if replay["site_time_ms"] is None else f", {replay['site_time_ms']} ms"
    run = f"replay {replay['replay_id']} of {named} by {replay['user_name'] or 'somebody'}{driven}"
    return run if noun == "replay" else f"capture {item_id} of {run}"


def _file(storage: Storage, row: dict[str, Any]) -> FileState | None:
    if row.get("file_path"):
        path, size = row["file_path"], row["file_bytes"]
        return FileState(path, str(storage.absolute(path)), size, file_problem(storage, path, size or 0, row["sha256"]))
    if row.get("folder_path"):
        path = row["folder_path"]
        return FileState(path, str(storage.absolute(path)), None, capture_problem(storage, path, content=True))
    return None


def _comes_from(connection: Connection, noun: str, row: dict[str, Any]) -> Iterator[Link]:
    if noun == "track":
        return
    yield from _one(connection, "track", _tracks, row["track_id"])
    if noun == "map" and row["from_replay_id"] is not None:
        yield from _one(connection, "replay", _replays, row["from_replay_id"])
    if noun == "capture":
        yield from _one(connection, "replay", _replays, row["replay_id"])
        yield from _one(connection, "map", _maps, row["track_id"])


def _opens(connection: Connection, noun: str, row: dict[str, Any]) -> Iterator[Link]:
    if noun == "track":
        yield from _many(connection, "replay", _replays, _replays.c.track_id == row["track_id"])
        yield from _one(connection, "map", _maps, row["track_id"])
        yield from _many(connection, "capture", _captures, _captures.c.track_id == row["track_id"])
    elif noun == "map":
        yield from _many(connection, "capture", _captures, _captures.c.track_id == row["track_id"])
    elif noun == "replay":
        map_row = _row(connection, _maps, row["track_id"])
        if map_row and map_row["from_replay_id"] == row["replay_id"]:
            yield Link("map", map_row["track_id"], map_row["status"])
        yield from _many(connection, "capture", _captures, _captures.c.replay_id == row["replay_id"])
        if _row(connection, table_of(ReplayInputs), row["replay_id"]):
            yield Link("inputs", row["replay_id"], "done")


def _one(connection: Connection, noun: str, table: Table, item_id: int) -> Iterator[Link]:
    row = _row(connection, table, item_id)
    if row:
        yield Link(noun, item_id, row["status"])


def _many(connection: Connection, noun: str, table: Table, condition: Any) -> Iterator[Link]:
    key = table.primary_key.columns[0]
    counted = select(table.c.status, func.count(), func.min(key)).where(condition).group_by(table.c.status)
    for status, n, first in connection.execute(counted.order_by(table.c.status)):
        yield Link(noun, first if n == 1 else None, status, n)
