"""Walking the track list page by page: the next page is fetched while the last one is being written.

A cursor is the id of a track. The site continues behind it in the chosen order; but an id that is no longer in
the list counts as no cursor, and the walk would begin again for ever (tmx-api fact sheet, section 3, Paging). So a page
that leads back is noticed, and the walk goes on from another track that is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tmxdb.sync.filters import Filters
from tmxdb.tmx.client import Exchange
from tmxdb.tmx.records import Page, TrackRecord

STEPS_BACK = 20
"""How many older cursors are tried before a walk gives up on the list."""
UPLOADED, UPLOADED_NEWEST, UPDATED_NEWEST, ACTIVITY_NEWEST = 1, 2, 4, 10


@dataclass(frozen=True, slots=True)
class Step:
    """One page of a walk, and the cursor behind it."""

    page: Page[TrackRecord]
    cursor: int | None


class Walk:
    """The pages of one question, from `cursor` on.

    `leads_back(page, cursor)` says whether a page can not be the one behind `cursor`; `older(cursor)` names a
    track before it to go on from, or None.
    """

    def __init__(
        self,
        exchange: Exchange,
        filters: Filters,
        order1: int,
        *,
        cursor: int | None = None,
        leads_back: Callable[[Page[TrackRecord], int], bool],
        older: Callable[[int], int | None],
        note: Callable[[str], None],
    ) -> None:
        self._exchange = exchange
        self._parameters = {"order1": order1, **filters.site}
        self._cursor = cursor
        self._leads_back, self._older, self._note = leads_back, older, note

    def parameters(self) -> dict[str, str | int]:
        """What the next page is asked with."""
        after: dict[str, str | int] = {} if self._cursor is None else {"after": self._cursor}
        return self._parameters | after

    def __iter__(self) -> Iterator[Step]:
        with ThreadPoolExecutor(1, "next-page") as ahead:
            coming = ahead.submit(self._exchange.tracks, self.parameters())
            try:
                while True:
                    page = self._mended(coming.result())
                    if page.records:
                        self._cursor = page.records[-1].track_id
                    goes_on = page.more and bool(page.records)
                    if goes_on:
                        coming = ahead.submit(self._exchange.tracks, self.parameters())
                    yield Step(page, self._cursor)
                    if not goes_on:
                        return
            finally:
                coming.cancel()

    def _mended(self, page: Page[TrackRecord]) -> Page[TrackRecord]:
        """`page`, or the right one from another cursor if it leads back; an empty one if none can be found."""
        for _ in range(STEPS_BACK):
            if self._cursor is None or not self._leads_back(page, self._cursor):
                return page
            lost, self._cursor = self._cursor, self._older(self._cursor)
            where = "from the beginning" if self._cursor is None else f"behind track {self._cursor}"
            self._note(f"track {lost} is no longer in the site's list: going on {where}.")
            page = self._exchange.tracks(self.parameters())
        self._note("the site's list keeps leading back to pages we have: stopping here; run the command again later.")
        return Page((), more=False)
