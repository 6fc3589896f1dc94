"""`sync-tracks`: the whole list in upload order, what is new, what has changed, or the first N of another order."""

from __future__ import annotations

import threading
from array import array
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from sqlalchemy import Connection

from tmxdb.clock import Clock, iso, wall_clock
from tmxdb.db.database import Database
from tmxdb.db.database_clock import DatabaseClock
from tmxdb.db.models import TrackRow
from tmxdb.db.selected import existing_ids
from tmxdb.queue.job import WorkerStopping
from tmxdb.sync import store
from tmxdb.sync.cursor_history import MovingOrderHistory, RecentIds, UploadOrderHistory
from tmxdb.sync.filters import Filters
from tmxdb.sync.retrying_client import RetryingClient
from tmxdb.sync.walk import ACTIVITY_NEWEST, UPDATED_NEWEST, UPLOADED, CursorHistory, Walk
from tmxdb.tmx.client import Exchange
from tmxdb.tmx.records import Page, TrackRecord

_CHANGE_ORDERS = ((ACTIVITY_NEWEST, "activity_at"), (UPDATED_NEWEST, "updated_at"))
_CLOCK_SLACK_MS = 86_400_000
"""A stored change may be this far ahead, because the clock was set back. A later time cannot be true."""


@dataclass(slots=True)
class Synced:
    """Counts of a sync so far. `ids`: the tracks kept by `first_of`, in the site's order."""

    pages: int = 0
    seen: int = 0
    kept: int = 0
    new: int = 0
    reopened: int = 0
    complete: bool = False
    ids: array[int] = field(default_factory=lambda: array("q"))


class SyncListener(Protocol):
    """Follows the progress of a sync."""

    def page(self, synced: Synced) -> None:
        """Called after a page was stored."""

    def note(self, message: str) -> None:
        """Called with a message for people."""


