"""Read the status of a database, in one transaction: all numbers are of the same moment."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from tmxdb.clock import iso
from tmxdb.db.reading.reader import Reader, Row
from tmxdb.paths import plain
from tmxdb.process_identity import may_live
from tmxdb.queue.paused import ACTIVE_PAUSES, ALL, Paused
from tmxdb.reports.disk_use import folder_bytes
from tmxdb.reports.status.estimates import (
    SampledTrack,
    captures_to_come,
    disk_forecast,
    replays_per_open_track,
    replays_to_come,
    seconds_left,
    seconds_until_done,
)
from tmxdb.reports.status.state import (
    KINDS,
    OPEN,
    STATUSES,
    Failure,
    IncompleteCaptures,
    LiveWorker,
    RecentError,
    Status,
)
from tmxdb.selections.reading import ChosenTracks
from tmxdb.upkeep.data_folder_check import absent_folder

RECENT = 5
"""Attempts that did not end well, of which the newest are read."""
SAMPLE = 400
"""Tracks looked at, spread over all ids, to estimate how many replays those to come have."""
_SAMPLE = """
WITH RECURSIVE steps (track_id) AS (
  SELECT CAST(:first AS BIGINT) UNION ALL SELECT track_id + :step FROM steps WHERE track_id + :step <= :last)
SELECT DISTINCT tracks.track_id, tracks.status, tracks.listed_count, tracks.wr_replay_id
FROM steps JOIN tracks ON tracks.track_id = (SELECT min(other.track_id) FROM tracks AS other
                                             WHERE other.track_id >= steps.track_id)"""
# SQLite answers one `min` or `max` from the key; for both in one SELECT it would go through all tracks.
_ENDS = "SELECT (SELECT min(track_id) FROM tracks) AS first, (SELECT max(track_id) FROM tracks) AS last"
_COUNTS = "SELECT kind, status, sum(n) AS n, sum(bytes) AS bytes FROM tally GROUP BY kind, status"
_FAILURES = "SELECT kind, status, error_code, n, example_id, example FROM failures ORDER BY n DESC, kind"
_RECENT = """
SELECT ended_at AS at, kind, item_id, outcome, error_code, error FROM attempts
WHERE attempt_id > (SELECT max(attempt_id) - 50 FROM attempts) ORDER BY attempt_id DESC LIMIT :n"""
_FRAMES = """
SELECT sum(frame_count) AS stored, sum(CASE WHEN frames_missed > 0 THEN 1 ELSE 0 END) AS incomplete,
       sum(CASE WHEN frames_missed > 0 THEN frames_missed ELSE 0 END) AS missed,
       sum(CASE WHEN frames_missed > 0 THEN frame_count ELSE 0 END) AS stored_of_incomplete
