"""A client of the exchange without a database: a gate that only writes down who was asked to pause."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tmxdb.sandbox import RunningSite, running_site
from tmxdb.tmx import sites
from tmxdb.tmx.client import Exchange
from tmxdb.tmx.fetch import Fetcher


class OpenGate:
    """Lets everybody through at once."""

    def __init__(self) -> None:
        self.turns = 0
        self.pauses: list[tuple[float, str]] = []

    def wait_turn(self) -> None:
        self.turns += 1

    def may_go_on(self) -> None:
        pass

    def pause(self, seconds: float, reason: str) -> None:
        self.pauses.append((seconds, reason))


@pytest.fixture(scope="package")
def shared() -> Iterator[RunningSite]:
    with running_site(tracks=12, replays=3, plain=True) as site:
        yield site


@pytest.fixture
def site(shared: RunningSite) -> Iterator[RunningSite]:
    """Twelve plain tracks with three replays each; faults and log are everybody's own."""
    shared.forget()
    yield shared
    shared.set_faults([])


@pytest.fixture
def gate() -> OpenGate:
    return OpenGate()


@pytest.fixture
def connect(gate: OpenGate) -> Iterator[Callable[..., Exchange]]:
    """Makes an exchange for a URL."""
    made: list[Exchange] = []

    def exchange(url: str, contact: str | None = None, connections: int = 2, at_once: int | None = None) -> Exchange:
        made.append(Exchange(sites.site(url), contact=contact, gate=gate, connections=connections, at_once=at_once))
        return made[-1]

    yield exchange
    for one in made:
        one.close()


@pytest.fixture
def exchange(site: RunningSite, connect: Callable[..., Exchange]) -> Exchange:
    return connect(site.url)


@pytest.fixture
def fetcher(exchange: Exchange) -> Iterator[Fetcher]:
    fetcher = Fetcher(exchange)
    yield fetcher
    fetcher.close()
