"""Captures in one file: a tar that WebDataset's rules read, a video, and what every reader finds in them."""

from __future__ import annotations

import io
import json
import os
import re
import tarfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests import needs
from tests.capture.output.stored import FRAMES, NAMES, PATH, capture, made, number_of, pixels, read_all
from tests.capture.output.test_manifest import RUN, valid
from tmxdb.api.captures import MirroredCapture
from tmxdb.arrays.telemetry import telemetry_of
from tmxdb.capture.output.folder import read_complete
from tmxdb.capture.output.manifest import METADATA
from tmxdb.capture.output.reader import read_frames, read_image, read_jpeg, read_metadata
from tmxdb.capture.settings import STORES, CaptureSettings
from tmxdb.capture.store.convert import convert
from tmxdb.errors import InvalidInput, UsageError
from tmxdb.storage import Storage
from tmxdb.upkeep.capture_integrity import capture_problem


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("start_over", [False, True])
def test_every_reader_finds_the_same_run(tmp_path: Path, store: str, start_over: bool) -> None:
    settings = CaptureSettings(width=64, height=48, fps=100, store=store)
    folder = capture(tmp_path, settings, start_over=start_over)
    assert set(os.listdir(folder)) == NAMES.get(store, set(os.listdir(folder)))
    metadata = valid(json.loads((folder / METADATA).read_text()), METADATA)
    assert metadata["total_frames"] == FRAMES
    frames = list(read_frames(folder))
    assert [(frame.step, frame.time_ms) for frame in frames] == [(2 * n, 10 * n) for n in range(FRAMES)]
    for frame in (*frames, *reversed(frames), frames[7], frames[40], frames[3]):
        assert number_of(read_image(folder, frame)) == frame.number
        assert number_of(Image.open(io.BytesIO(read_jpeg(folder, frame)))) == frame.number
    telemetry = telemetry_of(folder, metadata)
    assert telemetry is not None
    assert len(telemetry) == FRAMES
    assert read_complete(Storage(tmp_path), PATH, RUN.replay_id, settings) is not None
    assert read_complete(Storage(tmp_path), PATH, RUN.replay_id, replace(settings, quality=50)) is None
    for content in (False, True):
        assert capture_problem(Storage(tmp_path), PATH, content=content) is None
    seen = MirroredCapture({"capture_id": 1, "folder_path": PATH, "settings": settings.to_json()}, tmp_path)
    assert [number_of(frame.pixels()) for frame in seen.frames()] == list(range(FRAMES))
    assert Storage(tmp_path).partial_files() == []


def test_a_tar_is_a_shard_for_webdataset(tmp_path: Path) -> None:
    """By the rules of docs/facts/training.md#webdataset: key and field end at the first dot of the file name."""
    folder = made(tmp_path, "tar")
    samples: list[tuple[str, list[str]]] = []
    with tarfile.open(folder / "frames.tar") as tar:
        for member in tar:
            split = re.fullmatch(r"((?:.*/|)[^.]+)[.]([^/]*)", member.name)
            if split is None:
                assert member.name in ("__manifest__", "__metadata__", "__telemetry__")
                continue
            key, field = split.groups()
            if not samples or samples[-1][0] != key:
                samples.append((key, []))
            samples[-1][1].append(field)
    assert len(samples) == len({key for key, _ in samples}) == FRAMES
    assert samples[3] == (f"{RUN.replay_id}/frame_00006_30ms", ["jpg", "json", "cls"])
    assert all(fields == ["jpg", "json", "cls"] for _, fields in samples)


def test_a_lossless_video_gives_back_every_pixel(tmp_path: Path) -> None:
    folder = made(tmp_path, "video-lossless")
    for frame in read_frames(folder):
        raw = np.frombuffer(pixels(frame.number, 64, 48), np.uint8).reshape(48, 64, 4)
        assert np.array_equal(np.asarray(read_image(folder, frame)), raw[:, :, 2::-1])


@pytest.mark.parametrize("store", STORES)
def test_a_gray_run_has_gray_jpegs_however_it_is_stored(tmp_path: Path, store: str) -> None:
    folder = made(tmp_path, store, color="gray")
    for number in range(2):
        if number and store != "files":
            convert(Storage(tmp_path), PATH, "files", owner="me")
        jpegs = [read_jpeg(folder, frame) for frame in read_frames(folder)]
        assert {Image.open(io.BytesIO(jpeg)).mode for jpeg in jpegs} == {"L"}


def test_a_video_has_a_constant_rate_and_regular_key_frames(tmp_path: Path) -> None:
    av = needs.module("av")
    folder = made(tmp_path, "video", width=63, height=47)  # odd sizes need another pixel format
    with av.open(str(folder / "frames.mp4")) as container:
        stream = container.streams.video[0]
        packets = [packet for packet in container.demux(stream) if packet.pts is not None]
        assert [packet.pts * packet.time_base * 100 for packet in packets] == list(range(FRAMES))
        assert [n for n, packet in enumerate(packets) if packet.is_keyframe] == [0, 10, 20, 30, 40]
        assert stream.codec_context.pix_fmt == "yuv444p" == read_metadata(folder)["store"]["pix_fmt"]


def test_threads_read_one_video(tmp_path: Path) -> None:
    folder = made(tmp_path, "video")
    frames = list(read_frames(folder)) * 3
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda frame: number_of(read_image(folder, frame)), frames))
    assert found == [frame.number for frame in frames]


@pytest.mark.parametrize(("store", "file"), [("tar", "frames.tar"), ("video", "frames.mp4")])
def test_damage_is_found_and_is_one_sentence(tmp_path: Path, store: str, file: str) -> None:
    folder = made(tmp_path, store)
    whole = (folder / file).read_bytes()
    middle = len(whole) // 2
    (folder / file).write_bytes(whole[:middle] + b"x" * 64 + whole[middle + 64 :])
    problem = capture_problem(Storage(tmp_path), PATH, content=True)
    assert problem is not None
    assert "has changed" in problem.why
    (folder / file).write_bytes(whole[:700])
    assert "700 bytes instead of" in str(capture_problem(Storage(tmp_path), PATH, content=False))
    with pytest.raises(InvalidInput, match="verify --repair"):
        read_all(folder)
    (folder / file).unlink()
    assert f"{file} does not exist" in str(capture_problem(Storage(tmp_path), PATH, content=False))
    with pytest.raises(InvalidInput, match="verify --repair"):
        read_all(folder)


# Conversion


def test_a_folder_with_the_frames_of_another_replay_is_damaged(tmp_path: Path) -> None:
    made(tmp_path, "files")
    storage = Storage(tmp_path)
    assert capture_problem(storage, PATH, content=False, replay_id=RUN.replay_id) is None
    problem = capture_problem(storage, PATH, content=False, replay_id=-7)
    assert f"it contains the frames of replay {RUN.replay_id}" in str(problem)


def test_settings_that_need_files() -> None:
    for other in ({"per_frame_json": True}, {"manifest": "rulka"}):
        with pytest.raises(UsageError, match="need --store files"):
            CaptureSettings(store="tar", **other)  # type: ignore[arg-type]
