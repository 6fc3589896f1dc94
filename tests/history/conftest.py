"""The command line in a folder of its own, and an exchange of twelve plain tracks with four replays each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.tool import changing, site, tool
from tmxdb_sandbox import RunningSite, running_site

__all__ = ["changing", "site", "tool"]


@pytest.fixture(scope="package")
def shared() -> Iterator[RunningSite]:
    with running_site(tracks=12, replays=4, plain=True) as site:
        yield site
