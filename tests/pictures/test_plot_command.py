"""`tmxdb plot` for a file, a downloaded replay, and a captured replay."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from tests.frames import captured_folder
from tests.tool import Tool, tool
from tmxdb.capture.settings import CaptureSettings
from tmxdb_sandbox import running_site

__all__ = ["tool"]


@pytest.fixture
def downloaded(tool: Tool) -> Tool:
    """One track with two replays, from the stand-in for the exchange."""
    with running_site(tracks=1, replays=2, plain=True) as site:
        tool("--site", site.url, "sync-tracks")
        tool("run")
    return tool


def test_a_downloaded_replay_and_a_file_are_drawn(downloaded: Tool) -> None:
    replay_id, path = next(iter(downloaded.rows("select replay_id, file_path from replays"))).values()
    assert downloaded("plot", replay_id).out == f"{replay_id}-line.png\n"
    downloaded("plot", f"data/{path}", "--out", "file.png")
    for name in (f"{replay_id}-line.png", "file.png"):
        with Image.open(downloaded.folder / name) as picture:
            assert picture.size == (1080, 1080)


def test_the_captured_line_is_drawn_over_the_ghost(downloaded: Tool) -> None:
    replay_id, track_id = next(iter(downloaded.rows("select replay_id, track_id from replays"))).values()
    downloaded("plot", replay_id, "--out", "before.png")
    captured_folder(downloaded.folder / "data/frames/x/run", 30)
    downloaded.change(
        "insert into captures (replay_id, track_id, settings, folder_path, frame_count, status, finished_at)"
        " values (?, ?, ?, 'frames/x/run', 30, 'done', '2026-01-01T00:00:00.000Z')",
        replay_id,
        track_id,
        CaptureSettings().to_json(),
    )
    downloaded("plot", replay_id, "--out", "after.png")
    assert (downloaded.folder / "before.png").read_bytes() != (downloaded.folder / "after.png").read_bytes()
    Path(downloaded.folder / "data/frames/x/run/manifest.json").write_text("{}")
    ran = downloaded("plot", replay_id, "--out", "again.png")
    assert "does not start like a manifest" in ran.err
    assert (downloaded.folder / "before.png").read_bytes() == (downloaded.folder / "again.png").read_bytes()


def test_a_run_that_cannot_be_drawn_is_one_sentence(downloaded: Tool) -> None:
    replay_id, path = next(iter(downloaded.rows("select replay_id, file_path from replays"))).values()
    data = (downloaded.folder / "data" / path).read_bytes()
    (downloaded.folder / "cut.Gbx").write_bytes(data[: len(data) // 2])
    (downloaded.folder / "page.Gbx").write_bytes(b"<html>")
    assert "cut.Gbx: " in downloaded("plot", "cut.Gbx", ends=1).error
    assert "page.Gbx: " in downloaded("plot", "page.Gbx", ends=1).error
    with (downloaded.folder / "huge.Gbx").open("wb") as file:
        file.truncate(2**40)  # far more than memory: only the beginning may be read
    assert (
        "huge.Gbx: the file is larger than the limit of 33,554,432 bytes"
        in downloaded("plot", "huge.Gbx", ends=1).error
    )
    assert "nothing.Gbx: No such file" in downloaded("plot", "nothing.Gbx", ends=1).error
    assert "is not in the database" in downloaded("plot", 123456789, ends=1).error
    (downloaded.folder / "data" / path).unlink()
    assert "Replay.Gbx is missing" in downloaded("plot", replay_id, ends=1).error
