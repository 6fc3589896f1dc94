"""Where a walk through the track list has been: recognises repeated pages, and finds an older cursor to continue from.

The site takes an id that is no longer in the list for no cursor at all and answers with the first page
(docs/facts/tmx-api.md#paging). All memory here is bounded, however long the list is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from tmxdb.db.database import Database
from tmxdb.sync import store
from tmxdb.tmx.records import Page, TrackRecord

REMEMBERED = 2000
"""Tracks remembered in upload order: two pages."""
REMEMBERED_IDS = 100_000
"""Ids remembered in orders that move: the last 100 pages."""


class RecentIds:
    """The last 100,000 ids."""

    def __init__(self) -> None:
        self._order: deque[int] = deque()
        self._ids: set[int] = set()

    def __contains__(self, track_id: int) -> bool:
        return track_id in self._ids

    def add(self, track_ids: Iterable[int]) -> None:
        """Remember more ids and forget the oldest."""
        new = [track_id for track_id in dict.fromkeys(track_ids) if track_id not in self._ids]
        self._ids.update(new)
        self._order.extend(new)
        while len(self._order) > REMEMBERED_IDS:
            self._ids.discard(self._order.popleft())

    def step_back(self, cursor: int) -> int | None:
        """Forget `cursor` and everything newer. Return the id before it, or None for the first."""
        while self._order:
            newest = self._order.pop()
            if newest == cursor:
                break
        return self._order[-1] if self._order else None


class CursorCycle:
    """Recognises that the cursor of a list repeats, in constant memory (Brent's algorithm)."""

    def __init__(self) -> None:
        self._reference: int | None = None
        self._steps, self._limit = 0, 1

    def repeats(self, cursor: int) -> bool:
        """Return whether the walk was at `cursor` before. A cycle is found within a few rounds."""
        if cursor == self._reference:
            return True
        self._steps += 1
        if self._steps == self._limit:
            self._reference, self._steps, self._limit = cursor, 0, 2 * self._limit
        return False


class UploadOrderHistory:
    """For the upload order: nothing after a cursor was uploaded before it.

    `cursor` and `uploaded_at` are where the walk starts. In a list with the site's `filters` not every known track is
    a valid cursor. If none was seen in this walk, it starts again from the beginning.
    """

    def __init__(self, database: Database, cursor: int | None, uploaded_at: str | None, *, filtered: bool) -> None:
        self._database, self._filtered = database, filtered
        self._seen: deque[tuple[int, str | None]] = deque(maxlen=REMEMBERED)
        self._last_page: set[int] = set()
        if cursor is not None:
            self._seen.append((cursor, uploaded_at))

    def record(self, page: Page[TrackRecord]) -> None:
        """Remember `page` as the next page of the walk."""
        self._last_page = {record.track_id for record in page.records}
        self._seen.extend((record.track_id, record["uploaded_at"]) for record in page.records)

    def is_repeated(self, page: Page[TrackRecord], cursor: int) -> bool:
        """Return whether `page` cannot be the one after `cursor`."""
        ids = {record.track_id for record in page.records}
        if ids and ids <= self._last_page:
            return True
        first = next((moment for record in page.records if (moment := record["uploaded_at"])), None)
        cursor_uploaded_at = self.uploaded_at(cursor)
        return first is not None and cursor_uploaded_at is not None and first < cursor_uploaded_at

    def earlier_cursor(self, cursor: int) -> int | None:
        """Return a track before `cursor` to continue from, or None for the beginning."""
        while self._seen and self._seen.pop()[0] != cursor:
            pass
        if self._seen:
            return self._seen[-1][0]
        if self._filtered:
            return None
        with self._database.read() as connection:
            return store.uploaded_before(connection, cursor)

    def uploaded_at(self, cursor: int) -> str | None:
        """Return when `cursor` was uploaded, if known."""
        for track_id, moment in reversed(self._seen):
            if track_id == cursor:
                return moment
        with self._database.read() as connection:
            return store.uploaded_at(connection, cursor)


class MovingOrderHistory:
    """For an order in which tracks move while it is read: a page without any new id is repeated."""

    def __init__(self) -> None:
        self._recent = RecentIds()

    def record(self, page: Page[TrackRecord]) -> None:
        """Remember `page` as the next page of the walk."""
        self._recent.add(record.track_id for record in page.records)

    def is_repeated(self, page: Page[TrackRecord], cursor: int) -> bool:
        """Return whether `page` cannot be the one after `cursor`."""
        return bool(page.records) and all(record.track_id in self._recent for record in page.records)

    def earlier_cursor(self, cursor: int) -> int | None:
        """Return a track before `cursor` to continue from, or None for the beginning."""
        return self._recent.step_back(cursor)
