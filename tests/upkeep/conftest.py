"""A data folder with files that rows know, and the command line in the folder of its database."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.rows import Rows
from tests.tool import Tool, isolate, shorten_waits
from tmxdb.db.models import CaptureRow, MapRow, ReplayRow

CONTROL = "\x1b" if os.name == "posix" else "\u202e"
"""A character that must not reach a terminal and that names of files may contain on this system."""
JPEG = b"\xff\xd8 a picture \xff\xd9"


class Shelf:
    """Rows that are done, with their files in `data` beside the database."""

    def __init__(self, rows: Rows, data: Path) -> None:
        self.rows, self.data = rows, data

    def replay(self, replay_id: int, content: bytes = b"replay", *, track_id: int = 1, **columns: Any) -> Path:
        path = f"replays/{track_id}/{replay_id}_x_{replay_id}ms.Replay.Gbx"
        self.rows.replay(replay_id, "done", track_id=track_id, **self._file(path, content), **columns)
        return self.data / path

    def map(self, track_id: int, content: bytes = b"map", **columns: Any) -> Path:
        path = f"tracks/{track_id}.Challenge.Gbx"
        self.rows.map(track_id, "done", **self._file(path, content), **columns)
        return self.data / path

    def capture(self, capture_id: int, replay_id: int = 1, frames: int = 2) -> Path:
        folder = f"frames/1/{replay_id}_x_{replay_id}ms"
        names = [f"frame_{i}_{i * 10}ms.jpeg" for i in range(frames)]
        for name in names:
            self.put(f"{folder}/{name}", JPEG)
        self.put(f"{folder}/manifest.json", ("[" + ", ".join(f'{{"file": "{n}"}}' for n in names) + "]").encode())
        self.put(f"{folder}/metadata.json", b"{}")
        self.rows.capture(capture_id, replay_id, "done", folder_path=folder)
        return self.data / folder

    def put(self, path: str, content: bytes) -> Path:
        """A file that no row knows."""
        file = self.data / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        return file

    def files(self) -> dict[str, bytes]:
        return {
            path.relative_to(self.data).as_posix(): path.read_bytes() for path in self.data.rglob("*") if path.is_file()
        }

    def status(self, model: type[ReplayRow] | type[MapRow] | type[CaptureRow], key: int) -> str:
        return str(self.rows.one(model, key)["status"])

    def _file(self, path: str, content: bytes) -> dict[str, Any]:
        self.put(path, content)
        return {"file_path": path, "file_bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


@pytest.fixture
def shelf(rows: Rows, tmp_path: Path) -> Shelf:
    return Shelf(rows, tmp_path / "data")


@pytest.fixture
def tool(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """The command line on the very database and data folder of `shelf`."""
    shelf.data.mkdir(exist_ok=True)
    isolate(monkeypatch, shelf.data.parent)
    shorten_waits(monkeypatch)
    plain = Tool(shelf.data.parent, monkeypatch)

    def run(*arguments: object, **options: Any) -> Any:
        location = shelf.rows.database.location
        return plain("--db", location, "--data", shelf.data, *arguments, **options)

    return run
