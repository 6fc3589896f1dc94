"""The page of a driver: how many runs and records, with what, and the latest runs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from tmxdb.db.reading.reader import Reader
from tmxdb.styles import plain


@dataclass(frozen=True, slots=True)
class DriverRun:
    """A run of the driver. `rank`: None if it is not on the leaderboard. `gap_ms`: behind the record."""

    track_id: int
    track_name: str
    rank: int | None
    time_ms: int | None
    gap_ms: int | None
    device: str | None
    respawns: int | None
    replay_at: str | None
    replay_id: int
    status: str


@dataclass(frozen=True, slots=True)
class DriverPage:
    """A website account and its runs. `names`: the account's names, the present one first. `devices`: runs by device.

    `runs`: as many as were asked for, ordered as asked.
    """

    user_id: int
    names: list[str]
    logins: list[str]
    replays: int
    tracks: int
    records: int
    top_10: int
    downloaded: int
    first_at: str | None
    last_at: str | None
    devices: dict[str, int]
    runs_with_respawns: int
    finished_runs: int
    runs: list[DriverRun]

    def as_json(self) -> dict[str, Any]:
        """Return the same values for `json.dumps`."""
        return asdict(self)


ORDERS = {
    "latest": "r.replay_at IS NULL, r.replay_at DESC, r.replay_id DESC",
    "rank": "r.position IS NULL, r.position, r.replay_id",
}
"""How runs can be ordered."""
_TOTALS = """
SELECT count(*) AS replays, count(DISTINCT track_id) AS tracks,
       coalesce(sum(CASE WHEN position = 0 THEN 1 ELSE 0 END), 0) AS records,
       coalesce(sum(CASE WHEN position < 10 THEN 1 ELSE 0 END), 0) AS top_10,
       coalesce(sum(CASE WHEN status = 'done' THEN 1 ELSE 0 END), 0) AS downloaded,
       coalesce(sum(CASE WHEN finished THEN 1 ELSE 0 END), 0) AS finished_runs,
       coalesce(sum(CASE WHEN finished AND respawns > 0 THEN 1 ELSE 0 END), 0) AS runs_with_respawns,
       min(replay_at) AS first_at, max(replay_at) AS last_at
FROM replays WHERE user_id = :user_id"""
_RUNS = """
SELECT r.track_id, tracks.name AS track_name, r.position + 1 AS rank, r.site_time_ms AS time_ms,
       CASE WHEN coalesce(tracks.primary_type, 0) <> 3 THEN  -- stunts are ranked by points
           r.site_time_ms - (SELECT min(best.site_time_ms) FROM replays AS best
                             WHERE best.track_id = r.track_id AND best.position = 0) END AS gap_ms,
       r.device, coalesce(r.respawns, r.site_respawns) AS respawns, r.replay_at, r.replay_id, r.status
FROM replays AS r JOIN tracks ON tracks.track_id = r.track_id
WHERE r.user_id = :user_id ORDER BY {order} LIMIT :n"""


def read_driver(reader: Reader, user_id: int, *, order: str, n: int) -> DriverPage:
    """Return the page of a driver that exists, with `n` runs in one of ORDERS."""
    with reader.snapshot():
        totals = reader.row(_TOTALS, user_id=user_id) or {}
        names = reader.rows(
            "SELECT user_name, max(listed_at) AS at FROM replays WHERE user_id = :user_id AND user_name IS NOT NULL"
            " GROUP BY user_name ORDER BY max(listed_at) IS NULL, 2 DESC",
            user_id=user_id,
        )
        logins = reader.rows(
            "SELECT login, count(*) AS n FROM replays WHERE user_id = :user_id AND login IS NOT NULL AND login <> ''"
            " GROUP BY login ORDER BY n DESC, login",
            user_id=user_id,
        )
        devices = reader.rows(
            "SELECT device, count(*) AS n FROM replays WHERE user_id = :user_id AND device IS NOT NULL"
            " GROUP BY device ORDER BY n DESC, device",
            user_id=user_id,
        )
        runs = reader.rows(_RUNS.format(order=ORDERS[order]), user_id=user_id, n=n)
    return DriverPage(
        user_id=user_id,
        names=[row["user_name"] for row in names],
        logins=[row["login"] for row in logins],
        devices={row["device"]: row["n"] for row in devices},
        runs=[DriverRun(**{**row, "track_name": plain(row["track_name"] or "")}) for row in runs],
        **totals,
    )
