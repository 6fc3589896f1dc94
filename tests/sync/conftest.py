"""The command line in a folder of its own, and a small exchange that tests may change."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.tool import changing, site, site_for_test, tool
from tmxdb_sandbox import RunningSite, running_site

__all__ = ["changing", "site", "tool"]


@pytest.fixture(scope="package")
def shared_large() -> Iterator[RunningSite]:
    with running_site(tracks=25, replays=1) as site:
        yield site


@pytest.fixture
def large(shared_large: RunningSite, small_pages: None) -> Iterator[RunningSite]:
    """25 tracks: three pages. Not changed."""
    with site_for_test(shared_large) as site:
        yield site


@pytest.fixture
def large_copy(small_pages: None) -> Iterator[RunningSite]:
    """250 plain tracks, 25 pages, to change."""
    with running_site(tracks=250, replays=1, plain=True) as site:
        yield site


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of ten tracks instead of a thousand."""
    monkeypatch.setattr("tmxdb.tmx.client.PAGE", 10)


@pytest.fixture(scope="package")
def shared() -> Iterator[RunningSite]:
    """Twelve plain tracks with two replays each."""
    with running_site(tracks=12, replays=2, plain=True) as site:
        yield site
