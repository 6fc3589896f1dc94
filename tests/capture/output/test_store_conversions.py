"""`convert-captures`: from files to a tar or a video and back, interrupted, and beside a worker."""

from __future__ import annotations

import gc
import json
import os
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import needs
from tests.capture.output.stored import FRAMES, NAMES, PATH, made, number_of
from tests.capture.output.test_manifest import RUN
from tmxdb.capture.output.folder import read_complete
from tmxdb.capture.output.manifest import METADATA
from tmxdb.capture.output.reader import CapturedFrame, read_frames, read_image, read_jpeg, read_metadata
from tmxdb.capture.settings import parse_settings
from tmxdb.capture.store import convert as convert_module
from tmxdb.capture.store.convert import convert, stored_as
from tmxdb.errors import DiskError, InvalidInput
from tmxdb.storage import Storage
from tmxdb.storage.data_folder import process_owner
from tmxdb.upkeep.capture_integrity import capture_problem


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


@pytest.mark.parametrize("source", ["files", "tar", "video", "video-lossless"])
@pytest.mark.parametrize("target", ["files", "tar", "video", "video-lossless"])
def test_an_interrupted_conversion_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, target: str
) -> None:
    if source == target:
        return
    if target.startswith("video"):
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


@pytest.mark.parametrize(("source", "target"), [("video", "video-lossless"), ("video-lossless", "video")])
@pytest.mark.parametrize("is_moved", [False, True])
def test_a_video_that_takes_the_place_of_another_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, target: str, is_moved: bool
) -> None:
    """Killed just before the new video is in the folder, or just after."""
    folder, storage = made(tmp_path, source), Storage(tmp_path)
    settings, move_in = parse_settings(json.dumps(read_metadata(folder)["settings"])), convert_module._move_in

    def die(work: Path, folder: Path) -> None:
        if is_moved:
            move_in(work, folder)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(convert_module, "_move_in", die)
        with pytest.raises(KeyboardInterrupt):
            convert(storage, PATH, target, owner="me")
    there = target if is_moved else source
    assert stored_as(folder) == there
    assert capture_problem(storage, PATH, content=True) is None
    assert read_complete(storage, PATH, RUN.replay_id, settings) is not None
    assert convert(storage, PATH, there, owner="me") is None  # completes the metadata
    assert "next" not in read_metadata(folder)["store"]
    assert stored_as(folder) == there
    assert capture_problem(storage, PATH, content=True) is None


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
