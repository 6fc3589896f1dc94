"""`add-tracks`: tracks that the user names. They get priorities below zero, so they come before all ranks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import bindparam, func, select, update

from tmxdb.clock import Clock, wall_clock
from tmxdb.db.bulk import NewRows, upsert
from tmxdb.db.engine import Database
from tmxdb.db.models import Track, table_of
from tmxdb.queue.job import GivenBack
from tmxdb.sync.patience import Asker
from tmxdb.sync.priority import hand_down
from tmxdb.sync.store import store_tracks
from tmxdb.tmx.client import Exchange
from tmxdb.tmx.endpoints import IDS_AT_ONCE
from tmxdb.tmx.records import TrackRecord

FIRST = -1_000_000_000
"""Priority of the first track ever added by hand; the next ones follow upwards."""
_tracks = table_of(Track)


@dataclass(slots=True)
class Added:
    """New tracks, known ones, and ids that the site does not have."""

    new: int = 0
    known: int = 0
    missing: list[int] = field(default_factory=list)


def parse_ids(lines: Iterable[str], where: str) -> tuple[list[int], list[str]]:
    """Track ids, one a line, and a sentence for each line that is none. Empty lines and # comments are fine."""
    ids, bad = [], []
    for number, line in enumerate(lines, 1):
        word = line.split("#", 1)[0].strip()
        if not word:
            continue
        if word.isascii() and word.isdigit() and len(word) < 20 and 0 < int(word) < 2**63:
            ids.append(int(word))
        else:
            bad.append(f"{where} {number}: {word[:60]!r} is no track id")
    return ids, bad


def search(
    exchange: Exchange,
    name: str,
    at_most: int,
    *,
    stop: threading.Event,
    note: Callable[[str], None] = lambda message: None,
) -> list[TrackRecord]:
    """Tracks with `name` in their name, most awards first. Raises GivenBack when told to stop."""
    query: dict[str, str | int] = {"name": name, "order1": 6, "count": min(at_most, 1000)}
    page = Asker(exchange, stop, note).ask(lambda exchange: exchange.tracks(query))
    return list(page.records)[:at_most]


def add_tracks(
    database: Database,
    exchange: Exchange | None,
    ids: Sequence[int],
    *,
    stop: threading.Event,
    note: Callable[[str], None] = lambda message: None,
    clock: Clock = wall_clock,
) -> Added:
    """Add `ids` in their order, asking the site about 100 at a time; without an exchange as bare ids.

    Told to stop it answers what it has added by then.
    """
    added = Added()
    asker = None if exchange is None else Asker(exchange, stop, note)
    for start in range(0, len(ids), IDS_AT_ONCE):
        if stop.is_set():
            break
        chunk = list(ids[start : start + IDS_AT_ONCE])
        records: list[TrackRecord] = []
        if asker is not None:
            query: dict[str, str | int] = {"id": ",".join(map(str, chunk)), "count": len(chunk)}
            try:
                page = asker.ask(lambda exchange, query=query: exchange.tracks(query))  # type: ignore[misc]
            except GivenBack:
                break
            records = [record for record in page.records if record.track_id in chunk]
            there = {record.track_id for record in records}
            added.missing += [track_id for track_id in chunk if track_id not in there]
            chunk = [track_id for track_id in chunk if track_id in there]
        _write(database, chunk, records, added, clock())
    hand_down(database)
    return added


def _write(database: Database, chunk: list[int], records: list[TrackRecord], added: Added, now_ms: int) -> None:
    if not chunk:
        return
    with database.write() as connection:
        known = set(connection.execute(select(_tracks.c.track_id).where(_tracks.c.track_id.in_(chunk))).scalars())
        store_tracks(connection, records, now_ms)
        last = connection.execute(select(func.max(_tracks.c.priority)).where(_tracks.c.priority < 0)).scalar()
        first = FIRST if last is None else last + 1
        rows = [{"track_id": track_id, "priority": first + i} for i, track_id in enumerate(chunk)]
        upsert(connection, NewRows(_tracks, rows))
        connection.execute(
            update(_tracks)
            .where(_tracks.c.track_id == bindparam("added_id"), _tracks.c.priority >= 0)
            .values(priority=bindparam("place")),
            [{"added_id": row["track_id"], "place": row["priority"]} for row in rows],
        )
    added.known += len(known)
    added.new += len(chunk) - len(known)
