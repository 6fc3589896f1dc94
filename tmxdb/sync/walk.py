"""Walking the track list page by page: the next page is fetched while the last one is being written.

A cursor is the id of a track; the site continues behind it in the chosen order. A page that leads back instead
(see `sync/trail.py`) is noticed, and the walk goes on from another track that is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from tmxdb.errors import WrongBody
from tmxdb.sync.filters import Filters
from tmxdb.sync.patience import Asker, Coming
from tmxdb.tmx.records import Page, TrackRecord

STEPS_BACK = 20
"""How many older cursors are tried in a row before a walk gives up on the list."""
UPLOADED, UPLOADED_NEWEST, UPDATED_NEWEST, ACTIVITY_NEWEST = 1, 2, 4, 10


class Trail(Protocol):
    """Where a walk has been."""

    def took(self, page: Page[TrackRecord]) -> None:
        """`page` is the next one."""

    def leads_back(self, page: Page[TrackRecord], cursor: int) -> bool:
        """Whether `page` can not be the one behind `cursor`."""

    def older(self, cursor: int) -> int | None:
        """A track before `cursor` to go on from; None: from the beginning."""


@dataclass(frozen=True, slots=True)
class Step:
    """One page of a walk, and the cursor behind it."""

    page: Page[TrackRecord]
    cursor: int | None


class Walk:
    """The pages of one question, from `cursor` on. No page is asked for behind one of which `enough` says so."""

    def __init__(
        self,
        asker: Asker,
        filters: Filters,
        order1: int,
        trail: Trail,
        *,
        cursor: int | None = None,
        enough: Callable[[Page[TrackRecord]], bool] = lambda page: False,
        note: Callable[[str], None],
    ) -> None:
        self._asker, self._trail = asker, trail
        self._parameters = {"order1": order1, **filters.site}
        self._cursor = cursor
        self._enough, self._note = enough, note
        self._steps_back = 0

    def __iter__(self) -> Iterator[Step]:
        coming = self._next()
        while True:
            page = self._mended(coming.result())
            if page.records:
                self._cursor = page.records[-1].track_id
            goes_on = page.more and bool(page.records) and not self._enough(page)
            if goes_on:
                coming = self._next()
            yield Step(page, self._cursor)
            if not goes_on:
                return

    def _next(self) -> Coming[Page[TrackRecord]]:
        after: dict[str, str | int] = {} if self._cursor is None else {"after": self._cursor}
        parameters = self._parameters | after
        return self._asker.begin(lambda exchange: exchange.tracks(parameters))

    def _mended(self, page: Page[TrackRecord]) -> Page[TrackRecord]:
        """`page`, or the right one from another cursor if it leads back. Raises WrongBody if none can be found."""
        while self._cursor is not None and self._trail.leads_back(page, self._cursor):
            self._steps_back += 1
            if self._steps_back > STEPS_BACK:
                raise WrongBody(
                    "The site's track list keeps leading back to pages we have."
                    " Run the same command again later; it goes on from here.",
                    code="tmx.page_again",
                )
            lost, self._cursor = self._cursor, self._trail.older(self._cursor)
            where = "from the beginning" if self._cursor is None else f"behind track {self._cursor}"
            self._note(f"track {lost} is no longer in the site's list: going on {where}.")
            page = self._next().result()
        if self._cursor is not None:
            self._steps_back = 0
        self._trail.took(page)
        return page
