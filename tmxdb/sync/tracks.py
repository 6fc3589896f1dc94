"""`sync-tracks`: the whole list by upload order, what is new since, what has changed, or the first N of an order."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from sqlalchemy import Connection

from tmxdb.clock import Clock, wall_clock
from tmxdb.db.engine import Database
from tmxdb.queue.job import GivenBack
from tmxdb.sync import store
from tmxdb.sync.filters import Filters
from tmxdb.sync.patience import Asker
from tmxdb.sync.trail import MovingTrail, UploadTrail
from tmxdb.sync.walk import ACTIVITY_NEWEST, UPDATED_NEWEST, UPLOADED, Walk
from tmxdb.tmx.client import Exchange
from tmxdb.tmx.records import Page, TrackRecord

_CHANGES = ((UPDATED_NEWEST, "updated_at"), (ACTIVITY_NEWEST, "activity_at"))


@dataclass(slots=True)
class Synced:
    """What a sync saw. `ids`: the tracks kept, in the site's order."""

    pages: int = 0
    seen: int = 0
    new: int = 0
    reopened: int = 0
    complete: bool = False
    ids: list[int] = field(default_factory=list)


class Watcher(Protocol):
    """Who watches a sync."""

    def page(self, synced: Synced) -> None:
        """A page was written."""

    def note(self, message: str) -> None:
        """Something a person should know."""


