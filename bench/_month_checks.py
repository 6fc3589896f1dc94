"""What must hold after a simulated month, for bench/month.py."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import text

from tmxdb.db.database import Database
from tmxdb.gbx import read_replay
from tmxdb_sandbox import RunningSite

Row = dict[str, Any]
TOP = 50


@dataclass
class Expectations:
    """What the site served over time: a deleted track or an older version cannot be requested later."""

    site: RunningSite
    replay_files: dict[int, str] = field(default_factory=dict)
    embedded_maps: dict[int, str] = field(default_factory=dict)
    track_files: dict[int, set[str]] = field(default_factory=dict)
    deleted_replays: set[int] = field(default_factory=set)
    deleted_tracks: set[int] = field(default_factory=set)

    def remember(self) -> None:
        """Record the files of everything that exists now."""
        for track_id in self.site.track_ids():
            self.track_files.setdefault(track_id, set()).add(_digest(self.site.expected_track(track_id)))
            for row in self.site.leaderboard(track_id):
                replay_id = row["replay_id"]
                if row["removed"]:
                    self.deleted_replays.add(replay_id)
                if replay_id not in self.replay_files:
                    file = self.site.expected_replay(replay_id)
                    self.replay_files[replay_id] = _digest(file)
                    self.embedded_maps[replay_id] = _digest(read_replay(file).map_bytes)


def problems(site: RunningSite, data: Path, location: str, expected: Expectations) -> list[str]:
    """Return one line for each file that is wrong and each row that cannot be explained."""
    expected.remember()
    with closing(Database(location)) as database, database.read() as connection:
        rows = {
            table: [dict(row) for row in connection.execute(text(f"select * from {table}")).mappings()]
            for table in ("tracks", "replays", "maps", "workers")
        }
    return [
        *_missing_rows(site, rows),
        *_unexplained(rows, expected),
        *_wrong_files(rows, data, expected),
        *(f"worker {row['worker_id']} is still registered" for row in rows["workers"]),
    ]


def _missing_rows(site: RunningSite, rows: dict[str, list[Row]]) -> Iterator[str]:
    tracks = {row["track_id"] for row in rows["tracks"]}
    replays = {row["replay_id"] for row in rows["replays"]}
    for track_id in site.track_ids():
        if track_id not in tracks:
            yield f"track {track_id} is not in the database"
        ranked = [row for row in site.leaderboard(track_id) if row["position"] is not None]
        for row in ranked[:TOP]:
            if row["replay_id"] not in replays:
                yield f"replay {row['replay_id']} of track {track_id} is not in the database"


def _unexplained(rows: dict[str, list[Row]], expected: Expectations) -> Iterator[str]:
    """A row is done, or it is skipped because the site deleted its item."""
    for table, key in (("tracks", "track_id"), ("replays", "replay_id"), ("maps", "track_id")):
        for row in rows[table]:
            is_deleted = row["track_id"] in expected.deleted_tracks or row[key] in (
                expected.deleted_replays if key == "replay_id" else ()
            )
            is_explained = row["status"] == "done" or (row["status"] == "skipped" and is_deleted)
            if not is_explained:
                yield f"{table} {row[key]} is {row['status']} ({row['error_code']}: {row['error']})"


def _wrong_files(rows: dict[str, list[Row]], data: Path, expected: Expectations) -> Iterator[str]:
    known = set()
    for row in (*rows["replays"], *rows["maps"]):
        if row["file_path"] is None:
            continue
        known.add(row["file_path"])
        if row["status"] != "done":
            continue
        file = data / row["file_path"]
        digest = _digest(file.read_bytes()) if file.is_file() else "missing"
        if digest != row["sha256"]:
            yield f"{row['file_path']} is {digest}, its row says {row['sha256']}"
        elif digest not in _acceptable(row, expected):
            yield f"{row['file_path']} is not what the site served"
    files = {path.relative_to(data).as_posix() for path in data.rglob("*.Gbx") if path.is_file()}
    yield from (f"{path} belongs to no row" for path in sorted(files - known))


def _acceptable(row: Row, expected: Expectations) -> set[str]:
    if "source" not in row:
        return {expected.replay_files.get(row["replay_id"], "")}
    if row["source"] == "replay":
        return {expected.embedded_maps.get(row["from_replay_id"], "")}
    return expected.track_files.get(row["track_id"], set())


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
