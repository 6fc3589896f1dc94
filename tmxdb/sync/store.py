"""Pages into rows: upserts, the cursor beside them in the same transaction, and what a change opens again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, delete, insert, select, tuple_, update

from tmxdb.clock import iso
from tmxdb.db.bulk import NewRows, upsert
from tmxdb.db.models import Map, Sync, Track, table_of
from tmxdb.queue.settle import reopen
from tmxdb.tmx.records import TrackRecord

UNRANKED = 2**30
"""Priority of a new track until it is ranked: behind all others."""
_tracks = table_of(Track)
_maps = table_of(Map)
_syncs = table_of(Sync)


def store_tracks(connection: Connection, records: Sequence[TrackRecord], now_ms: int) -> int:
    """Insert new tracks and bring the facts of known ones up to date; answers how many were new."""
    if not records:
        return 0
    ids = [record.track_id for record in records]
    known = set(connection.execute(select(_tracks.c.track_id).where(_tracks.c.track_id.in_(ids))).scalars())
    now = iso(now_ms)
    rows = [
        {"track_id": record.track_id, "priority": UNRANKED, "synced_at": now, **record.columns} for record in records
    ]
    facts = tuple(name for name in rows[0] if name not in ("track_id", "priority"))
    upsert(connection, NewRows(_tracks, rows, update=facts))
    return len(set(ids) - known)


def reopen_changed(connection: Connection, records: Sequence[TrackRecord]) -> int:
    """Before `store_tracks`: tracks that moved since we saw them are listed again, replaced maps extracted again."""
    columns = _tracks.c
    fresh = {record.track_id: record.columns for record in records}
    known = connection.execute(
        select(columns.track_id, columns.updated_at, columns.activity_at, columns.wr_replay_id).where(
            columns.track_id.in_(fresh), columns.synced_at.is_not(None)
        )
    ).fetchall()
    replaced = [row.track_id for row in known if row.updated_at != fresh[row.track_id]["updated_at"]]
    moved = [
        row.track_id
        for row in known
        if row.track_id in set(replaced)
        or row.activity_at != fresh[row.track_id]["activity_at"]
        or row.wr_replay_id != fresh[row.track_id]["wr_replay_id"]
    ]
    if moved:
        reopen(connection, _tracks, columns.track_id.in_(moved))
    if replaced:
        reopen(connection, _maps, _maps.c.track_id.in_(replaced))
    return len(moved)


def known_sync(connection: Connection, scope: str) -> dict[str, Any] | None:
    """How far the walk `scope` has come; None if it never began."""
    row = connection.execute(select(_syncs).where(_syncs.c.scope == scope)).mappings().first()
    return dict(row) if row else None


def begin_sync(connection: Connection, scope: str, now_ms: int, *, anew: bool = False) -> dict[str, Any]:
    """The row of the walk `scope`, made if it is not there; `anew` forgets how far it had come."""
    if anew:
        connection.execute(delete(_syncs).where(_syncs.c.scope == scope))
    row = known_sync(connection, scope)
    if row is None:
        connection.execute(insert(_syncs).values(scope=scope, started_at=iso(now_ms)))
    return row or known_sync(connection, scope) or {}


def save_cursor(connection: Connection, scope: str, cursor: int | None, n: int, now_ms: int) -> None:
    """The walk `scope` has come to `cursor` with a page of `n` tracks."""
    connection.execute(
        update(_syncs)
        .where(_syncs.c.scope == scope)
        .values(
            cursor=cursor,
            pages=_syncs.c.pages + 1,
            tracks_seen=_syncs.c.tracks_seen + n,
            complete=False,
            page_at=iso(now_ms),
        )
    )


def end_sync(connection: Connection, scope: str, now_ms: int, watermark: str | None = None) -> None:
    """The walk `scope` has come to the end of the list."""
    values: dict[str, Any] = {"complete": True, "finished_at": iso(now_ms)}
    if watermark is not None:
        values["watermark"] = watermark
    connection.execute(update(_syncs).where(_syncs.c.scope == scope).values(**values))


def uploaded_at(connection: Connection, track_id: int) -> str | None:
    """When a known track was uploaded."""
    return connection.execute(select(_tracks.c.uploaded_at).where(_tracks.c.track_id == track_id)).scalar()


def uploaded_before(connection: Connection, track_id: int) -> int | None:
    """The known track that was uploaded last before `track_id`; None if there is none."""
    moment = uploaded_at(connection, track_id)
    columns = _tracks.c
    return connection.execute(
        select(columns.track_id)
        .where(tuple_(columns.uploaded_at, columns.track_id) < tuple_(moment, track_id))
        .order_by(columns.uploaded_at.desc(), columns.track_id.desc())
        .limit(1)
    ).scalar()
