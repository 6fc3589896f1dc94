"""Sandboxes on loopback. Tests that only read share one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from tests.sandbox.client import Client
from tmxdb_sandbox import RunningSite, running_site


@pytest.fixture(scope="session")
def shared_site() -> Iterator[RunningSite]:
    """200 tracks with all irregularities. Read only."""
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
    """12 plain tracks with 3 replays each. Faults and log are reset for each test."""
    plain_site.clear_log()
    yield plain_site
    plain_site.set_faults([])


@pytest.fixture
def site_client(site: RunningSite, session: requests.Session) -> Client:
    return Client(session, site.url)


@pytest.fixture(scope="module")
def own_site() -> Iterator[RunningSite]:
    """For tests that change the catalogue. Each uses tracks of its own."""
    with running_site(tracks=12, replays=3, plain=True) as site:
        yield site


@pytest.fixture
def own_client(own_site: RunningSite, session: requests.Session) -> Client:
    return Client(session, own_site.url)
