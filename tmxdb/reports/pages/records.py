"""How the record of a track developed: by the dates of uploads, and as the mirror has seen it."""

from __future__ import annotations

from dataclasses import dataclass

from tmxdb.db.reading.reader import Reader


@dataclass(frozen=True, slots=True)
class RecordStep:
    """A run that was faster than all runs uploaded before it. `gain_ms`: faster than the record before; None: first."""

    replay_id: int
    user_id: int | None
    user_name: str | None
    time_ms: int
    replay_at: str
    gain_ms: int | None
    status: str


@dataclass(frozen=True, slots=True)
class SeenRecord:
    """A record that a listing had, from when until when; `until_at`: None if it still stands."""

    replay_id: int
    user_id: int | None
    user_name: str | None
    time_ms: int | None
    from_at: str | None
    until_at: str | None
    left_because: str | None


# Runs that the site removed, or that drove an older map, were no records of this track.
_STEPS = """
SELECT replay_id, user_id, user_name, site_time_ms AS time_ms, replay_at, best - site_time_ms AS gain_ms, status FROM (
  SELECT replay_id, user_id, user_name, site_time_ms, replay_at, status,
         min(site_time_ms) OVER (ORDER BY replay_at, replay_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS best
  FROM replays
  WHERE track_id = :track_id AND site_time_ms IS NOT NULL AND replay_at IS NOT NULL
        AND coalesce(left_because, '') NOT IN ('removed', 'replaced')) AS runs
WHERE best IS NULL OR site_time_ms < best ORDER BY replay_at, replay_id"""
_SEEN = """
SELECT replay_id, user_id, user_name, time_ms, from_at, until_at, left_because FROM record_history
WHERE track_id = :track_id ORDER BY from_at DESC, until_at IS NOT NULL LIMIT :n"""


def read_record_steps(reader: Reader, track_id: int) -> list[RecordStep]:
    """Return the records of a track in the order of their uploads, as far as its replays are known.

    The site lists only the best run of each driver: records that the same driver improved are missing.
    """
    return [RecordStep(**row) for row in reader.rows(_STEPS, track_id=track_id)]


def read_seen_records(reader: Reader, track_id: int, *, n: int) -> list[SeenRecord]:
    """Return the records that the listings of this mirror had, the newest first."""
    return [SeenRecord(**row) for row in reader.rows(_SEEN, track_id=track_id, n=n)]