FROM captures WHERE status = 'done'"""
CAPTURES_SAMPLED = 1000
"""Open captures looked at, spread over all ids, to estimate what they will take."""
# For each status there is an index of its own: captures that are done are not read.
_OPEN_CAPTURES = " UNION ALL ".join(
    f"SELECT settings, replay_id, track_id FROM captures WHERE status = '{status}' AND capture_id % :step = 0"
    for status in OPEN
)
_TABLES = {
    "list": ("tracks", "track_id"),
    "download": ("replays", "replay_id"),
    "extract": ("maps", "track_id"),
    "capture": ("captures", "capture_id"),
}


def read_status(
    reader: Reader, data: Path, free_bytes: int | None, now_ms: int, chosen: ChosenTracks | None = None
) -> Status:
    """Return the status (of some tracks). `data`: the data folder; `free_bytes`: free space on its disk."""
    now = iso(now_ms)
    with reader.snapshot():
        kinds, sizes = _counts(reader) if chosen is None else _counts_of(reader, chosen)
        workers = [_worker(row) for row in reader.rows("SELECT * FROM workers ORDER BY started_at") if may_live(row)]
        failures = (
            [Failure(**row) for row in reader.rows(_FAILURES)] if chosen is None else [*_failures_of(reader, chosen)]
        )
        recent = [RecentError(**row) for row in reader.rows(_RECENT, n=RECENT)]
        limit = reader.row("SELECT rate, paused_until_ms, reason FROM rate_limit WHERE id = 1")
        paused = [Paused(**row) for row in reader.rows(ACTIVE_PAUSES, now=now)]
        site = reader.value("SELECT value FROM settings WHERE key = 'site'")
        frames = _frames(reader, chosen)
        replays = replays_to_come(kinds, replays_per_open_track(_sample(reader)) if kinds["list"]["pending"] else None)
        data_problem = absent_folder(data, lambda query: [row["path"] for row in reader.rows(query)])
        capture_bytes = _captures_to_come(reader, sum(kinds["capture"][status] for status in OPEN), chosen)
    rates = {kind: round(sum(worker.rates.get(kind, 0.0) for worker in workers), 2) for kind in KINDS}
    held = {held.kind for held in paused}
    left = seconds_left(kinds, {kind: rates[kind] for kind in KINDS if not held & {kind, ALL}}, replays)
    worked_on = {kind for worker in workers for kind in worker.kinds.split()}
    if data_problem is not None:
        free_bytes = None  # that of another disk
    done_bytes = {kind: sizes[kind]["done"] for kind in KINDS}
    captures = _capture_files(data, kinds["capture"]["done"], int(frames["stored"] or 0))
    pause = None
    if limit is not None and limit["paused_until_ms"] > now_ms:
        pause = {"until": iso(limit["paused_until_ms"]), "reason": limit["reason"]}
    return Status(
        database=reader.name,
        site=site,
        data=plain(str(data)),
        at=now,
        kinds=kinds,
        rates={kind: rate for kind, rate in rates.items() if rate},
        seconds_left=left,
        seconds_until_done=seconds_until_done(kinds, left, worked_on),
        workers=workers,
        failures=failures,
        recent_errors=recent,
        pause=pause,
        paused=paused,
        rate_limit=limit["rate"] if limit else None,
        files={
            name: {"n": kinds[kind]["done"], "bytes": done_bytes[kind]}
            for name, kind in (("replays", "download"), ("maps", "extract"))
        }
        | captures,
        database_bytes=_size(reader.path),
        free_bytes=free_bytes,
        forecast=disk_forecast(
            kinds,
            done_bytes,
            free_bytes,
            replays=replays,
            capture_bytes=capture_bytes,
        ),
        incomplete_captures=_incomplete(frames),
        data_problem=data_problem,
        selection=None if chosen is None else chosen.selection,
        track_ids=() if chosen is None else chosen.ids,
    )


def _frames(reader: Reader, chosen: ChosenTracks | None) -> Row:
    if chosen is None:
        return reader.row(_FRAMES) or {}
    return reader.row(f"{_FRAMES} AND {chosen.condition('track_id')}", **chosen.parameters) or {}


def _counts(reader: Reader) -> tuple[dict[str, dict[str, int]], dict[str, dict[str, int]]]:
    """Return how many rows each kind has in each status, and the size of their files."""
    rows = {kind: dict.fromkeys(STATUSES, 0) for kind in KINDS}
    sizes = {kind: dict.fromkeys(STATUSES, 0) for kind in KINDS}
    for row in reader.rows(_COUNTS):
        rows[row["kind"]][row["status"]] = int(row["n"])
        sizes[row["kind"]][row["status"]] = int(row["bytes"])
    return rows, sizes


def _captures_to_come(reader: Reader, n: int, chosen: ChosenTracks | None) -> int:
    """Return how many bytes the `n` open captures will take, from every one of them or from some."""
    only, parameters = (
        ("", {}) if chosen is None else (f"WHERE {chosen.condition('chosen.track_id')}", chosen.parameters)
    )
    query = (
        "SELECT settings, count(*) AS n, sum(coalesce(race_time_ms, 0)) AS race_ms"
        f" FROM ({_OPEN_CAPTURES}) AS chosen JOIN replays ON replays.replay_id = chosen.replay_id {only}"
        " GROUP BY settings"
    )
    rows = reader.rows(query, step=n // CAPTURES_SAMPLED | 1, **parameters) if n else []
    return captures_to_come(n, ((row["settings"], row["n"], int(row["race_ms"])) for row in rows))


def _sample(reader: Reader) -> list[SampledTrack]:
    """Return tracks at even steps of their ids: a few ms, however many there are."""
    ends = reader.row(_ENDS) or {}
    if ends["first"] is None:
        return []
    step = max((ends["last"] - ends["first"]) // SAMPLE, 1)
    rows = reader.rows(_SAMPLE, first=ends["first"], last=ends["last"], step=step)
    return [
        SampledTrack(row["listed_count"] is not None, row["listed_count"] or 0, row["wr_replay_id"] is not None)
        for row in rows
        if row["status"] not in ("failed", "skipped")
    ]


def _counts_of(reader: Reader, chosen: ChosenTracks) -> tuple[dict[str, dict[str, int]], dict[str, dict[str, int]]]:
    """Return the same for some tracks, counted row by row."""
    rows = {kind: dict.fromkeys(STATUSES, 0) for kind in KINDS}
    sizes = {kind: dict.fromkeys(STATUSES, 0) for kind in KINDS}
    condition = chosen.condition("track_id")
    for kind, (table, _) in _TABLES.items():
        size = "coalesce(sum(file_bytes), 0)" if table in ("replays", "maps") else "0"
        counted = f"SELECT status, count(*) AS n, {size} AS bytes FROM {table} WHERE {condition} GROUP BY status"
        for row in reader.rows(counted, **chosen.parameters):
            rows[kind][row["status"]], sizes[kind][row["status"]] = int(row["n"]), int(row["bytes"])
    return rows, sizes


def _failures_of(reader: Reader, chosen: ChosenTracks) -> list[Failure]:
    """Return why rows of these tracks are not done, counted row by row."""
    condition = chosen.condition("track_id")
    found = []
    for kind, (table, key) in _TABLES.items():
        groups = reader.rows(
            f"SELECT status, error_code, count(*) AS n, min({key}) AS example_id FROM {table}"
            f" WHERE status IN ('failed', 'skipped', 'retry') AND {condition} GROUP BY status, error_code",
            **chosen.parameters,
        )
        for group in groups:
            example = reader.value(f"SELECT error FROM {table} WHERE {key} = :key", key=group["example_id"])
            found.append(Failure(kind=kind, example=example or "", **group))
    return sorted(found, key=lambda failure: (-failure.n, failure.kind))


def _incomplete(frames: Row) -> IncompleteCaptures | None:
    n = int(frames["incomplete"] or 0)
    return IncompleteCaptures(n, int(frames["missed"]), int(frames["stored_of_incomplete"] or 0)) if n else None


def _capture_files(data: Path, n: int, frames: int) -> dict[str, dict[str, int]]:
    """Return the size of the captures' folder; `complete` is 0 if it has too many files to look at all of them."""
    if not n:
        return {}
    size, is_complete = folder_bytes(data / "frames")
    return {"captures": {"n": n, "frames": frames, "bytes": size, "complete": int(is_complete)}}


def _worker(row: Row) -> LiveWorker:
    names = [name for name in LiveWorker.__slots__ if name not in ("rates", "working_on")]
    working_on = {kind: ids for kind, ids in _json(row["begun"]).items() if ids}
    return LiveWorker(**{name: row[name] for name in names}, rates=_json(row["per_second"]), working_on=working_on)


def _json(text: str) -> dict[str, Any]:
    value = json.loads(text)
    return value if isinstance(value, dict) else {}


def _size(path: Path | None) -> int | None:
    if path is None:
        return None
    return sum(os.path.getsize(f"{path}{end}") for end in ("", "-wal") if os.path.exists(f"{path}{end}"))
