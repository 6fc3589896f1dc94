"""The command line in a folder with captured runs of six tracks."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.frames import captured_database
from tests.tool import Tool, tool
from tmxdb.db.database import Database

__all__ = ["tool"]

RUNS = {replay_id: 3 + replay_id % 5 for replay_id in (10, 11, 12, 20, 30, 31, 40, 50, 60)}
"""Replay: frames."""


@pytest.fixture(scope="package")
def captured_once(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("captured")
    shutil.copyfile(sqlite_template, folder / "tmx.db")
    database = Database(str(folder / "tmx.db"))
    captured_database(database, folder / "data", RUNS)
    database.close()
    return folder


@pytest.fixture
def captured(tool: Tool, captured_once: Path) -> Tool:
    shutil.copytree(captured_once, tool.folder, dirs_exist_ok=True)
    return tool
