"""The history of one row: its state, its file, its failed attempts, and the rows it is linked to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from tmxdb.db.reading.reader import Reader, Row
from tmxdb.errors import InvalidInput
from tmxdb.paths import plain
from tmxdb.process_identity import may_live
from tmxdb.storage import Storage, id_name
from tmxdb.upkeep.integrity import Problem, file_problem

NOUNS = {
    "track": ("list", "tracks", "track_id"),
    "replay": ("download", "replays", "replay_id"),
    "map": ("extract", "maps", "track_id"),
    "capture": ("capture", "captures", "capture_id"),
}
"""For each noun that names a row: its kind, its table and the key."""
_ATTEMPTS = "SELECT * FROM attempts WHERE kind = :kind AND item_id = :id ORDER BY attempt_id"
_INPUTS = "SELECT replay_id FROM packed_inputs WHERE replay_id = :id"


@dataclass(frozen=True, slots=True)
class FileState:
    """The file or folder that the row names. `problem` is None if it exists with the right content."""

    path: str
    absolute: str
    expected_bytes: int | None
    problem: Problem | None


@dataclass(frozen=True, slots=True)
class Link:
    """`n` linked rows of one status; `item_id` if it is a single row."""

    what: str
    item_id: int | None
    status: str
    n: int = 1


@dataclass(frozen=True, slots=True)
class RowHistory:
    """What is known about one row. `attempts`: those that did not end well, the oldest first."""

    what: str
    item_id: int
    kind: str
    title: str
    row: Row
    worker_lives: bool | None
    file: FileState | None
    attempts: list[Row]
    comes_from: list[Link]
    opens: list[Link]

    def as_json(self) -> dict[str, Any]:
        """Return the same values for `json.dumps`."""
        return asdict(self)


def nouns_with_id(reader: Reader, item_id: int) -> list[str]:
    """Return the nouns that have a row with this id."""
    return [
        noun
        for noun, (_, table, key) in NOUNS.items()
        if reader.row(f"SELECT {key} FROM {table} WHERE {key} = :id", id=item_id)
    ]


def read_history(reader: Reader, storage: Storage, noun: str, item_id: int) -> RowHistory:
    """Return the history of one row. Raise InvalidInput if it does not exist."""
    kind = NOUNS[noun][0]
    with reader.snapshot():
        row = _row(reader, noun, item_id)
        if not row:
            raise InvalidInput(
                f"no {noun} {id_name(item_id)} in the database. `tmxdb query` finds ids.", code="input.no_row"
            )
        worker = reader.row("SELECT * FROM workers WHERE worker_id = :name", name=row["claimed_by"])
        row["lease_until"] = None if worker is None else worker["lease_until"]
        return RowHistory(
            noun,
            item_id,
            kind,
            _title(reader, noun, item_id, row),
            row,
            worker is not None and may_live(worker) if row["claimed_by"] else None,
            _file(storage, row),
            reader.rows(_ATTEMPTS, kind=kind, id=item_id),
            list(_comes_from(reader, noun, row)),
            list(_opens(reader, noun, row)),
        )


def _row(reader: Reader, noun: str, item_id: int) -> Row:
    """Return a row, empty if there is none. SQLite stores booleans as numbers; they become booleans here."""
    _, table, key = NOUNS[noun]
    row = reader.row(f"SELECT * FROM {table} WHERE {key} = :id", id=item_id) or {}
    if row and reader.file is not None:
        types = {
            column["name"]: column["type"] for column in reader.rows(f"SELECT * FROM pragma_table_xinfo('{table}')")
        }
        row = {name: bool(value) if types[name] == "BOOLEAN" and value is not None else value
               for name, value in row.items()}  # fmt: skip
    return row


def _title(reader: Reader, noun: str, item_id: int, row: Row) -> str:
    """Return, for example, `replay 101 of track 2233 "Name" by user, 30,690 ms`."""
    track = row if noun == "track" else _row(reader, "track", row["track_id"])
    named = f'track {id_name(track["track_id"])} "{track["name"] or "?"}"'
    if noun == "track":
        return f"{named} by {row['uploader_name'] or 'unknown'}"
    if noun == "map":
        return f"map of {named}"
    replay = row if noun == "replay" else _row(reader, "replay", row["replay_id"])
    driven = "" if replay["site_time_ms"] is None else f", {replay['site_time_ms']:,} ms"
    run = f"replay {id_name(replay['replay_id'])} of {named} by {replay['user_name'] or 'unknown'}{driven}"
    return run if noun == "replay" else f"capture {item_id} of {run}"


def _file(storage: Storage, row: Row) -> FileState | None:
    if row.get("file_path"):
        path, size = row["file_path"], row["file_bytes"]
        return FileState(
            path, plain(str(storage.absolute(path))), size, file_problem(storage, path, size or 0, row["sha256"])
        )
    if row.get("folder_path"):
        from tmxdb.upkeep.capture_integrity import capture_problem

        path = row["folder_path"]
        problem = capture_problem(storage, path, content=True, replay_id=row["replay_id"])
        return FileState(path, plain(str(storage.absolute(path))), None, problem)
    return None


def _comes_from(reader: Reader, noun: str, row: Row) -> Iterator[Link]:
    if noun == "track":
        return
    yield from _one(reader, "track", row["track_id"])
    if noun == "map" and row["from_replay_id"] is not None:
        yield from _one(reader, "replay", row["from_replay_id"])
    if noun == "capture":
        yield from _one(reader, "replay", row["replay_id"])
        yield from _one(reader, "map", row["track_id"])


def _opens(reader: Reader, noun: str, row: Row) -> Iterator[Link]:
    if noun == "track":
        yield from _many(reader, "replay", "track_id", row)
        yield from _one(reader, "map", row["track_id"])
        yield from _many(reader, "capture", "track_id", row)
    elif noun == "map":
        yield from _many(reader, "capture", "track_id", row)
    elif noun == "replay":
        map_row = _row(reader, "map", row["track_id"])
        if map_row and map_row["from_replay_id"] == row["replay_id"]:
            yield Link("map", map_row["track_id"], map_row["status"])
        yield from _many(reader, "capture", "replay_id", row)
        if reader.row(_INPUTS, id=row["replay_id"]):
            yield Link("inputs", row["replay_id"], "done")


def _one(reader: Reader, noun: str, item_id: int) -> Iterator[Link]:
    row = _row(reader, noun, item_id)
    if row:
        yield Link(noun, item_id, row["status"])


def _many(reader: Reader, noun: str, column: str, row: Row) -> Iterator[Link]:
    """Return the rows of `noun` with the same `column` as `row`, by status."""
    _, table, key = NOUNS[noun]
    counted = reader.rows(
        f"SELECT status, count(*) AS n, min({key}) AS first FROM {table} WHERE {column} = :id"
        " GROUP BY status ORDER BY status",
        id=row[column],
    )
    for group in counted:
        yield Link(noun, group["first"] if group["n"] == 1 else None, group["status"], group["n"])
