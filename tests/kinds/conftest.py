"""The command line in a folder of its own, and a small exchange for each test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tool import Tool, isolate, shorten_waits, site_for_test
from tests.tool import tool as in_an_empty_folder
from tmxdb_sandbox import RunningSite, running_site

__all__ = ["in_an_empty_folder"]

SYNC, LIST = ("sync-tracks",), ("work", "--kind", "list")


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
    with site_for_test(shared_plain, fresh="changing" in request.fixturenames) as site:
        yield site


@pytest.fixture(scope="package")
def shared_plain() -> Iterator[RunningSite]:
    with running_site(tracks=6, replays=4, plain=True) as site:
        yield site


@pytest.fixture(scope="package")
def stages(shared_plain: RunningSite, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Folders in which the tracks of `shared_plain` are listed; in the second, their replays are downloaded, too."""
    folders = []
    for commands in ((SYNC, LIST), (SYNC, (*LIST, "--kind", "download"))):
        folders.append(tmp_path_factory.mktemp("stage"))
        with pytest.MonkeyPatch.context() as monkeypatch:
            isolate(monkeypatch, folders[-1])
            shorten_waits(monkeypatch)
            shutil.copyfile(sqlite_template, folders[-1] / "tmx.db")
            for command in commands:
                Tool(folders[-1], monkeypatch)("--site", shared_plain.url, *command)
    return folders


def _at_stage(tool: Tool, site: RunningSite, request: pytest.FixtureRequest, number: int) -> Tool:
    if "changing" in request.fixturenames:  # a site of its own, with another address
        tool("--site", site.url, *SYNC)
        tool(*LIST, *(["--kind", "download"] if number else []))
    else:
        shutil.copytree(request.getfixturevalue("stages")[number], tool.folder, dirs_exist_ok=True)
    site.clear_log()
    return tool


@pytest.fixture
def listed(tool: Tool, site: RunningSite, request: pytest.FixtureRequest) -> Tool:
    """24 replays of six tracks are pending."""
    return _at_stage(tool, site, request, 0)


@pytest.fixture
def downloaded(tool: Tool, site: RunningSite, request: pytest.FixtureRequest) -> Tool:
    """24 replays of six tracks are downloaded, six maps are pending."""
    return _at_stage(tool, site, request, 1)


@pytest.fixture(scope="package")
def shared_untidy() -> Iterator[RunningSite]:
    with running_site(tracks=40, replays=8) as site:
        yield site


@pytest.fixture
def untidy(shared_untidy: RunningSite) -> Iterator[RunningSite]:
    """Forty tracks as they are on a real site: old versions, beaten and unvalidated runs. Not changed."""
    with site_for_test(shared_untidy) as site:
        yield site