class TrackSync:
    """Brings the table `tracks` up to what the site lists. Killed anywhere it loses and doubles nothing."""

    def __init__(
        self,
        database: Database,
        exchange: Exchange,
        watcher: Watcher,
        *,
        stop: threading.Event,
        clock: Clock = wall_clock,
    ) -> None:
        self._database, self._watcher = database, watcher
        self._asker = Asker(exchange, stop, watcher.note)
        self._stop, self._clock = stop, clock

    def by_upload(self, filters: Filters, max_tracks: int | None = None) -> Synced:
        """The list by upload order from where the last sync came to: stable, and new tracks appear at its end."""
        scope, synced = filters.scope(UPLOADED), Synced()
        with self._database.write() as connection:
            known = store.begin_sync(connection, scope, self._clock())
        trail = UploadTrail(self._database, known["cursor"], known["watermark"], filtered=bool(filters.site))
        taking = _Taking(filters, synced, max_tracks)
        walk = self._walk(filters, UPLOADED, trail, taking, cursor=known["cursor"])
        with suppress(GivenBack):
            for step in walk:
                kept, read = taking.of(step.page)
                whole = len(read) == len(step.page.records)
                cursor = step.cursor if whole else read[-1].track_id
                behind = trail.uploaded_at(cursor) if cursor is not None else None
                with self._database.write() as connection:
                    self._store(connection, kept, synced)
                    store.save_cursor(connection, scope, cursor, behind, len(read), self._clock())
                self._count(synced, step.page, len(read), kept)
                if self._stop.is_set() or not whole or (taking.full() and step.page.more):
                    return synced
            with self._database.write() as connection:
                store.end_sync(connection, scope, self._clock())
                for order1, column in _CHANGES:
                    self._known_change(connection, filters, order1, column)
            synced.complete = True
        return synced

    def changed(self, filters: Filters) -> Synced:
        """Known tracks that were updated or active since we last looked, to be listed and extracted again."""
        synced = Synced(complete=True)
        for order1, column in _CHANGES:
            try:
                self._changed_by(filters, order1, column, synced)
            except GivenBack:
                synced.complete = False
        return synced

    def _changed_by(self, filters: Filters, order1: int, column: str, synced: Synced) -> None:
        """From the newest change back to the newest one of the last time."""
        newest = None
        with self._database.write() as connection:
            watermark = self._known_change(connection, filters, order1, column)

        def changed(record: TrackRecord) -> bool:
            return (record.columns[column] or "") >= watermark

        def enough(page: Page[TrackRecord]) -> bool:
            return not all(map(changed, page.records))

        for step in self._walk(filters, order1, MovingTrail(), enough):
            times = [record.columns[column] for record in step.page.records if record.columns[column]]
            newest = max([*times, *([newest] if newest else [])], default=None)
            kept = [record for record in step.page.records if changed(record) and filters.wants(record)]
            with self._database.write() as connection:
                self._store(connection, kept, synced)
            self._count(synced, step.page, len(step.page.records), kept)
            if self._stop.is_set():
                raise GivenBack("told to stop")
        with self._database.write() as connection:
            store.end_sync(connection, filters.scope(order1), self._clock(), newest)

    def _known_change(self, connection: Connection, filters: Filters, order1: int, column: str) -> str:
        """Until when changes are known. Before the first look at them that is the start of the first sync.

        What it read early may have changed while it went on. Or it is the newest change that it has seen, should
        our clock be ahead of the site's.
        """
        scope = filters.scope(order1)
        known: str | None = store.begin_sync(connection, scope, self._clock())["watermark"]
        if known is None:
            known = store.first_watermark(connection, filters.scope(UPLOADED), column)
            store.save_watermark(connection, scope, known)
        return known

    def first_of(self, filters: Filters, order1: int, max_tracks: int | None) -> Synced:
        """The first `max_tracks` of another order. The order moves while it is read: it is walked in one go."""
        synced = Synced()
        taking = _Taking(filters, synced, max_tracks)
        with suppress(GivenBack):
            for step in self._walk(filters, order1, MovingTrail(), taking):
                kept, read = taking.of(step.page)
                with self._database.write() as connection:
                    self._store(connection, kept, synced)
                self._count(synced, step.page, len(read), kept)
                if self._stop.is_set() and not taking.full():
                    return synced
            synced.complete = True
        return synced

    def _walk(
        self,
        filters: Filters,
        order1: int,
        trail: UploadTrail | MovingTrail,
        enough: Callable[[Page[TrackRecord]], bool],
        cursor: int | None = None,
    ) -> Walk:
        return Walk(self._asker, filters, order1, trail, cursor=cursor, enough=enough, note=self._watcher.note)

    def _store(self, connection: Connection, kept: list[TrackRecord], synced: Synced) -> None:
        stored = store.store_tracks(connection, kept, self._clock())
        synced.new += stored.new
        synced.reopened += stored.reopened

    def _count(self, synced: Synced, page: Page[TrackRecord], read: int, kept: Iterable[TrackRecord]) -> None:
        synced.pages += 1
        synced.seen += read
        synced.ids += [record.track_id for record in kept]
        for odd in page.unusable:
            self._watcher.note(f"an entry of the track list without a usable TrackId was left out: {odd}")
        self._watcher.page(synced)


class _Taking:
    """What is taken of each page: wanted tracks that are not yet among `synced.ids`, up to `at_most` altogether."""

    def __init__(self, filters: Filters, synced: Synced, at_most: int | None) -> None:
        self._filters, self._synced, self._at_most = filters, synced, at_most
        self._known: set[int] = set()
        self._counted = 0

    def __call__(self, page: Page[TrackRecord]) -> bool:
        """Whether nothing is needed behind `page`."""
        return self._at_most is not None and len(self._synced.ids) + len(self.of(page)[0]) >= self._at_most

    def of(self, page: Page[TrackRecord]) -> tuple[list[TrackRecord], list[TrackRecord]]:
        """The tracks taken of `page`, and all that were read until the last of them was found."""
        self._known.update(self._synced.ids[self._counted :])
        self._counted = len(self._synced.ids)
        kept: list[TrackRecord] = []
        for n, record in enumerate(page.records, 1):
            if self._filters.wants(record) and record.track_id not in self._known:
                kept.append(record)
                if self._at_most is not None and self._counted + len(kept) >= self._at_most:
                    return kept, list(page.records[:n])
        return kept, list(page.records)

    def full(self) -> bool:
        """Whether as many as wanted are there."""
        return self._at_most is not None and len(self._synced.ids) >= self._at_most
