"""Captures in one file: a tar that WebDataset's rules read, a video, and what every reader finds in them."""

from __future__ import annotations

import gc
import io
import json
import os
import re
import tarfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests import needs
from tests.capture.output.test_manifest import RUN, valid
from tests.capture.race.cars import DETAILS, car
from tmxdb.api.captures import MirroredCapture
from tmxdb.arrays.telemetry import telemetry_of
from tmxdb.capture.output.encoder import Encoder
from tmxdb.capture.output.folder import CaptureFolder, read_complete
from tmxdb.capture.output.manifest import METADATA
from tmxdb.capture.output.reader import CapturedFrame, read_frames, read_image, read_jpeg, read_metadata
from tmxdb.capture.race.commands import StoreFrame, StoreTick
from tmxdb.capture.settings import STORES, CaptureSettings
from tmxdb.capture.store import convert as convert_module
from tmxdb.capture.store.convert import convert, stored_as
from tmxdb.errors import DiskError, InvalidInput, UsageError
from tmxdb.game.driver import Frame
from tmxdb.storage import Storage
from tmxdb.storage.data_folder import process_owner
from tmxdb.upkeep.capture_integrity import capture_problem

FRAMES = 45
PATH = "frames/9865/run"


def pixels(number: int, width: int, height: int) -> bytes:
    """Return a smooth picture whose halves have the brightness of the digits of its number."""
    x = np.arange(width) * 2
    digits = np.where(np.arange(width) < width // 2, number // 10, number % 10)
    row = np.stack([x % 256, 30 + 20 * digits, np.full(width, 128), x * 0], axis=1).astype(np.uint8)
    return np.tile(row, (height, 1, 1)).tobytes()


def capture(root: Path, settings: CaptureSettings, *, frames: int = FRAMES, start_over: bool = False) -> Path:
    if settings.store.startswith("video"):
        needs.module("av")
    storage = Storage(root)
    dataset = CaptureFolder(storage, PATH, settings, owner="me", replay_id=RUN.replay_id)
    encoder = Encoder(dataset, settings, lambda: 1_800_000_000_000)
    for attempt in range(1 + start_over):
        if attempt:
            encoder.discard()
        for number in range(frames):
            time_ms = 10 * number
            state = car(time_ms, details=DETAILS)
            encoder.store_tick(StoreTick(time_ms, state))
            raw = pixels(number, settings.width, settings.height)
            encoder.store(StoreFrame(2 * number, time_ms, state, Frame(settings.width, settings.height, raw)))
    encoder.finish()
    encoder.close()
    telemetry = dataset.add_telemetry(encoder.telemetry)
    dataset.publish(replace(RUN, total_frames=dataset.frames, telemetry=telemetry))
    dataset.close()
    dataset.discard()
    return storage.absolute(PATH)


def made(root: Path, store: str, **settings: Any) -> Path:
    return capture(root, CaptureSettings(**{"width": 64, "height": 48, "fps": 100, "store": store, **settings}))


def number_of(image: Any) -> int:
    green = np.asarray(image)[:, :, 1].astype(float)
    middle = green.shape[1] // 2
    tens, ones = green[:, 4 : middle - 4].mean(), green[:, middle + 4 : -4].mean()
    return 10 * round((tens - 30) / 20) + round((ones - 30) / 20)


NAMES = {
    "tar": {"frames.tar", METADATA},
    "video": {"frames.mp4", "manifest.json", METADATA, "telemetry.parquet"},
    "video-lossless": {"frames.mp4", "manifest.json", METADATA, "telemetry.parquet"},
}


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
    seen = MirroredCapture({"folder_path": PATH}, tmp_path)
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


def read_all(folder: Path) -> None:
    for frame in read_frames(folder):
        read_image(folder, frame)


# Conversion


def content(folder: Path) -> dict[str, bytes]:
    return {entry.name: entry.read_bytes() for entry in folder.iterdir() if entry.name != METADATA}


def test_from_files_to_a_tar_and_back_nothing_changes(tmp_path: Path) -> None:
    folder = made(tmp_path, "files")
    before, facts = content(folder), read_metadata(folder)
    to_tar = convert(Storage(tmp_path), PATH, "tar", owner="me")
    assert to_tar is not None
    assert to_tar.same_bytes
    assert set(os.listdir(folder)) == NAMES["tar"]
    assert capture_problem(Storage(tmp_path), PATH, content=True) is None
    assert convert(Storage(tmp_path), PATH, "tar", owner="me") is None
    assert convert(Storage(tmp_path), PATH, "files", owner="me") is not None
    assert content(folder) == before
    assert read_metadata(folder) == facts


def test_a_converted_tar_equals_a_captured_one(tmp_path: Path) -> None:
    captured = made(tmp_path / "a", "tar")
    converted = made(tmp_path / "b", "files")
    convert(Storage(tmp_path / "b"), PATH, "tar", owner="me")
    with tarfile.open(captured / "frames.tar") as one, tarfile.open(converted / "frames.tar") as other:
        assert one.getnames() == other.getnames()
        for name in one.getnames():
            if name != "__metadata__":  # which has the settings
                assert one.extractfile(name).read() == other.extractfile(name).read(), name  # type: ignore[union-attr]


@pytest.mark.parametrize(("target", "lossless"), [("video", False), ("video-lossless", True)])
def test_a_conversion_to_a_video_says_whether_it_loses_anything(tmp_path: Path, target: str, lossless: bool) -> None:
    needs.module("av")
    folder = made(tmp_path, "tar")
    before = [np.asarray(read_image(folder, frame)) for frame in read_frames(folder)]
    done = convert(Storage(tmp_path), PATH, target, owner="me")
    assert done is not None
    assert (done.lossless, done.same_bytes) == (lossless, False)
    assert stored_as(folder) == target
    assert set(os.listdir(folder)) == NAMES[target]
    after = [np.asarray(read_image(folder, frame)) for frame in read_frames(folder)]
    assert all(np.array_equal(one, other) for one, other in zip(before, after, strict=True)) == lossless
    assert capture_problem(Storage(tmp_path), PATH, content=True) is None
    back = convert(Storage(tmp_path), PATH, "files", owner="me")
    assert back is not None
    assert not back.same_bytes
    assert len(list(folder.glob("frame_*.jpeg"))) == FRAMES
    assert capture_problem(Storage(tmp_path), PATH, content=True) is None


@pytest.mark.parametrize(("source", "target"), [("tar", "files"), ("files", "tar"), ("files", "video")])
def test_a_conversion_has_few_frames_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, target: str
) -> None:
    if target == "video":
        needs.module("av")
    made(tmp_path, source)
    most = 0

    def counted(folder: Path, frame: CapturedFrame) -> bytes:
        nonlocal most
        most = max(most, sum(type(one) is CapturedFrame for one in gc.get_objects()))
        return read_jpeg(folder, frame)

    monkeypatch.setattr("tmxdb.capture.store.convert.read_jpeg", counted)
    monkeypatch.setattr("tmxdb.capture.output.reader.read_jpeg", counted)
    assert convert(Storage(tmp_path), PATH, target, owner="me") is not None
    assert 1 <= most <= 3


