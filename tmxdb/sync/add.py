"""`add-tracks`: tracks that the user names. Their priorities are the lowest, so they come before
all other tracks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter

from sqlalchemy import Connection, bindparam, func, select, update

from tmxdb.clock import Clock, iso, wall_clock
from tmxdb.db.bulk import NewRows, upsert
from tmxdb.db.database import Database
from tmxdb.db.database_clock import time_of
from tmxdb.db.models import TrackRow, table_of
from tmxdb.queue.job import WorkerStopping
from tmxdb.selections.members import FIRST_OF_SELECTIONS
from tmxdb.sync.priority import pass_on
from tmxdb.sync.retrying_client import RetryingClient
from tmxdb.sync.store import store_tracks
from tmxdb.tmx.client import Exchange
from tmxdb.tmx.endpoints import IDS_AT_ONCE, PAGE
from tmxdb.tmx.records import TrackRecord

FIRST = -1_000_000_000
"""Priority of the first track that was ever added; each further one gets the next number."""
_tracks = table_of(TrackRow)


@dataclass(slots=True)
class Added:
    """How many tracks were new and known, and the ids that the site does not have."""

    new: int = 0
    known: int = 0
    missing: list[int] = field(default_factory=list)


def search(
    exchange: Exchange,
    name: str,
    limit: int,
    *,
    stop: threading.Event,
    note: Callable[[str], None] = lambda message: None,
) -> list[TrackRecord]:
    """Return tracks with `name` in their name, most awards first. Raise WorkerStopping when `stop` is set."""
    query: dict[str, str | int] = {"name": name, "order1": 6, "count": min(limit, PAGE)}
    page = RetryingClient(exchange, stop, note).request(lambda exchange: exchange.tracks(query))
    return list(page.records)[:limit]


def add_tracks(
    database: Database,
    exchange: Exchange | None,
    ids: Sequence[int],
    *,
    stop: threading.Event,
    note: Callable[[str], None] = lambda message: None,
    clock: Clock = wall_clock,
) -> Added:
    """Add each of `ids` once, in their order, looking up 100 at a time; without an exchange as ids without facts.

    When `stop` is set, return what was added until then.
    """
    added, ids = Added(), list(dict.fromkeys(ids))
    client = None if exchange is None else RetryingClient(exchange, stop, note)
    for start in range(0, len(ids), IDS_AT_ONCE):
        if stop.is_set():
            break
        chunk = list(ids[start : start + IDS_AT_ONCE])
        records: list[TrackRecord] = []
        if client is not None:
            query: dict[str, str | int] = {"id": ",".join(map(str, chunk)), "count": len(chunk)}
            try:
                page = client.request(lambda exchange, query=query: exchange.tracks(query))  # type: ignore[misc]
            except WorkerStopping:
                break
            records = [record for record in page.records if record.track_id in chunk]
            found = {record.track_id for record in records}
            added.missing += [track_id for track_id in chunk if track_id not in found]
            chunk = [track_id for track_id in chunk if track_id in found]
        if chunk:
            with database.write() as connection:
                known = write_first(connection, chunk, records, time_of(connection, clock))
            added.known += known
            added.new += len(chunk) - known
    pass_on(database)
    return added


def write_first(connection: Connection, chunk: Sequence[int], records: Sequence[TrackRecord], now_ms: int) -> int:
    """Write up to 100 tracks so that workers do them first, in this order. Return how many were known before."""
    known = connection.execute(select(_tracks.c.track_id).where(_tracks.c.track_id.in_(chunk))).scalars().all()
    store_tracks(connection, records, now_ms)
    added = select(func.max(_tracks.c.priority)).where(_tracks.c.priority < FIRST_OF_SELECTIONS)
    last = connection.execute(added).scalar()
    first = FIRST if last is None else last + 1
    now = iso(now_ms)
    rows = [{"track_id": key, "priority": first + i, "first_seen_at": now} for i, key in enumerate(chunk)]
    upsert(connection, NewRows(_tracks, rows))
    connection.execute(
        update(_tracks)
        .where(_tracks.c.track_id == bindparam("added_id"), _tracks.c.priority >= FIRST_OF_SELECTIONS)
        .values(priority=bindparam("added_priority")),
        [
            {"added_id": row["track_id"], "added_priority": row["priority"]}
            for row in sorted(rows, key=itemgetter("track_id"))  # in the order in which other writers lock them
        ],
    )
    return len(known)
