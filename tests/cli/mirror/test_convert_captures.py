"""`tmxdb convert-captures` as a user types it."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests import needs
from tests.frames import captured_database
from tests.tool import Tool, tool
from tmxdb.capture.store import convert
from tmxdb.db.database import Database
from tmxdb.db.migrate import upgrade

__all__ = ["tool"]


@pytest.fixture
def captured(tool: Tool) -> Tool:
    database = Database(str(tool.folder / "tmx.db"))
    upgrade(database)
    captured_database(database, tool.folder / "data", {10: 6, 11: 4, 20: 5})
    database.close()
    return tool


def folder(tool: Tool, replay_id: int) -> Path:
    return tool.folder / "data" / "frames" / str(replay_id // 10) / str(replay_id)


def test_captures_become_tars_and_files_again(captured: Tool) -> None:
    names = sorted(os.listdir(folder(captured, 10)))
    ran = captured("convert-captures", "--to", "tar", "--no-progress")
    assert "3 captures converted to tar: " in ran.err
    assert sorted(os.listdir(folder(captured, 10))) == ["frames.tar", "metadata.json"]
    assert "All is well." in captured("verify", "--hash").err
    captured("contact-sheet", "10")
    captured("export", "frames", "dataset", "--no-progress")
    assert "0 captures converted to tar." in captured("convert-captures", "--to", "tar").err
    captured("convert-captures", "--to", "files")
    assert sorted(os.listdir(folder(captured, 10))) == names
    assert "All is well." in captured("verify", "--hash").err


def test_what_is_lost_is_said_and_only_the_chosen_tracks_change(captured: Tool) -> None:
    needs.module("av")
    planned = captured("convert-captures", "--to", "video", "--track-id", "1", "--dry-run")
    assert "2 captures from files to video: the pictures are compressed again." in planned.err
    assert "2 captures would be converted to video." in planned.err
    assert not (folder(captured, 10) / "frames.mp4").exists()
    report = json.loads(captured("convert-captures", "--to", "video", "--track-id", "1", "--json").out)
    assert (report["converted"], report["stored_as"]) == (2, {"files": 2})
    assert (folder(captured, 11) / "frames.mp4").exists()
    assert not (folder(captured, 20) / "frames.mp4").exists()
    assert "All is well." in captured("verify", "--hash").err


def test_a_dry_run_names_what_cannot_be_converted(captured: Tool) -> None:
    path = folder(captured, 10) / "metadata.json"
    metadata = json.loads(path.read_bytes())
    path.write_text(json.dumps({**metadata, "settings": {**metadata["settings"], "per_frame_json": True}}))
    planned = captured("convert-captures", "--to", "tar", "--dry-run", ends=3)
    assert "2 captures would be converted to tar." in planned.err
    done = captured("convert-captures", "--to", "tar", "--no-progress", ends=3)
    assert "2 captures converted to tar: " in done.err
    sentence = next(line for line in done.err.splitlines() if line.startswith("capture "))
    assert "not converted. Its JSON files" in sentence
    assert sentence in planned.err


def test_a_damaged_capture_is_named_and_left_alone(captured: Tool) -> None:
    next(folder(captured, 10).glob("*.jpeg")).unlink()
    before = sorted(os.listdir(folder(captured, 10)))
    ran = captured("convert-captures", "--to", "tar", ends=3)
    assert "capture 10: " in ran.err
    assert "2 captures converted" in ran.err
    assert sorted(os.listdir(folder(captured, 10))) == before


def test_ctrl_c_stops_after_the_capture_in_progress(captured: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    real = convert.convert

    def interrupted(*arguments: Any, **options: Any) -> Any:
        signal.raise_signal(signal.SIGINT)
        return real(*arguments, **options)

    monkeypatch.setattr(convert, "convert", interrupted)
    ran = captured("convert-captures", "--to", "tar", ends=130)
    assert "1 capture converted to tar: " in ran.err
    assert "Interrupted. Run the same command again to continue." in ran.err


def test_a_track_that_the_database_does_not_have_is_named(captured: Tool) -> None:
    ran = captured("convert-captures", "--track-id", 99, ends=1)
    assert "The database has no track 99." in ran.err
    assert ran.error == "Error: no finished capture matches (track 99). Captures left out: 3 of other tracks."
    ran = captured("convert-captures", "--track-id", "local1", ends=1)
    assert ran.error == "Error: no finished capture matches (track local1). Captures left out: 3 of other tracks."
    ran = captured("convert-captures", "--track-id", 99, "--track-id", 2, ends=3)
    assert "The database has no track 99." in ran.err
    assert "1 capture converted to tar" in ran.err
