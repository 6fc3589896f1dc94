"""Windows of frames for training, and the order in which they come."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.frames import captured_database
from tmxdb.api import Mirror
from tmxdb.capture.frame_plan import FramePlan
from tmxdb.capture.settings import CaptureSettings
from tmxdb.db.database import Database
from tmxdb.errors import InvalidInput
from tmxdb.torch import INPUTS, FrameStream, FrameWindows, in_split


def test_windows_never_cross_runs(mirror: Mirror) -> None:
    windows = FrameWindows(mirror.captures(), length=4)
    assert len(windows) == 3 + 1 + 2
    found = [(window["replay_id"], *window["times_ms"].tolist()) for window in windows]
    assert found == [
        (10, 0, 100, 200, 300),
        (10, 100, 200, 300, 400),
        (10, 200, 300, 400, 500),
        (11, 0, 100, 200, 300),
        (20, 0, 100, 200, 300),
        (20, 100, 200, 300, 400),
    ]
    assert windows[-1]["times_ms"].tolist() == windows[5]["times_ms"].tolist()
    with pytest.raises(IndexError):
        windows[6]


def test_windows_never_contain_a_missed_frame(mirror: Mirror) -> None:
    manifest = mirror.capture(10).folder / "manifest.json"
    entries = [entry for entry in json.loads(manifest.read_text()) if entry["step"] != 2]
    manifest.write_text("[\n" + ",\n".join(json.dumps(entry) for entry in entries) + "\n]\n")
    windows = FrameWindows(mirror.captures("capture_id = 10"), length=2)
    assert [window["times_ms"].tolist() for window in windows] == [[0, 100], [300, 400], [400, 500]]


def test_the_finish_is_in_no_longer_window_if_its_step_is_shorter(mirror: Mirror) -> None:
    """The finish always has a frame: 40 ms after the one before in this run, where other frames are 100 ms apart."""
    manifest = mirror.capture(10).folder / "manifest.json"
    entries = json.loads(manifest.read_text())
    entries[-1]["time_ms"] = 440
    entries[2]["time_ms"] = 210  # late, but it stays: its time is in the window
    manifest.write_text("[\n" + ",\n".join(json.dumps(entry) for entry in entries) + "\n]\n")
    windows = FrameWindows(mirror.captures("capture_id = 10"), length=2)
    assert [window["times_ms"].tolist() for window in windows] == [[0, 100], [100, 210], [210, 300], [300, 400]]
    single = FrameWindows(mirror.captures("capture_id = 10"))
    assert [window["times_ms"].tolist() for window in single] == [[0], [100], [210], [300], [400], [440]]


@pytest.mark.parametrize("fps", [30, 60])
def test_rates_whose_frames_are_not_whole_steps_apart_keep_their_windows(
    mirror: Mirror, tmp_path: Path, fps: int
) -> None:
    """A frame at the step after or before 1000 / fps is due there."""
    database = Database(str(tmp_path / "tmx.db"))
    captured_database(database, tmp_path / "data", {30: 12}, fps=fps)
    database.close()
    plan = FramePlan(CaptureSettings(fps=fps))
    manifest = mirror.capture(30).folder / "manifest.json"
    entries = [entry | {"time_ms": plan.due_ms(entry["step"])} for entry in json.loads(manifest.read_text())]
    manifest.write_text("[\n" + ",\n".join(json.dumps(entry) for entry in entries) + "\n]\n")
    assert len(FrameWindows(mirror.captures("capture_id = 30"), length=2)) == 11


def test_a_watched_ghost_has_pictures_but_no_labels(mirror: Mirror, tmp_path: Path) -> None:
    database = Database(str(tmp_path / "tmx.db"))
    captured_database(database, tmp_path / "data", {30: 3}, drive="ghost")
    database.close()
    capture = mirror.capture(30)
    frame = next(capture.frames())
    assert frame.pixels().shape == (64, 64, 3)
    for label in ("inputs", "action_idx", "state"):
        with pytest.raises(InvalidInput, match="capture 30 shows a watched ghost"):
            getattr(frame, label)
    with pytest.raises(InvalidInput, match="capture 30 shows a watched ghost"):
        FrameWindows([capture])


def test_stride(mirror: Mirror) -> None:
    windows = FrameWindows(mirror.captures("capture_id = 10"), length=2, stride=2)
    assert [window["times_ms"][0] for window in windows] == [0, 200, 400]


def test_a_window_has_pictures_and_labels(mirror: Mirror) -> None:
    window = FrameWindows(mirror.captures("capture_id = 10"), length=2)[1]
    red = window["frames"][:, 0, 0, 0].astype(int)
    assert np.abs(red - [1, 2]).max() < 4
    assert window["frames"].dtype == np.uint8
    assert window["action_idx"].tolist() == [1, 1]
    assert dict(zip(INPUTS, window["inputs"][0].tolist(), strict=True)) == {
        "accelerate": 1.0, "brake": 0.0, "left": 1.0, "right": 0.0, "steer": -1.0, "gas": 0.0,
    }  # fmt: skip
    assert window["positions"].shape == (2, 3)
    assert window["speeds_kmh"].tolist() == [21.0, 22.0]


def test_transform(mirror: Mirror) -> None:
    windows = FrameWindows(mirror.captures(), length=2, transform=lambda pixels: pixels.mean(axis=2)[::4, ::4] / 255)
    assert windows[0]["frames"].ndim == 3
    assert windows[0]["frames"].max() <= 1


def test_a_window_can_be_changed_in_place_without_changing_another(mirror: Mirror) -> None:
    def brighten(pixels: Any) -> Any:
        pixels += 1
        return pixels

    windows = FrameWindows(mirror.captures("capture_id = 10"), length=3, transform=brighten)
    before = [{name: np.copy(value) for name, value in window.items()} for window in windows]
    for window in windows:
        for value in window.values():
            if isinstance(value, np.ndarray):
                value += 1
    for window, unchanged in zip(windows, before, strict=True):
        for name, value in window.items():
            assert np.array_equal(value, unchanged[name]), name


def test_a_split_never_divides_a_map(mirror: Mirror) -> None:
    shares = {"train": 1, "val": 1}
    parts = [{c.capture_id for c in in_split(mirror.captures(), shares, name, seed=3)} for name in shares]
    assert sorted(parts, key=len) == [{20}, {10, 11}]


def test_the_stream_has_every_window_once_in_an_order_of_its_own(mirror: Mirror) -> None:
    windows = FrameWindows(mirror.captures())
    stream = FrameStream(windows, batch_size=4, seed=5)

    def order(epoch: int, batches: int = 0) -> list[tuple[int, int]]:
        stream.start_at(epoch=epoch, batches=batches)
        return [(window["replay_id"], int(window["times_ms"][0])) for window in stream]

    first, second = order(0), order(1)
    assert sorted(first) == sorted(second) == [(w["replay_id"], w["times_ms"][0]) for w in windows]
    assert first != second
    assert order(0) == first
    assert order(0, batches=2) == first[8:]


def test_a_missing_picture_is_named(mirror: Mirror) -> None:
    windows = FrameWindows(mirror.captures("capture_id = 10"))
    (mirror.capture(10).folder / windows.runs[0].files[2]).unlink()
    with pytest.raises(InvalidInput, match=r"frame_00002_200ms\.jpeg"):
        windows[2]
