"""Reading the leaderboard of one track, page by page, within limits: a faulty site may list rows without an end.

The site lists the newest version of the track first and the best time first in it. Without `best=1` there are also
beaten runs of the same driver (docs/facts/tmx-api.md#replays).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from tmxdb.errors import InvalidResponse
from tmxdb.kinds.packed import PackedRow, PackedRows, merged, sorted_run
from tmxdb.tmx.endpoints import PAGE
from tmxdb.tmx.records import REPLAY, Page, ReplayRecord

MAX_PAGES = 200
"""Pages read of one leaderboard: 200,000 replays. The longest that any client mentions have 100,000."""
MAX_EMPTY_PAGES = 20
"""Stop after this many pages in a row without a replay that counts."""

MAX_BYTES = 32_000_000
"""Size of a listing, packed. 200,000 replays take some 10 MB; values made to be incompressible take more."""

LISTED = ("replay_id", *REPLAY.columns)
"""What a row of a listing contains, in this order."""

FetchPage = Callable[[dict[str, str | int]], Page[ReplayRecord] | None]
"""A function that requests one page with these parameters; None for 404. It raises when the worker should stop."""


@dataclass(slots=True)
class LeaderboardListing:
    """The replays that were read, a run of packed rows for each page. `is_complete`: the track has no more than these.

    `item`: whose leaderboard it is, for messages. A page of a list that changes meanwhile may repeat replays of the one
    before.
    """

    runs: list[PackedRows] = field(default_factory=list)
    is_complete: bool = False
    item: str = field(default="a track", compare=False)
    _bytes: int = field(default=0, init=False, compare=False)

    def add(self, records: Iterable[ReplayRecord]) -> None:
        """Add the replays of a page. Raise InvalidResponse if the listing takes more than MAX_BYTES now."""
        run = sorted_run([record.replay_id, *record.values] for record in records)
        if run:
            self.runs.append(run)
            self._bytes += run.packed_bytes
        if self._bytes > MAX_BYTES:
            raise InvalidResponse(
                f"{self.item}: its leaderboard takes more than {MAX_BYTES / 1e6:.0f} MB, more than real ones do. Use a"
                " smaller --top if the message comes again.",
                code="tmx.too_large",
            )

    def rows(self) -> Iterator[PackedRow]:
        """Yield the values LISTED of each replay, in the order of their ids."""
        return merged(self.runs)

    def records(self) -> Iterator[ReplayRecord]:
        """Yield the replays in the order of their ids."""
        for replay_id, *values in self.rows():
            yield ReplayRecord(replay_id, tuple(values))


def best_replays(fetch: FetchPage, top: int, *, item: str = "a track") -> LeaderboardListing | None:
    """Return the best `top` valid replays of the newest version of the track, one per driver; None for 404.

    Some rows do not count (not ranked, invalid), so a few more than `top` are requested.
    """
    listing = LeaderboardListing(item=item)
    counting: list[ReplayRecord] = []
    best: set[int] = set()
    drivers: set[int] = set()
    newest: str | None = None
    after: int | None = None
    empty_pages = 0

    def found(*, is_complete: bool) -> LeaderboardListing:
        listing.add(counting)
        listing.is_complete = is_complete
        return listing

    for _ in range(MAX_PAGES):
        page = fetch(_parameters(after, best=1, count=min(PAGE, top + top // 8 + 2)))
        if page is None:
            return None if after is None else found(is_complete=False)
        before = len(best)
        for record in page.records:
            version = record["track_at"]
            newest = newest or version
            if version is not None and version != newest:
                return found(is_complete=True)  # only older versions of the track follow
            driver = record["user_id"]
            if not record.is_ranked or record.replay_id in best or driver in drivers:
                continue
            if len(best) == top:
                return found(is_complete=False)
            best.add(record.replay_id)
            counting.append(record)
            if driver is not None:
                drivers.add(driver)
        last = page.records[-1].replay_id if page.records else None
        if not page.more or last is None or (last == after and len(best) == before):
            return found(is_complete=not page.more)  # else the cursor repeats
        empty_pages = empty_pages + 1 if len(best) == before else 0
        if len(best) == top or empty_pages == MAX_EMPTY_PAGES:
            break
        listing.add(counting)
        counting.clear()
        after = last
    return found(is_complete=False)


def all_replays(fetch: FetchPage, *, item: str = "a track") -> LeaderboardListing | None:
    """Return every replay of the track: beaten, unranked and of older versions too; None for 404."""
    found = LeaderboardListing(item=item)
    cursors: set[int] = set()
    after: int | None = None
    for _ in range(MAX_PAGES):
        page = fetch(_parameters(after, count=PAGE))
        if page is None:
            return None if after is None else found
        found.add(page.records)
        after = page.records[-1].replay_id if page.records else None
        if not page.more or after is None or after in cursors:  # the cursor repeats
            found.is_complete = not page.more
            break
        cursors.add(after)
    return found


def _parameters(after: int | None, **parameters: int) -> dict[str, str | int]:
    return {**parameters} if after is None else {**parameters, "after": after}
