"""Captures: how many frames were stored and missed, a list, and one with its track and replay."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from tmxdb.db.reading.reader import Reader
from tmxdb.errors import InvalidInput

_COLUMNS = """c.capture_id, c.replay_id, c.track_id, c.status, c.frame_count, c.frames_missed, c.race_finished,
 c.actual_race_time_ms, c.time_matches, c.finished_at, c.error_code, c.folder_path, tracks.name AS track_name,
 replays.user_name, coalesce(replays.race_time_ms, replays.site_time_ms) AS time_ms"""
_FROM = """FROM captures AS c JOIN tracks ON tracks.track_id = c.track_id
JOIN replays ON replays.replay_id = c.replay_id"""
_TOTALS = """
SELECT status, count(*) AS n, sum(frame_count) AS frames, sum(frames_missed) AS missed FROM captures
GROUP BY status ORDER BY status"""
PROBLEMS = {
    "missed": "c.status = 'done' AND c.frames_missed > 0",
    "time": "c.status = 'done' AND NOT c.time_matches",
    "unfinished": "c.status = 'done' AND NOT c.race_finished",
}
"""What may be wrong with a finished capture, as conditions."""


@dataclass(frozen=True, slots=True)
class CapturesPage:
    """Captures, the newest request first. `totals`: number, frames and missed frames by status.

    `after`: the capture after which the next page begins; None: there is none.
    """

    totals: dict[str, dict[str, int]]
    rows: list[dict[str, Any]]
    after: int | None

    def as_json(self) -> dict[str, Any]:
        """Return the same values for `json.dumps`."""
        return asdict(self)


def read_captures(
    reader: Reader, *, status: str = "", problem: str = "", after: int | None = None, n: int
) -> CapturesPage:
    """Return `n` captures of a status and with one of PROBLEMS, those requested before the capture `after`."""
    conditions = ["1 = 1"]
    values: dict[str, Any] = {"n": n + 1}
    if status:
        conditions.append("c.status = :status")
        values["status"] = status
    if problem:
        conditions.append(PROBLEMS[problem])
    if after is not None:
        conditions.append("c.capture_id < :after")
        values["after"] = after
    where = f"WHERE {' AND '.join(conditions)} ORDER BY c.capture_id DESC LIMIT :n"
    with reader.snapshot():
        totals = reader.rows(_TOTALS)
        rows = reader.rows(f"SELECT {_COLUMNS} {_FROM} {where}", **values)
    counted = {
        row["status"]: {"n": row["n"], "frames": int(row["frames"] or 0), "missed": int(row["missed"] or 0)}
        for row in totals
    }
    return CapturesPage(counted, rows[:n], rows[n - 1]["capture_id"] if len(rows) > n else None)


def read_capture(reader: Reader, capture_id: int) -> dict[str, Any]:
    """Return one capture with the names of its track and driver. Raise InvalidInput if it does not exist."""
    row = reader.row(f"SELECT {_COLUMNS}, c.settings {_FROM} WHERE c.capture_id = :id", id=capture_id)
    if row is None:
        raise InvalidInput(f"The database has no capture {capture_id}.", code="input.no_row")
    return row