@pytest.mark.parametrize("source", ["files", "tar", "video"])
@pytest.mark.parametrize("target", ["files", "tar", "video"])
def test_an_interrupted_conversion_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, target: str
) -> None:
    if source == target:
        return
    if target == "video":
        needs.module("av")
    folder = made(tmp_path, source)

    class Killed(BaseException):
        pass

    def die(*arguments: Any, **options: Any) -> None:
        raise Killed

    for step in ("_move_in", "write_atomic", "_remove_others"):
        with monkeypatch.context() as patched:
            patched.setattr(f"tmxdb.capture.store.convert.{step}", die)
            with pytest.raises(Killed):
                convert(Storage(tmp_path), PATH, target, owner="me")
        assert [number_of(read_image(folder, frame)) for frame in read_frames(folder)] == list(range(FRAMES))
        assert capture_problem(Storage(tmp_path), PATH, content=True) is None
    convert(Storage(tmp_path), PATH, target, owner="me")
    assert set(os.listdir(folder)) == NAMES.get(target, set(os.listdir(folder)) - {"frames.tar", "frames.mp4"})
    assert stored_as(folder) == target


def swept(monkeypatch: pytest.MonkeyPatch, storage: Storage) -> None:
    """Sweep temporary files as a worker that starts, when a conversion has written some files."""
    write, written = convert_module._write_file, 0

    def write_and_sweep(path: Path, data: bytes) -> None:
        nonlocal written
        write(path, data)
        written += 1
        if written == 10:
            storage.delete_partial(storage.partial_files(), live=set())
            path.parent.mkdir(exist_ok=True)  # as if the sweep had met the folder between two files

    monkeypatch.setattr(convert_module, "_write_file", write_and_sweep)


def test_a_worker_that_starts_leaves_a_running_conversion_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, storage = made(tmp_path, "tar"), Storage(tmp_path)
    swept(monkeypatch, storage)
    convert(storage, PATH, "files", owner=process_owner())
    assert len(list(folder.glob("frame_*.jpeg"))) == FRAMES
    assert capture_problem(storage, PATH, content=True) is None
    monkeypatch.setattr("tmxdb.process_identity.has_ended", lambda pid, started_ms: True)
    (storage.root / ".partial" / f"{process_owner()}~convert-x").mkdir()
    assert storage.delete_partial(storage.partial_files(), live=set()) == 1


def test_a_conversion_whose_files_are_deleted_meanwhile_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, storage = made(tmp_path, "tar"), Storage(tmp_path)
    swept(monkeypatch, storage)
    with pytest.raises(DiskError, match="was deleted while the capture was converted"):
        convert(storage, PATH, "files", owner="somebody-else")
    assert stored_as(folder) == "tar"
    assert [number_of(read_image(folder, frame)) for frame in read_frames(folder)] == list(range(FRAMES))


@pytest.mark.parametrize("lost", ["settings", "total_frames", "fps", "width", "height", "replay_id"])
@pytest.mark.parametrize("target", ["tar", "video"])
def test_metadata_without_a_field_is_one_sentence(tmp_path: Path, lost: str, target: str) -> None:
    folder = made(tmp_path, "files")
    facts = read_metadata(folder)
    del facts[lost]
    (folder / METADATA).write_text(json.dumps(facts))
    with pytest.raises(InvalidInput, match="is not what a capture writes"):
        convert(Storage(tmp_path), PATH, target, owner="me")


def test_a_conversion_works_where_frames_are_on_another_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = made(tmp_path, "files")
    monkeypatch.setattr(convert_module, "working_folder", lambda storage: storage.root / "frames" / ".partial")
    convert(Storage(tmp_path), PATH, "tar", owner="me")
    assert stored_as(folder) == "tar"


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
