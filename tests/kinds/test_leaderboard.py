"""Leaderboards without an end: reading stops at a limit, and Ctrl-C ends it between two pages."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator

import pytest

from tests.processes import needs_ctrl_c
from tests.tool import Tool, until
from tmxdb.errors import InvalidResponse
from tmxdb.kinds import leaderboard
from tmxdb.kinds.leaderboard import MAX_EMPTY_PAGES, FetchPage, LeaderboardListing, all_replays, best_replays
from tmxdb.tmx.records import Page, ReplayRecord, replay_record
from tmxdb_sandbox import RunningSite, running_site


class EndlessLeaderboard:
    """Pages of ten replays, always with more behind them."""

    def __init__(self, *, ranked: bool, circle: int | None = None) -> None:
        self._ranked, self._circle = ranked, circle
        self.requests = 0

    def __call__(self, parameters: dict[str, str | int]) -> Page[ReplayRecord]:
        self.requests += 1
        first = int(parameters.get("after", 0))
        if self._circle is not None:
            first %= self._circle * 10
        records = [replay_record(self._entry(first + n)) for n in range(1, 11)]
        return Page(tuple(record for record in records if record is not None), True)

    def _entry(self, replay_id: int) -> dict[str, object]:
        position = replay_id if self._ranked else None
        return {"ReplayId": replay_id, "User": {"UserId": replay_id}, "Position": position}


def test_reading_stops_after_some_pages_without_a_replay_that_counts() -> None:
    pages = EndlessLeaderboard(ranked=False)
    assert best_replays(pages, 50) == LeaderboardListing(is_complete=False)
    assert pages.requests == MAX_EMPTY_PAGES


@pytest.mark.parametrize("circle", [2, 3])
@pytest.mark.parametrize("ranked", [True, False])
def test_pages_that_repeat_in_a_circle_end_the_listing(circle: int, ranked: bool) -> None:
    for read in (lambda pages: best_replays(pages, 10_000), all_replays):
        pages = EndlessLeaderboard(ranked=ranked, circle=circle)
        found = read(pages)
        assert found is not None
        assert len(list(found.records())) <= circle * 10
        assert pages.requests <= circle + MAX_EMPTY_PAGES + 1


@pytest.mark.parametrize("read", [lambda pages: best_replays(pages, 10**6), all_replays])
def test_endless_new_replays_end_at_the_page_limit(
    read: Callable[[FetchPage], LeaderboardListing | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leaderboard, "MAX_PAGES", 30)
    pages = EndlessLeaderboard(ranked=True)
    found = read(pages)
    assert found is not None
    assert (len(list(found.records())), found.is_complete) == (300, False)
    assert pages.requests == 30


@pytest.mark.parametrize("read", [lambda pages: best_replays(pages, 10**6), all_replays])
@pytest.mark.parametrize("end", ["404", "circle"])
def test_a_list_that_ends_by_a_fault_is_not_taken_for_complete(
    read: Callable[[FetchPage], LeaderboardListing | None], end: str
) -> None:
    """Else the positions of all replays behind it would be set to NULL."""
    pages = EndlessLeaderboard(ranked=True, circle=3 if end == "circle" else None)

    def fetch(parameters: dict[str, str | int]) -> Page[ReplayRecord] | None:
        return None if end == "404" and pages.requests == 3 else pages(parameters)

    found = read(fetch)
    assert found is not None
    assert (len(list(found.records())), found.is_complete) == (30, False)


@pytest.mark.parametrize("read", [lambda pages: best_replays(pages, 10**6), all_replays])
def test_incompressible_values_end_a_listing_at_a_number_of_bytes(
    read: Callable[[FetchPage], LeaderboardListing | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leaderboard, "MAX_BYTES", 1_000_000)
    rng, requests = random.Random(1), list[int]()

    def fetch(parameters: dict[str, str | int]) -> Page[ReplayRecord]:
        first = 1000 * len(requests)
        requests.append(first)
        rows = [
            {"ReplayId": first + n, "User": {"UserId": first + n, "Name": rng.randbytes(200).hex()}, "Position": n}
            for n in range(1000)
        ]
        return Page(tuple(filter(None, map(replay_record, rows))), True)

    with pytest.raises(InvalidResponse, match=r"^a track: its leaderboard takes more than 1 MB.*--top") as caught:
        read(fetch)
    assert caught.value.code == "tmx.too_large"
    assert 4 <= len(requests) <= 10


@pytest.fixture(scope="module")
def long() -> Iterator[RunningSite]:
    with running_site(tracks=1, replays=2500, plain=True) as site:
        yield site


@needs_ctrl_c  # on Windows `terminate` kills
def test_a_long_leaderboard_can_be_interrupted_between_two_pages(
    tool: Tool, long: RunningSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool("--site", long.url, "sync-tracks")
    long.set_latency(1000)  # so that a busy machine interrupts between two pages, too
    try:
        with tool.started("work", "--kind", "list", "--all-replays", "--no-progress") as process:
            until(lambda: sum("/api/replays" in line["path"] for line in long.log()) >= 1)
            threading.Event().wait(0.05)
            process.terminate()
            _, err = process.communicate(timeout=300)
    finally:
        long.set_latency(0)
    assert process.returncode == 130, err
    assert sum("/api/replays" in line["path"] for line in long.log()) < 3
    assert tool.rows("select status, attempts from tracks") == [{"status": "pending", "attempts": 0}]
