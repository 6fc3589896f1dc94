"""What commands that draw one replay say if it or its file is missing."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests import needs
from tests.rows import Rows
from tests.tool import Tool, tool
from tmxdb.db.database import Database

__all__ = ["tool"]
COMMANDS = ("film", "plot", "contact-sheet")
needs.module("av")


@pytest.fixture
def mirror(tool: Tool, sqlite_template: Path) -> Tool:
    """Replays whose files are missing: one that is not downloaded, one that was, and a local one."""
    shutil.copyfile(sqlite_template, tool.folder / "tmx.db")
    (tool.folder / "data").mkdir()
    database = Database(str(tool.folder / "tmx.db"))
    rows = Rows(database)
    rows.track(1)
    rows.track(-1)
    rows.replay(11)
    rows.replay(12, "done", file_path="replays/1/12.Replay.Gbx")
    rows.replay(-3, "done", track_id=-1, file_path="replays/local1/mine.Replay.Gbx")
    database.close()
    return tool


@pytest.mark.parametrize("command", COMMANDS)
def test_a_replay_that_is_not_in_the_database_gets_advice_that_fits(mirror: Tool, command: str) -> None:
    listed = mirror(command, 99, ends=1).error
    assert "replay 99 is not in the database. Check the id. Its track's listing adds it" in listed
    local = mirror(command, "local9", ends=1).error
    assert "replay local9 is not in the database. Check the id. `tmxdb adopt` adds files of your own." in local


@pytest.mark.parametrize("command", COMMANDS[:2])
def test_a_missing_file_gets_advice_that_fits(mirror: Tool, command: str) -> None:
    assert "replay 11 is not downloaded. Run `tmxdb work --kind download`." in mirror(command, 11, ends=1).error
    assert "data has none of the files that the database lists" in mirror(command, 12, ends=1).error
    (mirror.folder / "data" / "replays").mkdir()  # now it looks like the right one
    assert "12.Replay.Gbx is missing; run `tmxdb verify --repair`" in mirror(command, 12, ends=1).error
    local = mirror(command, "local3", ends=1).error
    assert "replay local3: its file replays/local1/mine.Replay.Gbx is missing; no exchange has it." in local


def test_a_local_replay_without_capture_is_named_as_it_can_be_typed(mirror: Tool) -> None:
    error = mirror("contact-sheet", "local3", ends=1).error
    assert "replay local3: no capture of it is finished" in error
    assert "`tmxdb add-captures --replay-id local3`" in error
