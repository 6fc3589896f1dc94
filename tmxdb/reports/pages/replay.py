"""The page of a replay: facts, checkpoints, the runs to compare it with, and its captures."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from tmxdb.db.reading.reader import Reader
from tmxdb.errors import InvalidInput
from tmxdb.reports.pages.checkpoints import CheckpointGap, compared, times_of
from tmxdb.storage import id_name
from tmxdb.styles import plain

OTHERS = 30
"""Runs offered for a comparison: the first of the leaderboard."""
_FACTS = """
SELECT r.replay_id, r.track_id, tracks.name AS track_name, tracks.primary_type_name, r.user_id, r.user_name,
       r.site_time_ms, r.site_score, r.position, r.replay_at, r.track_at, r.position_since, r.left_at, r.left_because,
       r.game, r.game_version, r.map_uid_matches, r.finished, r.race_time_ms, r.stunt_score,
       coalesce(r.respawns, r.site_respawns) AS respawns, r.checkpoints_ms, r.login, r.nickname_plain, r.input_count,
       r.device, r.validable, r.sample_period_ms, r.ghost_count, r.unread, r.status, r.file_path, r.sha256
FROM replays AS r JOIN tracks ON tracks.track_id = r.track_id WHERE r.replay_id = :replay_id"""
_OTHERS = """
SELECT replay_id, position, user_name, coalesce(race_time_ms, site_time_ms) AS time_ms FROM replays
WHERE track_id = :track_id AND position IS NOT NULL AND status = 'done' AND replay_id <> :replay_id
ORDER BY position, replay_id LIMIT :n"""
_CAPTURES = """
SELECT capture_id, status, folder_path, frame_count, frames_missed, time_matches, finished_at, error_code FROM captures
WHERE replay_id = :replay_id ORDER BY finished_at IS NULL, finished_at DESC, capture_id DESC LIMIT 50"""
_RECORD = """
SELECT coalesce(site_time_ms, race_time_ms) FROM replays WHERE track_id = :track_id AND position = 0
ORDER BY replay_id LIMIT 1"""


@dataclass(frozen=True, slots=True)
class ReplayPage:
    """A replay. `facts`: its row and the name of its track. `gap_ms`: behind the record.

    `other`: the facts of the run that it is compared with. `others`: runs that it can be compared with.
    """

    replay_id: int
    track_id: int
    track_name: str
    facts: dict[str, Any]
    time_ms: int | None
    gap_ms: int | None
    crossings: list[CheckpointGap]
    other: dict[str, Any] | None
    others: list[dict[str, Any]]
    captures: list[dict[str, Any]]

    def as_json(self) -> dict[str, Any]:
        """Return the same values for `json.dumps`."""
        return asdict(self)


def read_replay_page(reader: Reader, replay_id: int, *, other_id: int | None = None) -> ReplayPage:
    """Return the page of a replay, compared with the replay `other_id` of the same track.

    Raise InvalidInput if one of them does not exist, or is of another track.
    """
    with reader.snapshot():
        facts = replay_facts(reader, replay_id)
        track_id = facts["track_id"]
        other = None if other_id is None else replay_facts(reader, other_id)
        if other is not None:
            refuse_other_track(facts, other)
        record_ms = reader.value(_RECORD, track_id=track_id)
        others = reader.rows(_OTHERS, track_id=track_id, replay_id=replay_id, n=OTHERS)
        captures = reader.rows(_CAPTURES, replay_id=replay_id)
    time_ms = time_of(facts)
    is_ranked = record_ms is not None and time_ms is not None and facts["position"] is not None
    return ReplayPage(
        replay_id,
        track_id,
        plain(facts["track_name"] or ""),
        facts,
        time_ms,
        time_ms - record_ms if is_ranked else None,
        compared(times_of(facts["checkpoints_ms"]), times_of(other["checkpoints_ms"]) if other else ()),
        other,
        others,
        captures,
    )


def replay_facts(reader: Reader, replay_id: int) -> dict[str, Any]:
    """Return the facts of a replay. Raise InvalidInput if it does not exist."""
    facts = reader.row(_FACTS, replay_id=replay_id)
    if facts is None:
        raise InvalidInput(f"The database has no replay {id_name(replay_id)}.", code="input.no_row")
    return facts


def refuse_other_track(facts: dict[str, Any], other: dict[str, Any]) -> None:
    """Raise InvalidInput if two replays, of which these are the facts, are of different tracks."""
    if other["track_id"] != facts["track_id"]:
        raise InvalidInput(
            f"Replay {id_name(other['replay_id'])} belongs to track {id_name(other['track_id'])}. Choose one of track"
            f" {id_name(facts['track_id'])}.",
            code="input.parameter",
        )


def time_of(facts: dict[str, Any]) -> int | None:
    """Return the time of a run: of its file, or of the site before it is downloaded."""
    found: int | None = facts["race_time_ms"] if facts["race_time_ms"] is not None else facts["site_time_ms"]
    return found
