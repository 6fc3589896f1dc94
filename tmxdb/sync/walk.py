"""Walking the track list page by page: the next page is requested while the last one is being stored.

A cursor is the id of a track; the site continues after it in the chosen order. A page that repeats what was already
read is recognised (see `sync/cursor_history.py`), and the walk continues from another known track.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol

from tmxdb.errors import InvalidResponse
from tmxdb.sync.cursor_history import CursorCycle
from tmxdb.sync.filters import Filters
from tmxdb.sync.retrying_client import RetryingClient
from tmxdb.tmx.records import Page, TrackRecord

STEPS_BACK = 20
"""How many older cursors are tried in a row before a walk gives up."""
MAX_PAGES = 20_000
"""Pages of one walk: 20 million tracks, more than there are ids (docs/facts/tmx-api.md#tracks)."""
UPLOADED, UPLOADED_NEWEST, UPDATED_NEWEST, ACTIVITY_NEWEST = 1, 2, 4, 10


class CursorHistory(Protocol):
    """Where a walk has been."""

    def record(self, page: Page[TrackRecord]) -> None:
        """Remember `page` as the next page of the walk."""

    def is_repeated(self, page: Page[TrackRecord], cursor: int) -> bool:
        """Return whether `page` cannot be the one after `cursor`."""

    def earlier_cursor(self, cursor: int) -> int | None:
        """Return a track before `cursor` to continue from, or None for the beginning."""


@dataclass(frozen=True, slots=True)
class WalkedPage:
    """One page of a walk, and the cursor of the next one."""

    page: Page[TrackRecord]
    cursor: int | None


class Walk:
    """The pages of one list, starting after `cursor`. `enough(page)` says that no further page is needed.

    `per_page`: how many tracks to ask for at a time; the site may send fewer. None: as many as usual.
    """

    def __init__(
        self,
        client: RetryingClient,
        filters: Filters,
        order1: int,
        history: CursorHistory,
        *,
        cursor: int | None = None,
        enough: Callable[[Page[TrackRecord]], bool] = lambda page: False,
        per_page: int | None = None,
        note: Callable[[str], None],
    ) -> None:
        self._client, self._history = client, history
        self._parameters = {"order1": order1, **filters.site}
        if per_page is not None:
            self._parameters["count"] = per_page
        self._cursor = cursor
        self._enough, self._note = enough, note
        self._steps_back = self._pages = 0
        self._cycle = CursorCycle()

    def __iter__(self) -> Iterator[WalkedPage]:
        next_page = self._request()
        while True:
            page = self._checked(self._client.result(next_page))
            if page.records:
                self._cursor = page.records[-1].track_id
            goes_on = page.more and not self._enough(page)
            if goes_on:
                self._check_end()
                next_page = self._request()
            yield WalkedPage(page, self._cursor)
            if not goes_on:
                return

    def _request(self) -> Future[Page[TrackRecord]]:
        after: dict[str, str | int] = {} if self._cursor is None else {"after": self._cursor}
        parameters = self._parameters | after
        return self._client.begin(lambda exchange: _with_records(exchange.tracks(parameters)))

    def _checked(self, page: Page[TrackRecord]) -> Page[TrackRecord]:
        """Return `page`, or the right one from an older cursor if it is repeated. Raise InvalidResponse without one."""
        while self._cursor is not None and self._history.is_repeated(page, self._cursor):
            self._steps_back += 1
            if self._steps_back > STEPS_BACK:
                raise _repeats()
            lost, self._cursor = self._cursor, self._history.earlier_cursor(self._cursor)
            if self._cursor is None:
                self._cycle = CursorCycle()  # every page may come again
            where = "from the beginning" if self._cursor is None else f"after track {self._cursor}"
            self._note(f"Track {lost} is no longer in the site's list. Continuing {where}.")
            page = self._client.result(self._request())
        if self._cursor is not None:
            self._steps_back = 0
        self._history.record(page)
        return page

    def _check_end(self) -> None:
        """Raise InvalidResponse if the cursor repeats or the list has too many pages."""
        self._pages += 1
        if self._cursor is not None and self._cycle.repeats(self._cursor):
            raise _repeats()
        if self._pages >= MAX_PAGES:
            raise InvalidResponse(
                f"The site's track list does not end: {self._pages:,} pages were read."
                " What was read is stored. Run the same command again to read on.",
                code="tmx.endless_list",
            )


def _with_records(page: Page[TrackRecord]) -> Page[TrackRecord]:
    """Return `page`. Raise InvalidResponse for an empty one that is not the last: there is no track to go on after."""
    if page.more and not page.records:
        raise InvalidResponse(
            "The site sent an empty page of its track list although more tracks follow.", code="tmx.empty_page"
        )
    return page


def _repeats() -> InvalidResponse:
    return InvalidResponse(
        "The site's track list keeps leading back to pages that were already read."
        " Run the same command again later; it continues from here.",
        code="tmx.page_again",
    )
