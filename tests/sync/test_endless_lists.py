"""Track lists without an end: a circle or ever new pages end the sync, in little memory."""

from __future__ import annotations

import threading
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmxdb.db.database import Database
from tmxdb.errors import InvalidResponse
from tmxdb.sync import cursor_history, walk
from tmxdb.sync.cursor_history import CursorCycle, RecentIds
from tmxdb.sync.filters import Filters
from tmxdb.sync.tracks import Synced, TrackSync
from tmxdb.tmx.records import Page, TrackRecord, track_record

Pages = Callable[[int | None], Page[TrackRecord]]
"""A function from a cursor to the page behind it."""


class FakeExchange:
    """An exchange whose list is a function, without HTTP."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self.breaker = SimpleNamespace(has_answered=True)
        self.requests = 0

    def tracks(self, parameters: Mapping[str, str | int]) -> Page[TrackRecord]:
        self.requests += 1
        after = parameters.get("after")
        return self._pages(None if after is None else int(after))


class SilentListener:
    def page(self, synced: Synced) -> None:
        pass

    def note(self, message: str) -> None:
        pass


def page_of(first: int, n: int = 10) -> Page[TrackRecord]:
    """Return `n` tracks without UploadedAt, always with more behind them."""
    records = [track_record({"TrackId": first + i}) for i in range(n)]
    return Page(tuple(record for record in records if record is not None), True)


def circle(period: int) -> Pages:
    """Return `period` pages of ten, the last of which leads to the first again."""

    def pages(after: int | None) -> Page[TrackRecord]:
        start = 0 if after is None or after >= period * 10 else after
        return page_of(start + 1, min(10, period * 10 - start))

    return pages


@pytest.fixture
def sync(sqlite: Database) -> Iterator[Callable[[FakeExchange], TrackSync]]:
    stop = threading.Event()
    yield lambda exchange: TrackSync(sqlite, exchange, SilentListener(), stop=stop)  # type: ignore[arg-type]
    stop.set()


READS: dict[str, Callable[[TrackSync], Synced]] = {
    "in upload order": lambda sync: sync.by_upload(Filters()),
    "in upload order with a filter": lambda sync: sync.by_upload(Filters({"mood": 1})),
    "by awards": lambda sync: sync.first_of(Filters(), 6, None),
    "changes": lambda sync: sync.changed(Filters()),
}


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("period", [1, 2, 3, 7])
def test_pages_in_a_circle_without_upload_times_end_the_sync(
    sync: Callable[[FakeExchange], TrackSync], period: int, read: str
) -> None:
    exchange = FakeExchange(circle(period))
    with pytest.raises(InvalidResponse, match="leading back"):
        READS[read](sync(exchange))
    assert exchange.requests < 20 * (period + 3)


@pytest.mark.parametrize("read", ["in upload order", "by awards"])
def test_a_list_of_ever_new_tracks_ends_at_the_limit_of_pages(
    sync: Callable[[FakeExchange], TrackSync], monkeypatch: pytest.MonkeyPatch, read: str
) -> None:
    monkeypatch.setattr(walk, "MAX_PAGES", 30)
    exchange = FakeExchange(lambda after: page_of((after or 0) + 1))
    with pytest.raises(InvalidResponse, match="does not end: 30 pages were read"):
        READS[read](sync(exchange))
    assert exchange.requests == 30


@pytest.mark.parametrize("read", READS)
def test_an_empty_page_that_is_not_the_last_does_not_complete_a_list(
    sync: Callable[[FakeExchange], TrackSync], monkeypatch: pytest.MonkeyPatch, sqlite: Database, read: str
) -> None:
    """Taken for the end, it would remove tracks from a selection, and changes after it would never be read."""
    monkeypatch.setattr("tmxdb.sync.retrying_client.backoff_s", lambda *_, **__: 0.0)
    exchange = FakeExchange(lambda after: page_of(1) if after is None else Page((), True))
    with pytest.raises(InvalidResponse, match=r"an empty page of its track list .* Gave up") as refused:
        READS[read](sync(exchange))
    assert refused.value.code == "tmx.empty_page"
    with sqlite.read() as connection:
        assert not any(connection.exec_driver_sql("select complete from syncs").scalars())


@given(st.integers(0, 50), st.integers(1, 50))
def test_every_circle_is_found_within_a_few_rounds(lead_in: int, period: int) -> None:
    cycle = CursorCycle()
    cursors = [*range(lead_in), *[lead_in + i % period for i in range(8 * (lead_in + period) + 8)]]
    assert any(cycle.repeats(cursor) for cursor in cursors)


@given(st.lists(st.integers(), unique=True))
def test_a_list_without_a_circle_is_never_taken_for_one(cursors: list[int]) -> None:
    cycle = CursorCycle()
    assert not any(cycle.repeats(cursor) for cursor in cursors)


def test_only_the_last_ids_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cursor_history, "REMEMBERED_IDS", 1000)
    recent = RecentIds()
    recent.add(range(1000))
    tracemalloc.start()
    try:
        for start in range(1000, 200_000, 1000):
            recent.add(range(start, start + 1000))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000
    assert 199_999 in recent
    assert 198_000 not in recent
    assert recent.step_back(199_999) == 199_998
