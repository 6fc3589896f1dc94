"""The command line in a folder of its own, and one small exchange whose catalogue no test changes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tool import Tool, isolate, shorten_waits, site_for_test, tool
from tmxdb_sandbox import RunningSite, running_site

__all__ = ["tool"]


@pytest.fixture(scope="package")
def shared() -> Iterator[RunningSite]:
    with running_site(tracks=30, replays=4) as site:
        yield site


@pytest.fixture
def site(shared: RunningSite) -> Iterator[RunningSite]:
    """An exchange with thirty tracks. Each test has its own faults and log; the catalogue stays the same."""
    with site_for_test(shared) as site:
        yield site


@pytest.fixture(scope="package")
def finished(shared: RunningSite, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which everything is done except some downloads, which failed."""
    folder = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as monkeypatch:
        isolate(monkeypatch, folder)
        shorten_waits(monkeypatch)
        tool = Tool(folder, monkeypatch)
        tool("--site", shared.url, "sync-tracks")
        shared.set_faults(["not-gbx:10%:first=9:on=record", "500:5%:first=9:on=record"])
        tool("run", "--max-attempts", 2, ends=3)
        shared.set_faults([])
        assert tool.one("select count(*) from replays where status = 'failed'") > 3
        # As a finished process leaves it: all in one file.
        tool.change("vacuum into 'whole.db'")
        for name in ("tmx.db-wal", "tmx.db-shm"):
            (folder / name).unlink(missing_ok=True)
        (folder / "whole.db").replace(folder / "tmx.db")
        tool.rows("pragma journal_mode = wal")
    return folder


@pytest.fixture
def done(finished: Path, tool: Tool) -> Tool:
    """A copy of the finished folder."""
    shutil.copytree(finished, tool.folder, dirs_exist_ok=True)
    return tool
