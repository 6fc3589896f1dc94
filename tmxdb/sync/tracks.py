"""`sync-tracks`: the whole list by upload order, what is new since, what has changed, or the first N of an order."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Protocol

from tmxdb.clock import Clock, iso, wall_clock
from tmxdb.db.engine import Database
from tmxdb.sync import store
from tmxdb.sync.filters import Filters
from tmxdb.sync.walk import ACTIVITY_NEWEST, UPDATED_NEWEST, UPLOADED, Walk
from tmxdb.tmx.client import Exchange
from tmxdb.tmx.records import Page, TrackRecord


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
        self._database, self._exchange, self._watcher = database, exchange, watcher
        self._stop, self._clock = stop, clock

    def by_upload(self, filters: Filters, max_tracks: int | None = None) -> Synced:
        """The list by upload order from where the last sync came to: stable, and new tracks appear at its end."""
        scope, synced = filters.scope(UPLOADED), Synced()
        with self._database.write() as connection:
            cursor = store.begin_sync(connection, scope, self._clock())["cursor"]
        walk = Walk(
            self._exchange,
            filters,
            UPLOADED,
            cursor=cursor,
            leads_back=self._is_older,
            older=self._uploaded_before,
            note=self._watcher.note,
        )
        for step in walk:
            kept = [record for record in step.page.records if filters.wants(record)]
            with self._database.write() as connection:
                synced.new += store.store_tracks(connection, kept, self._clock())
                store.save_cursor(connection, scope, step.cursor, len(step.page.records), self._clock())
            self._count(synced, step.page, kept)
            if self._stop.is_set() or (max_tracks is not None and synced.seen >= max_tracks):
                return synced
        with self._database.write() as connection:
            store.end_sync(connection, scope, self._clock())
        synced.complete = True
        return synced

    def changed(self, filters: Filters) -> Synced:
        """Known tracks that were updated or active since we last looked, to be listed and extracted again."""
        synced = Synced(complete=True)
        for order1, column in ((UPDATED_NEWEST, "updated_at"), (ACTIVITY_NEWEST, "activity_at")):
            self._changed_by(filters, order1, column, synced)
        return synced

    def _changed_by(self, filters: Filters, order1: int, column: str, synced: Synced) -> None:
        """From the newest change back to the newest one of the last time (or to the start of the first sync)."""
        scope, newest = filters.scope(order1), None
        with self._database.write() as connection:
            first = store.known_sync(connection, filters.scope(UPLOADED))
            known = store.begin_sync(connection, scope, self._clock())
        watermark = known["watermark"] or (first["started_at"] if first else iso(0))
        for step in self._in_order(filters, order1):
            times = [record.columns[column] for record in step.page.records if record.columns[column]]
            newest = newest or max(times, default=None)
            fresh = [record for record in step.page.records if (record.columns[column] or "") >= watermark]
            kept = [record for record in fresh if filters.wants(record)]
            with self._database.write() as connection:
                synced.reopened += store.reopen_changed(connection, kept)
                synced.new += store.store_tracks(connection, kept, self._clock())
            self._count(synced, step.page, kept)
            if self._stop.is_set():
                synced.complete = False
                return
            if len(fresh) < len(step.page.records):
                break
        with self._database.write() as connection:
            store.end_sync(connection, scope, self._clock(), newest)

    def first_of(self, filters: Filters, order1: int, max_tracks: int | None) -> Synced:
        """The first `max_tracks` of another order. The order moves while it is read: it is walked in one go."""
        synced = Synced()
        for step in self._in_order(filters, order1):
            known = set(synced.ids)
            kept = [record for record in step.page.records if filters.wants(record) and record.track_id not in known]
            if max_tracks is not None:
                kept = kept[: max_tracks - len(synced.ids)]
            with self._database.write() as connection:
                synced.new += store.store_tracks(connection, kept, self._clock())
            self._count(synced, step.page, kept)
            if max_tracks is not None and len(synced.ids) >= max_tracks:
                break
            if self._stop.is_set():
                return synced
        synced.complete = True
        return synced

    def _in_order(self, filters: Filters, order1: int) -> Walk:
        """A walk in an order whose columns move: a page without any new id leads back."""
        pages: list[int] = []
        seen: set[int] = set()

        def leads_back(page: Page[TrackRecord], cursor: int) -> bool:
            ids = {record.track_id for record in page.records}
            back = bool(ids) and ids <= seen
            seen.update(ids)
            if not back:
                pages.extend(record.track_id for record in page.records)
            return back

        def older(cursor: int) -> int | None:
            while pages and pages.pop() != cursor:
                pass
            return pages[-1] if pages else None

        return Walk(self._exchange, filters, order1, leads_back=leads_back, older=older, note=self._watcher.note)

    def _is_older(self, page: Page[TrackRecord], cursor: int) -> bool:
        first = next((record.columns["uploaded_at"] for record in page.records), None)
        with self._database.read() as connection:
            behind = store.uploaded_at(connection, cursor)
        return first is not None and behind is not None and first < behind

    def _uploaded_before(self, cursor: int) -> int | None:
        with self._database.read() as connection:
            return store.uploaded_before(connection, cursor)

    def _count(self, synced: Synced, page: Page[TrackRecord], kept: list[TrackRecord]) -> None:
        synced.pages += 1
        synced.seen += len(page.records)
        synced.ids += [record.track_id for record in kept]
        for odd in page.unusable:
            self._watcher.note(f"an entry of the track list without a usable TrackId was left out: {odd}")
        self._watcher.page(synced)
