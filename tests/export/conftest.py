"""The command line in a folder with captured runs of six tracks."""

from __future__ import annotations

import pytest

from tests.frames import captured_database
from tmxdb.db.engine import Database
from tmxdb.db.migrate import upgrade

from ..tool import Tool, tool

__all__ = ["tool"]

RUNS = {replay_id: 3 + replay_id % 5 for replay_id in (10, 11, 12, 20, 30, 31, 40, 50, 60)}
"""Replay: frames."""


@pytest.fixture
def captured(tool: Tool) -> Tool:
    database = Database(str(tool.folder / "tmx.db"))
    upgrade(database)
    captured_database(database, tool.folder / "data", RUNS)
    database.close()
    return tool
