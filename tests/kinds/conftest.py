"""The command line in a folder of its own, and a small exchange for each test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tmxdb.sandbox import RunningSite, running_site

from ..tool import Tool, lent
from ..tool import tool as in_an_empty_folder

__all__ = ["in_an_empty_folder"]


@pytest.fixture
def tool(in_an_empty_folder: Tool, sqlite_template: Path) -> Tool:
    """The command line in a folder with an empty database: quicker than making one each time."""
    shutil.copyfile(sqlite_template, in_an_empty_folder.folder / "tmx.db")
    return in_an_empty_folder


@pytest.fixture
def changing() -> None:
    """For tests that change the catalogue: `site` is one of their own."""


@pytest.fixture
def site(request: pytest.FixtureRequest, shared_plain: RunningSite) -> Iterator[RunningSite]:
    """Six plain tracks with four replays each."""
    with lent(shared_plain, anew="changing" in request.fixturenames) as site:
        yield site


@pytest.fixture(scope="package")
def shared_plain() -> Iterator[RunningSite]:
    with running_site(tracks=6, replays=4, plain=True) as site:
        yield site


@pytest.fixture(scope="package")
def shared_untidy() -> Iterator[RunningSite]:
    with running_site(tracks=40, replays=8) as site:
        yield site


@pytest.fixture
def untidy(shared_untidy: RunningSite) -> Iterator[RunningSite]:
    """Forty tracks as they are on a real site: old versions, beaten and unvalidated runs. Not changed."""
    with lent(shared_untidy) as site:
        yield site
