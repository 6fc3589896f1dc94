"""The command line in a folder of its own, and a small exchange that tests may change."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tmxdb.sandbox import RunningSite, running_site

from ..tool import lent, tool

__all__ = ["tool"]


@pytest.fixture(scope="package")
def shared() -> Iterator[RunningSite]:
    with running_site(tracks=25, replays=1) as site:
        yield site


@pytest.fixture
def large(shared: RunningSite, small_pages: None) -> Iterator[RunningSite]:
    """25 tracks: three pages. Not changed."""
    shared.forget()
    yield shared
    shared.set_faults([])


@pytest.fixture
def large_copy(small_pages: None) -> Iterator[RunningSite]:
    """250 plain tracks, 25 pages, to change."""
    with running_site(tracks=250, replays=1, plain=True) as site:
        yield site


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of ten tracks instead of a thousand."""
    monkeypatch.setattr("tmxdb.tmx.client.PAGE", 10)


@pytest.fixture
def changing() -> None:
    """For tests that change the catalogue: `site` is one of their own."""


@pytest.fixture
def site(request: pytest.FixtureRequest, shared_plain: RunningSite) -> Iterator[RunningSite]:
    """Twelve plain tracks with two replays each."""
    with lent(shared_plain, anew="changing" in request.fixturenames) as site:
        yield site


@pytest.fixture(scope="package")
def shared_plain() -> Iterator[RunningSite]:
    with running_site(tracks=12, replays=2, plain=True) as site:
        yield site
