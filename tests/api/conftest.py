"""A mirror of the sandbox's own replays, and one of captured runs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import tmxdb
from tests.frames import captured_database
from tests.gbx.made import a_replay
from tests.rows import Rows, state
from tmxdb.api import Mirror
from tmxdb.db.database import Database
from tmxdb.db.models import ReplayRow

RUNS = {10: 6, 11: 4, 20: 5}
"""Replay: frames. Ids are 10 times the track's and more."""


@pytest.fixture(scope="package")
def captured(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with three captured runs of two tracks, whose replays are on disk."""
    folder = tmp_path_factory.mktemp("captured")
    shutil.copyfile(sqlite_template, folder / "tmx.db")
    database = Database(str(folder / "tmx.db"))
    captured_database(database, folder / "data", RUNS)
    rows = Rows(database)
    for replay_id in RUNS:
        metadata = folder / "data" / f"frames/{replay_id // 10}/{replay_id}" / "metadata.json"
        facts = json.loads(metadata.read_text()) | {"map_uid": f"map {replay_id // 10}"}
        metadata.write_text(json.dumps(facts))
        path = f"replays/{replay_id // 10}/{replay_id}.Replay.Gbx"
        (folder / "data" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "data" / path).write_bytes(a_replay())
        facts = {"file_path": path, "race_time_ms": 6_110, "checkpoints_ms": "[4170, null, 6110]"}
        rows.change(ReplayRow, replay_id, **(state(ReplayRow, "done") | facts))
    database.close()
    return folder


@pytest.fixture
def mirror(captured: Path, tmp_path: Path) -> Iterator[Mirror]:
    """A copy of that folder, opened."""
    shutil.copytree(captured, tmp_path, dirs_exist_ok=True)
    with tmxdb.open(tmp_path / "tmx.db") as opened:
        yield opened
