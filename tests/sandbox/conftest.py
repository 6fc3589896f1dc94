"""Sandboxes over real loopback HTTP; the ones that are only read are shared."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from tmxdb.sandbox import RunningSite, running_site

from .client import Client


@pytest.fixture(scope="session")
def shared_site() -> Iterator[RunningSite]:
    """200 tracks, nothing plain; look, do not change."""
    with running_site(tracks=200, replays=10) as site:
        yield site


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.headers["User-Agent"] = "tests"
        session.trust_env = False
        yield session


@pytest.fixture
def client(shared_site: RunningSite, session: requests.Session) -> Client:
    return Client(session, shared_site.url)


@pytest.fixture(scope="session")
def plain_site() -> Iterator[RunningSite]:
    with running_site(tracks=12, replays=3, plain=True) as site:
        yield site


@pytest.fixture
def site(plain_site: RunningSite) -> Iterator[RunningSite]:
    """Twelve plain tracks with three replays each; faults and log are everybody's own."""
    plain_site.forget()
    yield plain_site
    plain_site.set_faults([])


@pytest.fixture
def visitor(site: RunningSite, session: requests.Session) -> Client:
    return Client(session, site.url)


@pytest.fixture(scope="module")
def own_site() -> Iterator[RunningSite]:
    """For those who change the catalogue, each at tracks of its own."""
    with running_site(tracks=12, replays=3, plain=True) as site:
        yield site


@pytest.fixture
def owner(own_site: RunningSite, session: requests.Session) -> Client:
    return Client(session, own_site.url)