class TrackSync:
    """Brings the table `tracks` up to date with the site's list. Killed at any point, it loses and doubles nothing."""

    def __init__(
        self,
        database: Database,
        exchange: Exchange,
        listener: SyncListener,
        *,
        stop: threading.Event,
        clock: Clock = wall_clock,
        per_page: int | None = None,
    ) -> None:
        """`per_page`: tracks to ask for at a time; None: as many as usual."""
        self._database, self._listener = database, listener
        self._client = RetryingClient(exchange, stop, listener.note)
        self._stop, self._now, self._per_page = stop, DatabaseClock(clock), per_page

    def by_upload(self, filters: Filters, max_tracks: int | None = None) -> Synced:
        """Read the list in upload order from where the last sync ended. New tracks appear at its end."""
        scope, synced = filters.scope(UPLOADED), Synced()
        with self._database.write() as connection:
            known = store.begin_sync(connection, scope, self._now.read(connection))
        history = UploadOrderHistory(self._database, known["cursor"], known["watermark"], filtered=bool(filters.site))
        chosen = _Chosen(filters, max_tracks)
        walk = self._walk(filters, UPLOADED, history, chosen.is_full_after, cursor=known["cursor"])
        with suppress(WorkerStopping):
            for step in walk:
                kept, read = chosen.take(step.page)
                is_complete_page = len(read) == len(step.page.records)
                cursor = step.cursor if is_complete_page else read[-1].track_id
                uploaded_at = history.uploaded_at(cursor) if cursor is not None else None
                with self._database.write() as connection:
                    self._store(connection, kept, synced)
                    store.save_cursor(connection, scope, cursor, uploaded_at, len(read), self._now.read(connection))
                self._count(synced, step.page, len(read), len(kept))
                if self._stop.is_set() or not is_complete_page or (chosen.is_full and step.page.more):
                    return synced
            with self._database.write() as connection:
                store.end_sync(connection, scope, self._now.read(connection))
                for order1, column in _CHANGE_ORDERS:
                    self._known_change(connection, filters, order1, column)
            synced.complete = True
        return synced

    def changed(self, filters: Filters, max_pages: int | None = None) -> Synced:
        """Reopen known tracks that were active or updated since the last call, to list and extract them again.

        Tracks that the database does not have are not added: that would be the whole site, where a part was chosen.
        `max_pages`: the most pages to read, at least one of each order if it allows. A call that ends before it
        has read all changes does not count as the last one: the next call reads the same pages first.
        """
        synced = Synced(complete=True)
        for later, (order1, column) in zip((1, 0), _CHANGE_ORDERS, strict=True):
            left = None if max_pages is None else max_pages - synced.pages
            if left == 0:
                synced.complete = False
                break
            try:
                self._changed_by(filters, order1, column, synced, left and max(1, left - later))
            except WorkerStopping:
                synced.complete = False
        return synced

    def first_of(self, filters: Filters, order1: int, max_tracks: int | None) -> Synced:
        """Read the first `max_tracks` of another order. It moves while it is read, so it is read in one go."""
        synced, chosen = Synced(), _Chosen(filters, max_tracks)
        with suppress(WorkerStopping):
            for step in self._walk(filters, order1, MovingOrderHistory(), chosen.is_full_after):
                kept, read = chosen.take(step.page)
                with self._database.write() as connection:
                    self._store(connection, kept, synced)
                synced.ids.extend(record.track_id for record in kept)
                self._count(synced, step.page, len(read), len(kept))
                if self._stop.is_set() and not chosen.is_full:
                    return synced
            synced.complete = True
        return synced

    def _changed_by(self, filters: Filters, order1: int, column: str, synced: Synced, max_pages: int | None) -> None:
        """Read from the newest change back to the newest one of the last time, or `max_pages` pages.

        A time in the future is no time of a change: after it, no real one would be newer.
        """
        newest = None
        with self._database.write() as connection:
            now = iso(self._now.read(connection))
            watermark = self._known_change(connection, filters, order1, column)

        def is_changed(record: TrackRecord) -> bool:
            return (record[column] or "") >= watermark

        pages, reaches_known = 0, False

        def enough(page: Page[TrackRecord]) -> bool:
            nonlocal pages, reaches_known
            pages, reaches_known = pages + 1, not all(map(is_changed, page.records))
            return reaches_known or pages == max_pages

        for step in self._walk(filters, order1, MovingOrderHistory(), enough):
            times = [time for record in step.page.records if (time := record[column]) and time <= now]
            newest = max([*times, *([newest] if newest else [])], default=None)
            kept = [record for record in step.page.records if is_changed(record) and filters.accepts(record)]
            with self._database.write() as connection:
                known = existing_ids(connection, TrackRow.track_id, [record.track_id for record in kept])
                kept = [record for record in kept if record.track_id in known]
                self._store(connection, kept, synced)
            self._count(synced, step.page, len(step.page.records), len(kept))
            if self._stop.is_set():
                raise WorkerStopping("the sync is stopping")
        if pages == max_pages and not reaches_known:
            synced.complete = False
            return
        with self._database.write() as connection:
            store.end_sync(connection, filters.scope(order1), self._now.read(connection), newest)

    def _known_change(self, connection: Connection, filters: Filters, order1: int, column: str) -> str:
        """Return the time up to which changes are known.

        Before the first call that is the start of the first sync, because what it read early may have changed while it
        went on; or the newest change that it saw, if our clock is ahead of the site's.
        """
        scope, now_ms = filters.scope(order1), self._now.read(connection)
        known: str | None = store.begin_sync(connection, scope, now_ms)["watermark"]
        if known is None or known > iso(now_ms + _CLOCK_SLACK_MS):  # stored by a version that believed any time
            known = store.first_watermark(connection, filters.scope(UPLOADED), column, iso(now_ms))
            store.save_watermark(connection, scope, known)
        return known

    def _walk(
        self,
        filters: Filters,
        order1: int,
        history: CursorHistory,
        enough: Callable[[Page[TrackRecord]], bool],
        cursor: int | None = None,
    ) -> Walk:
        return Walk(
            self._client,
            filters,
            order1,
            history,
            cursor=cursor,
            enough=enough,
            per_page=self._per_page,
            note=self._listener.note,
        )

    def _store(self, connection: Connection, kept: Sequence[TrackRecord], synced: Synced) -> None:
        stored = store.store_tracks(connection, kept, self._now.read(connection))
        synced.new += stored.new
        synced.reopened += stored.reopened

    def _count(self, synced: Synced, page: Page[TrackRecord], read: int, kept: int) -> None:
        synced.pages += 1
        synced.seen += read
        synced.kept += kept
        for entry in page.unusable:
            self._listener.note(f"Dropped an entry of the track list without a usable TrackId: {entry}")
        self._listener.page(synced)


class _Chosen:
    """Chooses the tracks of each page: accepted by the filters, not yet chosen, `at_most` altogether."""

    def __init__(self, filters: Filters, at_most: int | None) -> None:
        self._filters, self._at_most = filters, at_most
        self._recent, self._count = RecentIds(), 0

    @property
    def is_full(self) -> bool:
        """Whether `at_most` tracks are chosen."""
        return self._at_most is not None and self._count >= self._at_most

    def is_full_after(self, page: Page[TrackRecord]) -> bool:
        """Return whether nothing is needed after `page`."""
        return self._at_most is not None and self._count + len(self._choose(page)[0]) >= self._at_most

    def take(self, page: Page[TrackRecord]) -> tuple[list[TrackRecord], list[TrackRecord]]:
        """Choose from `page`. Return the chosen tracks, and all that were read up to the last of them."""
        kept, read = self._choose(page)
        self._count += len(kept)
        self._recent.add(record.track_id for record in kept)
        return kept, read

    def _choose(self, page: Page[TrackRecord]) -> tuple[list[TrackRecord], list[TrackRecord]]:
        kept: list[TrackRecord] = []
        for n, record in enumerate(page.records, 1):
            if self._filters.accepts(record) and record.track_id not in self._recent:
                kept.append(record)
                if self._at_most is not None and self._count + len(kept) >= self._at_most:
                    return kept, list(page.records[:n])
        return kept, list(page.records)
