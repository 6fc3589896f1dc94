"""A client of the exchange without a database: its rate limiter only records turns and pauses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.tmx.one_thread import OneThread
from tmxdb.tmx import sites
from tmxdb.tmx.client import Exchange
from tmxdb.tmx.fetch import Fetcher
from tmxdb_sandbox import RunningSite, running_site

AnyFetcher = Fetcher | OneThread


class OpenRateLimiter:
    """Lets every request through immediately."""

    def __init__(self) -> None:
        self.turns = 0
        self.pauses: list[tuple[float, str]] = []

    def wait_turn(self) -> None:
        self.turns += 1

    def turn(self) -> OpenRateLimiter:
        return self

    def wait_s(self, wanted: int = 1) -> float:
        self.turns += 1
        return 0.0

    def check_stop(self) -> None:
        pass

    def pause(self, seconds: float, reason: str) -> None:
        self.pauses.append((seconds, reason))


@pytest.fixture(scope="package")
def shared() -> Iterator[RunningSite]:
    with running_site(tracks=12, replays=3, plain=True) as site:
        yield site


@pytest.fixture
def site(shared: RunningSite) -> Iterator[RunningSite]:
    """Twelve plain tracks with three replays each; each test has its own faults and log."""
    shared.clear_log()
    yield shared
    shared.set_faults([])


@pytest.fixture
def rate_limiter() -> OpenRateLimiter:
    return OpenRateLimiter()


@pytest.fixture
def connect(rate_limiter: OpenRateLimiter) -> Iterator[Callable[..., Exchange]]:
    """Return a function that makes an exchange for a URL."""
    opened: list[Exchange] = []

    def exchange(url: str, **options: Any) -> Exchange:
        options = {"contact": None, "connections": 2, **options}
        opened.append(Exchange(sites.site(url), rate_limiter=rate_limiter, **options))
        return opened[-1]

    yield exchange
    for exchange_ in opened:
        exchange_.close()


@pytest.fixture
def exchange(site: RunningSite, connect: Callable[..., Exchange]) -> Exchange:
    return connect(site.url)


@pytest.fixture(params=[Fetcher, OneThread])
def open_fetcher(request: pytest.FixtureRequest) -> Iterator[Callable[[Exchange], AnyFetcher]]:
    """Both ways to receive files: each in a thread of its own, and all in one thread."""
    opened: list[AnyFetcher] = []

    def open_one(exchange: Exchange) -> AnyFetcher:
        opened.append(request.param(exchange))
        return opened[-1]

    yield open_one
    for fetcher in opened:
        fetcher.close()


@pytest.fixture
def fetcher(open_fetcher: Callable[[Exchange], AnyFetcher], exchange: Exchange) -> AnyFetcher:
    return open_fetcher(exchange)
