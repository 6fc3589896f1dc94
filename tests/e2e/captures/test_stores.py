"""Captures in one file, from the request to what reads them: a game, the worker, and the commands after it."""

from __future__ import annotations

import json
import os
import tarfile
from pathlib import Path

import pytest

from tests import needs
from tests.e2e.captures.captures import World
from tests.tool import Tool, lengthen_capture_waits
from tmxdb.arrays.telemetry import telemetry_of
from tmxdb.arrays.ticks import read_ticks
from tmxdb.capture.output.reader import read_frames, read_image, read_metadata
from tmxdb.gbx import read_replay
from tmxdb_sandbox.game.picture import map_key_of, read_back

FILES = {
    "tar": {"frames.tar", "metadata.json"},
    "video": {"frames.mp4", "manifest.json", "metadata.json", "telemetry.parquet"},
    "video-lossless": {"frames.mp4", "manifest.json", "metadata.json", "telemetry.parquet"},
}


@pytest.fixture
def world(tool: Tool, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    lengthen_capture_waits(monkeypatch)
    (tool.folder / "tmx.db").write_bytes(sqlite_template.read_bytes())
    return World(tool)


def check_frames(world: World, folder: Path, replay_path: str) -> int:
    """Check that each stored picture shows the tick of its entry. Return how many there are."""
    replay = read_replay((world.data / replay_path).read_bytes())
    assert replay.map_uid
    frames = list(read_frames(folder))
    for frame in frames:
        image = read_image(folder, frame)
        seen = read_back(image.tobytes(), *image.size)
        assert (seen.race_time_ms, seen.map_key) == (frame.time_ms, map_key_of(replay.map_uid))
    return len(frames)


@pytest.mark.parametrize("store", FILES)
def test_a_game_is_captured_into_one_file_that_every_command_reads(world: World, store: str) -> None:
    if store != "tar":
        needs.module("av")
    world.fill(tracks=1, replays=2)
    world.tool("add-captures", "--fps", "20", "--store", store, "--width", "96", "--height", "64")
    with world.games() as games:
        world.tool(*world.work(games), "--no-progress")
    for row in world.captures():
        assert row["status"] == "done"
        folder = world.data / row["folder_path"]
        assert set(os.listdir(folder)) == FILES[store]
        metadata = read_metadata(folder)
        assert metadata["store"]["kind"] == store.split("-")[0]
        path = world.tool.one("select file_path from replays where replay_id = ?", row["replay_id"])
        assert check_frames(world, folder, path) == metadata["total_frames"] == row["frame_count"] > 20
        telemetry = telemetry_of(folder, metadata)
        assert telemetry is not None
        assert len(telemetry) == metadata["telemetry"]["ticks"] > 120
        ticks = read_ticks(world.data / path)  # telemetry has the inputs that drove the car to its tick
        assert len(set(ticks.action_idx.tolist())) > 1
        assert telemetry.action_idx[1:].tolist() == ticks.action_idx[:-1].tolist()
    assert "All is well." in world.tool("verify", "--hash").err
    world.tool("contact-sheet", "100")
    world.tool("export", "frames", "out", "--split", "train=1", "--no-progress")
    exported = [json.loads(line) for line in (world.tool.folder / "out/runs.jsonl").read_text().splitlines()]
    assert len(exported) == 2
    with tarfile.open(next(world.tool.folder.glob("out/train/*.tar"))) as tar:
        pictures = [name for name in tar.getnames() if name.endswith(".jpg")]
    assert len(pictures) == sum(row["frame_count"] for row in world.captures())
    if store == "video":
        world.tool("film", "100", "101", "-o", "run.mp4", "--no-progress")
        assert (world.tool.folder / "run.mp4").stat().st_size > 10_000
