"""Storing pages: upserts, the cursor in the same transaction, and reopening what a change affects."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, Table, Update, bindparam, func, insert, select, tuple_, update

from tmxdb.clock import iso
from tmxdb.db.bulk import RowStream, execute_once, fetch, upsert_streams
from tmxdb.db.dialect import any_of, array, engine_name, locking
from tmxdb.db.models import MapRow, ReplayRow, SyncRow, TrackRow, table_of
from tmxdb.queue.rows.settle import release_claimed, reopen
from tmxdb.tmx.fields import Values
from tmxdb.tmx.records import TRACK, TrackRecord

UNRANKED = 2**30
"""Priority of a new track until it is ranked: after all others."""
_tracks = table_of(TrackRow)
_maps = table_of(MapRow)
_replays = table_of(ReplayRow)
_syncs = table_of(SyncRow)


@dataclass(frozen=True, slots=True)
class Stored:
    """How many tracks of a page were new, and how many known ones were reopened."""

    new: int = 0
    reopened: int = 0


def store_tracks(
    connection: Connection, records: Sequence[TrackRecord], now_ms: int, absent: Collection[int] = ()
) -> Stored:
    """Insert new tracks, update known ones, and reopen those that have changed.

    `absent`: tracks that were asked for and that the site no longer has. Only when they were asked for is stored.

    A change must be acted on in the same transaction: once it is stored, it can no longer be recognised.
    """
    if not records and not absent:
        return Stored()
    listed = {record.track_id: record.values for record in records}
    engine, now = engine_name(connection), iso(now_ms)
    rows = fetch(connection, _known(engine), {"listed": array({*listed, *absent}, engine)})
    known = [row for row in rows if row[0] in listed]
    changed = [row for row in known if row[2:] != listed[row[0]]]
    reopened = _reopen_changed(connection, [row for row in changed if row.synced_at is not None], listed)
    same = {row[0] for row in rows}.difference(row[0] for row in changed)
    if same:
        execute_once(connection, _read_again(engine), {"same": array(same, engine), "now": now})
    written = [(key, *listed[key], now, now, UNRANKED) for key in sorted(listed.keys() - same)]
    if written:
        names = ("track_id", *TRACK.columns, "synced_at", "first_seen_at", "priority")
        upsert_streams(connection, [RowStream(_tracks, names, written, {}, (*TRACK.columns, "synced_at"))])
    _compare_uids(connection, _different(changed, listed, "uid"))
    return Stored(len(listed) - len(known), reopened)


@cache
def _known(engine: str) -> Select[Any]:
    """Return the statement that selects what is stored of the tracks `listed`: id, when it was read, TRACK.columns.

    The rows are locked in the order of their keys, as by any other writer, because they are updated in two steps.
    """
    columns = _tracks.c
    known = select(columns.track_id, columns.synced_at, *(columns[name] for name in TRACK.columns))
    return locking(known.where(any_of(columns.track_id, "listed", engine)).order_by(columns.track_id))


@cache
def _read_again(engine: str) -> Update:
    """Return the statement for tracks that keep the stored facts: the time alone is new."""
    return update(_tracks).where(any_of(_tracks.c.track_id, "same", engine)).values(synced_at=bindparam("now"))


def _reopen_changed(connection: Connection, known: Sequence[Any], listed: Mapping[int, Values]) -> int:
    """Reopen the listing of changed tracks and the extraction of replaced maps. Return how many tracks changed.

    What a worker is doing with them now may rest on the answers from before the change, and is done again.
    """
    replaced = set(_different(known, listed, "updated_at"))
    moved = replaced.union(_different(known, listed, "activity_at"), _different(known, listed, "wr_replay_id"))
    if moved:
        _do_again(connection, _tracks, moved)
    if replaced:
        _do_again(connection, _maps, replaced)
    return len(moved)


def _do_again(connection: Connection, table: Table, track_ids: Collection[int]) -> None:
    of_tracks = table.c.track_id.in_(track_ids)
    reopen(connection, table, of_tracks)
    release_claimed(connection, table, of_tracks)


def _different(known: Iterable[Any], listed: Mapping[int, Values], column: str) -> list[int]:
    """Return the tracks of which another value is listed than stored in `column`."""
    at = TRACK.position[column]
    return [row.track_id for row in known if getattr(row, column) != listed[row.track_id][at]]


def _compare_uids(connection: Connection, track_ids: Sequence[int]) -> None:
    """Compare the files of these tracks with the uid of their new map, and reopen the maps that are not it.

    The results of running rows are still compared with the older uid, so these rows are done again.
    """
    if not track_ids:
        return
    for table, uid, matches in (
        (_replays, _replays.c.map_uid, _replays.c.map_uid_matches),
        (_maps, _maps.c.uid, _maps.c.uid_matches),
    ):
        of_tracks = table.c.track_id.in_(track_ids)
        key = next(iter(table.primary_key))
        connection.execute(locking(select(key).where(of_tracks).order_by(key))).close()  # updated in two steps
        present = select(_tracks.c.uid).where(_tracks.c.track_id == table.c.track_id).scalar_subquery()
        connection.execute(update(table).where(of_tracks, uid.is_not(None)).values({matches: uid == present}))
        release_claimed(connection, table, of_tracks)
    reopen(connection, _maps, _maps.c.track_id.in_(track_ids), _maps.c.status == "done", _maps.c.uid_matches.is_(False))


def known_sync(connection: Connection, scope: str) -> dict[str, Any] | None:
    """Return the row of the walk `scope`, or None if it never started."""
    row = connection.execute(select(_syncs).where(_syncs.c.scope == scope)).mappings().first()
    return dict(row) if row else None


def begin_sync(connection: Connection, scope: str, now_ms: int) -> dict[str, Any]:
    """Return the row of the walk `scope`, inserting it if needed."""
    row = known_sync(connection, scope)
    if row is None:
        connection.execute(insert(_syncs).values(scope=scope, started_at=iso(now_ms)))
    return row or known_sync(connection, scope) or {}


def save_cursor(
    connection: Connection, scope: str, cursor: int | None, uploaded_at: str | None, n: int, now_ms: int
) -> None:
    """Store that the walk `scope` has reached `cursor`, uploaded at `uploaded_at`, with a page of `n` tracks."""
    connection.execute(
        update(_syncs)
        .where(_syncs.c.scope == scope)
        .values(
            cursor=cursor,
            watermark=uploaded_at,
            pages=_syncs.c.pages + 1,
            tracks_seen=_syncs.c.tracks_seen + n,
            complete=False,
            page_at=iso(now_ms),
        )
    )


def end_sync(connection: Connection, scope: str, now_ms: int, watermark: str | None = None) -> None:
    """Store that the walk `scope` has reached the end of the list."""
    values: dict[str, Any] = {"complete": True, "finished_at": iso(now_ms)}
    if watermark is not None:
        values["watermark"] = watermark
    connection.execute(update(_syncs).where(_syncs.c.scope == scope).values(**values))


def save_watermark(connection: Connection, scope: str, watermark: str) -> None:
    """Store that the walk `scope` knows all changes before `watermark`."""
    connection.execute(update(_syncs).where(_syncs.c.scope == scope).values(watermark=watermark))


def first_watermark(connection: Connection, first_scope: str, column: str, now: str) -> str:
    """Return the time from which changes are new, for the first check after the walk `first_scope`: `now` or before."""
    newest = connection.execute(select(func.max(_tracks.c[column])).where(_tracks.c[column] <= now)).scalar()
    first = known_sync(connection, first_scope)
    return min([moment for moment in (newest, first and first["started_at"]) if moment], default="")


def uploaded_at(connection: Connection, track_id: int) -> str | None:
    """Return when a known track was uploaded."""
    return connection.execute(select(_tracks.c.uploaded_at).where(_tracks.c.track_id == track_id)).scalar()


def uploaded_before(connection: Connection, track_id: int) -> int | None:
    """Return the last known track uploaded before `track_id`, or None."""
    moment = uploaded_at(connection, track_id)
    columns = _tracks.c
    return connection.execute(
        select(columns.track_id)
        .where(tuple_(columns.uploaded_at, columns.track_id) < tuple_(moment, track_id))
        .order_by(columns.uploaded_at.desc(), columns.track_id.desc())
        .limit(1)
    ).scalar()
