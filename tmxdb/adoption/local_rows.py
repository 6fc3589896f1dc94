"""The leaderboard of a local track: its replays ranked by time, each driver's best, as an exchange ranks them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from tmxdb.db.models import ReplayRow, TrackRow, table_of

_replays, _tracks = table_of(ReplayRow), table_of(TrackRow)
_AT_ONCE = 500


def mark_unranked(connection: Connection, track_ids: Collection[int]) -> None:
    """Mark the local tracks among these as unranked. Ranking them after each chunk of files would be slow."""
    ordered = sorted(track_id for track_id in track_ids if track_id < 0)
    for i in range(0, len(ordered), _AT_ONCE):
        part = _tracks.c.track_id.in_(ordered[i : i + _AT_ONCE])
        connection.execute(update(_tracks).where(part).values(listed_count=None))


def rank_unranked(connection: Connection) -> None:
    """Set the positions of the replays of local tracks that are not ranked, and how many there are.

    These include tracks of a run that was killed, and of runs of 0.22.0 and older that ended early.
    """
    query = select(_tracks.c.track_id).where(_tracks.c.track_id < 0, _tracks.c.listed_count.is_(None))
    ordered = connection.execute(query.order_by(_tracks.c.track_id)).scalars().all()
    for i in range(0, len(ordered), _AT_ONCE):
        _rank(connection, ordered[i : i + _AT_ONCE])


def _rank(connection: Connection, track_ids: Sequence[int]) -> None:
    columns = _replays.c
    query = (
        select(columns.replay_id, columns.track_id, columns.login, columns.race_time_ms)
        .where(columns.track_id.in_(track_ids))
        .order_by(columns.track_id, columns.race_time_ms.is_(None), columns.race_time_ms, columns.replay_id.desc())
    )
    positions: dict[int, int] = defaultdict(int)
    drivers: set[tuple[int, str]] = set()
    ranked = []
    counts: dict[int, int] = dict.fromkeys(track_ids, 0)
    for row in connection.execute(query).fetchall():
        counts[row.track_id] += 1
        driver = (row.track_id, row.login or f"replay {row.replay_id}")
        is_best = row.race_time_ms is not None and driver not in drivers
        drivers.add(driver)
        ranked.append({"ranked_id": row.replay_id, "place": positions[row.track_id] if is_best else None,
                       "best": is_best})  # fmt: skip
        positions[row.track_id] += is_best
    if ranked:
        place: dict[str, Any] = {"position": bindparam("place"), "is_best": bindparam("best")}
        connection.execute(update(_replays).where(columns.replay_id == bindparam("ranked_id")).values(place), ranked)
    listed = [{"counted_id": track_id, "n": n} for track_id, n in counts.items()]
    connection.execute(
        update(_tracks).where(_tracks.c.track_id == bindparam("counted_id")).values(listed_count=bindparam("n")),
        listed,
    )
