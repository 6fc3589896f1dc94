"""The page of a track: facts, medals, leaderboard, and what is downloaded."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from tmxdb.db.reading.reader import Reader
from tmxdb.styles import plain


@dataclass(frozen=True, slots=True)
class Ranked:
    """A replay on the leaderboard. `gap_ms`: behind the record. `status`: of its download."""

    rank: int
    user_id: int | None
    user_name: str | None
    time_ms: int | None
    score: int | None
    gap_ms: int | None
    device: str | None
    respawns: int | None
    replay_at: str | None
    replay_id: int
    status: str


@dataclass(frozen=True, slots=True)
class TrackPage:
    """A track. `facts`: its row in `tracks`. `replays`: how many it has by status, with the size of their files."""

    track_id: int
    name: str
    facts: dict[str, Any]
    tags: list[str]
    listed: int
    leaderboard: list[Ranked]
    replays: dict[str, int]
    replay_bytes: int
    map_status: str | None
    map_path: str | None
    captures: dict[str, int]

    def as_json(self) -> dict[str, Any]:
        """Return the same values for `json.dumps`."""
        return asdict(self)


_FACTS = """
SELECT name, uid, uploader_id, uploader_name, uploaded_at, updated_at, activity_at, environment_name, car_name,
       mood_name, difficulty_name, primary_type_name, style_name, routes_name, awards, comments, author_time_ms,
       gold_ms, silver_ms, bronze_ms, author_score, author_beaten, status, error_code, finished_at,
       listed_count, listed_whole
FROM tracks WHERE track_id = :track_id"""
_LEADERBOARD = """
SELECT rank, user_id, user_name, site_time_ms AS time_ms, site_score AS score, gap_ms, device, respawns, replay_at,
       replay_id, status
FROM leaderboard WHERE track_id = :track_id ORDER BY rank, replay_id LIMIT :n"""


def read_track(reader: Reader, track_id: int, *, top: int) -> TrackPage:
    """Return the page of a track that exists, with the first `top` replays of its leaderboard."""
    with reader.snapshot():
        facts = reader.row(_FACTS, track_id=track_id) or {}
        tags = reader.rows(
            "SELECT tag, tag_name FROM track_tags WHERE track_id = :track_id ORDER BY tag", track_id=track_id
        )
        replays = reader.rows(
            "SELECT status, count(*) AS n, sum(file_bytes) AS bytes, count(position) AS listed FROM replays"
            " WHERE track_id = :track_id GROUP BY status ORDER BY status",
            track_id=track_id,
        )
        captures = reader.rows(
            "SELECT status, count(*) AS n FROM captures WHERE track_id = :track_id GROUP BY status ORDER BY status",
            track_id=track_id,
        )
        map_row = reader.row("SELECT status, file_path FROM maps WHERE track_id = :track_id", track_id=track_id) or {}
        ranked = reader.rows(_LEADERBOARD, track_id=track_id, n=top)
    return TrackPage(
        track_id,
        plain(facts.get("name") or ""),
        facts,
        [tag["tag_name"] or str(tag["tag"]) for tag in tags],
        sum(row["listed"] for row in replays),
        [Ranked(**row) for row in ranked],
        {row["status"]: row["n"] for row in replays},
        sum(int(row["bytes"] or 0) for row in replays if row["status"] == "done"),
        map_row.get("status"),
        map_row.get("file_path"),
        {row["status"]: row["n"] for row in captures},
    )
