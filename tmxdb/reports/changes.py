"""What is new since a moment: tracks, records and whom they beat, replays, and replays that left a leaderboard."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from tmxdb.db.reading.reader import Reader, Row
from tmxdb.selections.reading import ChosenTracks

_TIME = "coalesce({r}.site_time_ms, {r}.race_time_ms)"
_RECORDS = f"""
WITH new AS (
  SELECT track_id, replay_id, from_at FROM past_positions
  WHERE position = 0 AND until_at >= :since AND from_at >= :since
  UNION ALL
  SELECT track_id, replay_id, position_since FROM replays WHERE position = 0 AND position_since >= :since
)
SELECT new.from_at AS at, new.track_id, tracks.name AS track_name, new.replay_id, r.user_name,
       {_TIME.format(r="r")} AS time_ms, p.replay_id AS before_replay_id, p.user_name AS before_user_name,
       {_TIME.format(r="p")} AS before_time_ms,
       CASE WHEN p.track_at < r.track_at THEN 'replaced' ELSE p.left_because END AS before_left
FROM new JOIN tracks ON tracks.track_id = new.track_id JOIN replays r ON r.replay_id = new.replay_id
LEFT JOIN past_positions prev
  ON prev.track_id = new.track_id AND prev.position = 0 AND prev.until_at = new.from_at
LEFT JOIN replays p ON p.replay_id = prev.replay_id
WHERE (prev.replay_id IS NOT NULL OR new.from_at > tracks.first_listed_at)"""
_TRACKS = """
SELECT first_seen_at AS at, tracks.track_id, name AS track_name, uploader_name, author_time_ms, awards
FROM tracks WHERE first_seen_at >= :since"""
_REPLAYS = f"""
SELECT r.first_seen_at AS at, r.track_id, tracks.name AS track_name, r.replay_id, r.user_name,
       {_TIME.format(r="r")} AS time_ms, r.position + 1 AS rank
FROM replays r JOIN tracks ON tracks.track_id = r.track_id
WHERE r.first_seen_at >= :since AND r.first_seen_at > tracks.first_listed_at"""
_LEFT = f"""
SELECT r.left_at AS at, r.track_id, tracks.name AS track_name, r.replay_id, r.user_name,
       {_TIME.format(r="r")} AS time_ms, r.left_because AS reason, r.file_path
FROM replays r JOIN tracks ON tracks.track_id = r.track_id
WHERE r.left_at IS NOT NULL AND r.left_at >= :since"""
_MAPS = """
SELECT updated_at AS at, tracks.track_id, name AS track_name FROM tracks
WHERE tracks.track_id IN (SELECT track_id FROM replays WHERE left_at >= :since AND left_because = 'replaced')"""


@dataclass(frozen=True, slots=True)
class SiteChanges:
    """Rows of each sort, the oldest first. `records` names the replay that was the record before, if there was one."""

    since: str
    tracks: list[Row]
    records: list[Row]
    replays: list[Row]
    left: list[Row]
    maps: list[Row]

    def as_json(self) -> dict[str, Any]:
        """Return the same for `json.dumps`."""
        return asdict(self)

    @property
    def reasons(self) -> Counter[str]:
        """How many replays left their leaderboard for each reason."""
        return Counter(row["reason"] for row in self.left)


def read_changes(reader: Reader, since: str, chosen: ChosenTracks | None = None) -> SiteChanges:
    """Return what changed since `since` (ISO), as far as listings have seen it.

    Replays of a first listing are no change: they were there before the first look.
    """

    def rows(sql: str, track: str) -> list[Row]:
        parameters = {"since": since}
        if chosen is not None:
            sql += f" AND {chosen.condition(track)}"
            parameters |= chosen.parameters
        return reader.rows(f"{sql} ORDER BY 1, 2", **parameters)

    with reader.snapshot():
        return SiteChanges(
            since,
            tracks=rows(_TRACKS, "tracks.track_id"),
            records=[_with_gap(row) for row in rows(_RECORDS, "new.track_id")],
            replays=rows(_REPLAYS, "r.track_id"),
            left=rows(_LEFT, "r.track_id"),
            maps=rows(_MAPS, "tracks.track_id"),
        )


def _with_gap(row: Row) -> Row:
    """Add `faster_by_ms`: by how much the record before was beaten.

    None if it was not beaten but removed, and if the time is not lower: stunts are ranked by points.
    """
    beaten = row["before_left"] not in ("removed", "replaced")
    times = (row["before_time_ms"], row["time_ms"])
    gap = times[0] - times[1] if beaten and None not in times else 0
    return row | {"faster_by_ms": gap if gap > 0 else None}
