"""Where a walk has been: tells a page that leads back, and names an older track to go on from.

An id that is no longer in the list counts as no cursor, so the site answers with the first page (tmx-api fact
sheet, section 3, Paging).
"""

from __future__ import annotations

from collections import deque

from tmxdb.db.engine import Database
from tmxdb.sync import store
from tmxdb.tmx.records import Page, TrackRecord

REMEMBERED = 2000


class UploadTrail:
    """By upload order: behind a cursor there is nothing that was uploaded before it.

    `cursor` and `uploaded_at` are where the walk comes from. In a list with the site's `filters` not every
    known track will do as a cursor: without one seen in this walk it begins anew.
    """

    def __init__(self, database: Database, cursor: int | None, uploaded_at: str | None, *, filtered: bool) -> None:
        self._database, self._filtered = database, filtered
        self._seen: deque[tuple[int, str | None]] = deque(maxlen=REMEMBERED)
        self._last_page: set[int] = set()
        if cursor is not None:
            self._seen.append((cursor, uploaded_at))

    def took(self, page: Page[TrackRecord]) -> None:
        """`page` is the next one."""
        self._last_page = {record.track_id for record in page.records}
        self._seen.extend((record.track_id, record.columns["uploaded_at"]) for record in page.records)

    def leads_back(self, page: Page[TrackRecord], cursor: int) -> bool:
        """Whether `page` can not be the one behind `cursor`."""
        ids = {record.track_id for record in page.records}
        if ids and ids <= self._last_page:
            return True
        first = next((moment for record in page.records if (moment := record.columns["uploaded_at"])), None)
        behind = self.uploaded_at(cursor)
        return first is not None and behind is not None and first < behind

    def older(self, cursor: int) -> int | None:
        """A track before `cursor` to go on from; None: from the beginning."""
        while self._seen and self._seen.pop()[0] != cursor:
            pass
        if self._seen:
            return self._seen[-1][0]
        if self._filtered:
            return None
        with self._database.read() as connection:
            return store.uploaded_before(connection, cursor)

    def uploaded_at(self, cursor: int) -> str | None:
        """When `cursor` was uploaded, as far as is known."""
        for track_id, moment in reversed(self._seen):
            if track_id == cursor:
                return moment
        with self._database.read() as connection:
            return store.uploaded_at(connection, cursor)


class MovingTrail:
    """In an order whose columns move: a page without any new id leads back."""

    def __init__(self) -> None:
        self._seen: set[int] = set()
        self._ids: list[int] = []

    def took(self, page: Page[TrackRecord]) -> None:
        """`page` is the next one."""
        self._ids.extend(record.track_id for record in page.records)
        self._seen.update(record.track_id for record in page.records)

    def leads_back(self, page: Page[TrackRecord], cursor: int) -> bool:
        """Whether `page` can not be the one behind `cursor`."""
        return bool(page.records) and all(record.track_id in self._seen for record in page.records)

    def older(self, cursor: int) -> int | None:
        """A track before `cursor` to go on from; None: from the beginning."""
        while self._ids and self._ids.pop() != cursor:
            pass
        return self._ids[-1] if self._ids else None
