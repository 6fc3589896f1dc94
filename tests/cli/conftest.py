"""The command line in a folder of its own, and one small exchange that nobody changes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tmxdb.sandbox import RunningSite, running_site

from ..tool import Tool, lent, outside, quickly, tool

__all__ = ["tool"]


@pytest.fixture(scope="package")
def shared() -> Iterator[RunningSite]:
    with running_site(tracks=30, replays=4) as site:
        yield site


@pytest.fixture
def site(shared: RunningSite) -> Iterator[RunningSite]:
    """Thirty tracks as they are on a real site. Not changed; faults and log are everybody's own."""
    with lent(shared) as site:
        yield site


@pytest.fixture(scope="package")
def finished(shared: RunningSite, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which everything was done, but for some downloads that failed."""
    folder = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as monkeypatch:
        outside(monkeypatch, folder)
        quickly(monkeypatch)
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
    """A copy of that."""
    shutil.copytree(finished, tool.folder, dirs_exist_ok=True)
    return tool
