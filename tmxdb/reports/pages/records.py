"""How the record of a track developed, by the dates of uploads and as the mirror has seen it; the latest of all."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

from tmxdb.db.reading.reader import Reader

LOOKS = 200
"""Ends of records looked at: the site also removes records, and those were not beaten."""


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


@dataclass(frozen=True, slots=True)
class BeatenRecord:
    """A record that beat another one, `gain_ms` faster, when a listing first saw it."""

    at: str
    track_id: int
    track_name: str | None
    replay_id: int
    user_id: int | None
    user_name: str | None
    time_ms: int
    beaten_user_id: int | None
    beaten_user_name: str | None
    gain_ms: int


# Runs that the site removed, or that drove an older map, were no records of this track. A listing of all replays still
# has the latter, without a position: `left_because` does not tell them then.
_STEPS = """
SELECT replay_id, user_id, user_name, site_time_ms AS time_ms, replay_at, best - site_time_ms AS gain_ms, status FROM (
  SELECT replay_id, user_id, user_name, site_time_ms, replay_at, status,
         min(site_time_ms) OVER (ORDER BY replay_at, replay_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS best
  FROM replays
  WHERE track_id = :track_id AND site_time_ms IS NOT NULL AND replay_at IS NOT NULL
        AND coalesce(left_because, '') NOT IN ('removed', 'replaced')
        AND (track_at IS NULL OR track_at >= coalesce(
          (SELECT max(track_at) FROM replays WHERE track_id = :track_id AND position IS NOT NULL),
          (SELECT updated_at FROM tracks WHERE track_id = :track_id), track_at))) AS runs
WHERE best IS NULL OR site_time_ms < best ORDER BY replay_at, replay_id"""
_SEEN = """
SELECT replay_id, user_id, user_name, time_ms, from_at, until_at, left_because FROM record_history
WHERE track_id = :track_id ORDER BY from_at IS NULL, from_at DESC, until_at IS NOT NULL LIMIT :n"""


# The index of beaten records answers the inner query, and the keys everything else. Stunts are ranked by points.
_BEATEN = """
SELECT past.until_at AS at, past.track_id, tracks.name AS track_name, now.replay_id, now.user_id, now.user_name,
       coalesce(now.site_time_ms, now.race_time_ms) AS time_ms,
       beaten.user_id AS beaten_user_id, beaten.user_name AS beaten_user_name,
       coalesce(beaten.site_time_ms, beaten.race_time_ms) - coalesce(now.site_time_ms, now.race_time_ms) AS gain_ms
FROM (SELECT track_id, replay_id, until_at FROM past_positions WHERE position = 0 ORDER BY until_at DESC LIMIT :looks)
     AS past
JOIN tracks ON tracks.track_id = past.track_id AND coalesce(tracks.primary_type, 0) <> 3
JOIN replays beaten ON beaten.replay_id = past.replay_id
     AND coalesce(beaten.left_because, '') NOT IN ('removed', 'replaced')
LEFT JOIN past_positions later
     ON later.track_id = past.track_id AND later.position = 0 AND later.from_at = past.until_at
LEFT JOIN replays still
     ON still.track_id = past.track_id AND still.position = 0 AND still.position_since = past.until_at
JOIN replays now ON now.replay_id = coalesce(later.replay_id, still.replay_id)
     AND coalesce(beaten.track_at >= now.track_at, TRUE)
ORDER BY past.until_at DESC, past.track_id"""


def read_latest_records(reader: Reader, *, n: int) -> list[BeatenRecord]:
    """Return the latest `n` records that beat another one, the newest first; of the latest LOOKS ends of records."""
    found = (BeatenRecord(**row) for row in reader.rows(_BEATEN, looks=LOOKS) if (row["gain_ms"] or 0) > 0)
    return list(islice(found, n))


def read_record_steps(reader: Reader, track_id: int) -> list[RecordStep]:
    """Return the records of a track in the order of their uploads, as far as its replays are known.

    The site lists only the best run of each driver: records that the same driver improved are missing.
    """
    return [RecordStep(**row) for row in reader.rows(_STEPS, track_id=track_id)]


def read_seen_records(reader: Reader, track_id: int, *, n: int) -> list[SeenRecord]:
    """Return the records that the listings of this mirror had, the newest first."""
    return [SeenRecord(**row) for row in reader.rows(_SEEN, track_id=track_id, n=n)]
