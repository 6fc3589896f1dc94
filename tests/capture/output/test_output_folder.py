"""A capture's folder: complete under its final name or absent, durable, and recognised later."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from tests.capture.output.test_manifest import RUN, valid
from tests.capture.race.cars import car
from tests.frames import stored_jpeg
from tmxdb.capture.output import folder as folder_module
from tmxdb.capture.output.encoder import Encoder
from tmxdb.capture.output.folder import JPEG_END, CaptureFolder, folder_path, read_complete
from tmxdb.capture.output.manifest import MANIFEST, METADATA, FrameRecord
from tmxdb.capture.race.commands import StoreFrame
from tmxdb.capture.settings import CaptureSettings
from tmxdb.errors import DiskError, GameError, RetryLater
from tmxdb.game.driver import Frame
from tmxdb.storage import Storage

PATH = "frames/9865/4471203_ann_23450ms"
SETTINGS = CaptureSettings(width=16, height=8)


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage(tmp_path / "data")


def keep(step: int, time_ms: int, color: bytes = b"\x10\x80\xf0\x00", **state: Any) -> StoreFrame:
    return StoreFrame(step, time_ms, car(time_ms, **state), Frame(16, 8, color * (16 * 8)))


def make(storage: Storage, *kept: StoreFrame, settings: CaptureSettings = SETTINGS, publish: bool = True) -> Path:
    """Encode, store and publish."""
    dataset = CaptureFolder(storage, PATH, settings, owner="me")
    encoder = Encoder(dataset, settings, lambda: 1_800_000_000_000)
    for one in kept:
        encoder.store(one)
    encoder.finish()
    encoder.close()
    if publish:
        dataset.publish(replace(RUN, total_frames=dataset.frames))
    dataset.close()
    return storage.absolute(PATH)


def test_a_published_folder_has_every_frame_with_its_entry(storage: Storage) -> None:
    folder = make(storage, keep(0, 0), keep(1, 100), keep(2, 130))
    names = ["frame_00000_0ms.jpeg", "frame_00001_100ms.jpeg", "frame_00002_130ms.jpeg"]
    assert sorted(os.listdir(folder)) == [*names, MANIFEST, METADATA]
    entries = valid(json.loads((folder / MANIFEST).read_bytes()), MANIFEST)
    assert [(entry["file"], entry["time_ms"]) for entry in entries] == list(zip(names, [0, 100, 130], strict=True))
    assert valid(json.loads((folder / METADATA).read_bytes()), METADATA)["total_frames"] == 3


@pytest.mark.parametrize(("color", "mode"), [("rgb", "RGB"), ("gray", "L")])
def test_colours_are_stored_correctly(color: str, mode: str) -> None:
    from io import BytesIO

    from PIL import Image

    data = stored_jpeg(
        keep(0, 0, b"\xf0\x80\x10\x07").frame, CaptureSettings(width=16, height=8, color=color, quality=95)
    )
    image = Image.open(BytesIO(data))
    assert (image.mode, image.size) == (mode, (16, 8))
    pixel = image.getpixel((3, 3))
    wanted = (16, 128, 240) if mode == "RGB" else (round(0.299 * 16 + 0.587 * 128 + 0.114 * 240),)
    assert pixel == pytest.approx(wanted if mode == "RGB" else wanted[0], abs=4)


def test_a_larger_picture_is_averaged_down() -> None:
    from io import BytesIO

    from PIL import Image

    left, right = (b"\x00\x00\x00\xff" + b"\x50\xa0\xf0\x00") * 16, b"\x20\x40\x60\x07" * 32
    frame = Frame(16, 8, (left + right) * 16, (64, 16))
    image = Image.open(BytesIO(stored_jpeg(frame, CaptureSettings(width=16, height=8, quality=95))))
    assert image.size == (16, 8)
    assert image.getpixel((3, 3)) == pytest.approx((120, 80, 40), abs=4)
    assert image.getpixel((12, 3)) == pytest.approx((96, 64, 32), abs=4)


def test_with_per_frame_json_each_picture_has_its_entry_in_a_file(storage: Storage) -> None:
    folder = make(storage, keep(0, 0), keep(1, 100), settings=replace(SETTINGS, per_frame_json=True))
    entries = json.loads((folder / MANIFEST).read_bytes())
    for entry in entries:
        beside = folder / entry["file"].replace(".jpeg", ".json")
        assert json.loads(beside.read_bytes()) == entry


def test_nothing_appears_before_it_is_published(storage: Storage) -> None:
    folder = make(storage, keep(0, 0), publish=False)
    assert not folder.exists()
    assert [path.name for path in storage.partial_files()] == ["me~9865-4471203_ann_23450ms"]


def test_leftovers_of_a_dead_worker_are_removed_and_files_of_a_live_one_are_not(storage: Storage) -> None:
    make(storage, keep(0, 0), publish=False)
    assert storage.delete_partial(storage.partial_files(), {"me"}) == 0
    assert storage.delete_partial(storage.partial_files(), set()) == 1
    assert storage.partial_files() == []


def test_starting_over_leaves_no_earlier_frames(storage: Storage) -> None:
    dataset = CaptureFolder(storage, PATH, SETTINGS, owner="me")
    encoder = Encoder(dataset, SETTINGS, lambda: 0)
    for step in range(40):
        encoder.store(keep(step, step * 10))
    encoder.discard()
    encoder.store(keep(0, 0))
    encoder.finish()
    encoder.close()
    dataset.publish(replace(RUN, total_frames=dataset.frames))
    assert sorted(os.listdir(storage.absolute(PATH))) == ["frame_00000_0ms.jpeg", MANIFEST, METADATA]


def test_a_discarded_folder_leaves_nothing(storage: Storage) -> None:
    dataset = CaptureFolder(storage, PATH, SETTINGS, owner="me")
    dataset.add(FrameRecord(0, 0, car(), 0), lambda file: file.write(JPEG_END))
    dataset.discard()
    assert storage.partial_files() == []


def test_every_file_is_synced_before_the_folder_gets_its_name(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    order: list[int] = []
    real_fsync, real_rename = os.fsync, os.rename

    def fsync(handle: int) -> None:
        synced.append(os.fstat(handle).st_ino)
        real_fsync(handle)

    def rename(source: Any, target: Any) -> None:
        order.extend(synced)
        real_rename(source, target)

    monkeypatch.setattr(folder_module.os, "fsync", fsync)
    monkeypatch.setattr(folder_module.os, "rename", rename)
    folder = make(storage, keep(0, 0), keep(1, 100))
    names = ("frame_00000_0ms.jpeg", "frame_00001_100ms.jpeg", MANIFEST, METADATA)
    assert {(folder / name).stat().st_ino for name in names} <= set(order)
    if os.name != "nt":  # Windows cannot open folders
        assert synced[-1] == folder.parent.stat().st_ino  # it lists the new name


def test_a_virus_scanner_that_holds_the_folder_delays_it_and_does_not_stop_the_run(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tmxdb.storage.durable.RETRY_S", 0.2)
    refusals = 3
    real_rename = os.rename

    def rename(source: Any, target: Any) -> None:
        nonlocal refusals
        if refusals:
            refusals -= 1
            error = PermissionError(13, "Permission denied", str(source))
            error.winerror = 5  # type: ignore[attr-defined]  # ERROR_ACCESS_DENIED
            raise error
        real_rename(source, target)

    monkeypatch.setattr(os, "rename", rename)
    make(storage, keep(0, 0))
    assert (storage.absolute(PATH) / MANIFEST).is_file()
    refusals = 10**6
    with pytest.raises(RetryLater) as held:
        make(storage, keep(0, 0))
    assert held.value.code == "disk.in_use"  # retries the row; every other disk error stops the run


# Recognised later


def test_a_complete_folder_of_the_same_capture_is_recognised(storage: Storage) -> None:
    make(storage, keep(0, 0), keep(1, 100))
    metadata = read_complete(storage, PATH, RUN.replay_id, CaptureSettings(width=16, height=8))
    assert metadata is not None
    assert metadata["total_frames"] == 2


@pytest.mark.parametrize("what", ["frame", "empty", "manifest", "metadata", "settings", "replay", "nothing"])
def test_a_folder_that_is_incomplete_or_of_another_capture_is_not_recognised(storage: Storage, what: str) -> None:
    folder = make(storage, keep(0, 0), keep(1, 100))
    settings, replay_id = SETTINGS, RUN.replay_id
    match what:
        case "frame":
            (folder / "frame_00001_100ms.jpeg").unlink()
        case "empty":
            (folder / "frame_00001_100ms.jpeg").write_bytes(b"")
        case "manifest":
            (folder / MANIFEST).write_bytes((folder / MANIFEST).read_bytes()[:-3])
        case "metadata":
            (folder / METADATA).write_text("[]")
        case "settings":
            settings = replace(SETTINGS, quality=50)
        case "replay":
            replay_id = 1
        case "nothing":
            os.rename(folder, folder.with_name("else"))
    assert read_complete(storage, PATH, replay_id, settings) is None


def test_a_damaged_folder_is_replaced_completely(storage: Storage) -> None:
    folder = make(storage, keep(0, 0), keep(1, 100))
    (folder / "frame_00001_100ms.jpeg").unlink()
    (folder / "mine.txt").write_text("x")
    make(storage, keep(0, 0), keep(1, 100))
    assert sorted(os.listdir(folder)) == ["frame_00000_0ms.jpeg", "frame_00001_100ms.jpeg", MANIFEST, METADATA]
    assert storage.partial_files() == []


def test_two_captures_of_one_replay_have_folders_of_their_own() -> None:
    small, large = CaptureSettings().to_json(), CaptureSettings(width=256).to_json()
    first = folder_path(1, 7, "7_ann_1ms", small, is_first=True)
    others = {folder_path(1, 7, "7_ann_1ms", text, is_first=False) for text in (small, large)}
    assert first == "frames/1/7_ann_1ms"
    assert len(others | {first}) == 3
    assert folder_path(1, 7, "../7 ann:1ms", small, is_first=True) == "frames/1/7_ann_1ms"


@pytest.mark.parametrize("name", ["A01", "Ж", "x" * 200, "77", "local77"])
def test_two_replays_whose_files_have_the_same_name_have_folders_of_their_own(name: str) -> None:
    """Files that were adopted in place: from two folders, or with names that have no letter for a path."""
    settings = CaptureSettings().to_json()
    folders = {folder_path(-1, replay_id, name, settings, is_first=True).casefold() for replay_id in (-7, -8, 7)}
    assert len(folders) == 3


# Errors in the other thread


def test_a_disk_error_reaches_the_thread_that_runs_the_race(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = CaptureFolder(storage, PATH, SETTINGS, owner="me")
    encoder = Encoder(dataset, SETTINGS, lambda: 0)

    def full(*args: Any, **kwargs: Any) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("builtins.open", _only_for_frames(full))
    encoder.store(keep(0, 0))
    with pytest.raises(DiskError, match="the disk is full"):
        encoder.finish()
    monkeypatch.undo()
    encoder.close()
    dataset.discard()


def test_a_picture_cut_short_by_the_disk_is_noticed(storage: Storage) -> None:
    whole_one = stored_jpeg(keep(0, 0).frame, SETTINGS)
    dataset = CaptureFolder(storage, PATH, SETTINGS, owner="me")
    dataset.add(FrameRecord(0, 0, car(), 0), lambda file: file.write(whole_one))
    for step, cut in enumerate((whole_one[:-1], whole_one[:300], b""), 1):
        with pytest.raises(DiskError):
            dataset.add(FrameRecord(step, step * 10, car(), 0), lambda file, cut=cut: file.write(cut))  # type: ignore[misc]
    assert dataset.frames == 1
    dataset.discard()


def _only_for_frames(full: Callable[..., Any]) -> Callable[..., Any]:
    real_open = open
    return lambda path, *rest, **more: (full if "frame_" in str(path) else real_open)(path, *rest, **more)


def test_a_number_that_is_not_finite_reaches_the_thread_that_runs_the_race(storage: Storage) -> None:
    dataset = CaptureFolder(storage, PATH, SETTINGS, owner="me")
    encoder = Encoder(dataset, SETTINGS, lambda: 0)
    encoder.store(keep(0, 0, rpm=float("inf")))
    with pytest.raises(GameError):
        encoder.finish()
    encoder.close()
    dataset.discard()


def test_a_frame_has_the_time_of_its_picture_not_that_of_its_encoding() -> None:
    import threading

    class Slow:
        def __init__(self) -> None:
            self.go = threading.Event()
            self.times: list[int] = []

        def add(self, label: FrameRecord, write: Callable[[BinaryIO], object], image: Any = None) -> None:
            self.go.wait(120)
            self.times.append(label.captured_at_ms)

        def clear(self) -> None:
            pass

    slow, now = Slow(), 0
    encoder = Encoder(slow, SETTINGS, lambda: now)
    for now in (1000, 2000, 3000):
        encoder.store(keep(now // 1000, now))
    now = 99_000
    slow.go.set()
    encoder.finish()
    encoder.close()
    assert slow.times == [1000, 2000, 3000]


@pytest.mark.parametrize("source_size", [None, (1024, 1024)])
def test_the_queue_is_bounded_in_bytes(source_size: tuple[int, int] | None) -> None:
    """A reader that is faster than the disk waits and does not fill the memory, even with large pictures."""
    import threading

    class Slow:
        def __init__(self) -> None:
            self.go = threading.Event()
            self.added = 0

        def add(self, label: FrameRecord, write: Callable[[BinaryIO], object], image: Any = None) -> None:
            self.go.wait(120)
            self.added += 1

        def clear(self) -> None:
            pass

    slow = Slow()
    width, height = (1024, 1024) if source_size is None else (64, 64)
    settings = CaptureSettings(width=width, height=height)
    encoder = Encoder(slow, settings, lambda: 0)
    frame = Frame(width, height, bytes(4 * 1024 * 1024), source_size)  # 16 of them are 64 MB
    given: list[int] = []

    def give() -> None:
        for step in range(40):
            encoder.store(StoreFrame(step, step * 10, car(), frame))
            given.append(step)

    thread = threading.Thread(target=give)
    thread.start()
    thread.join(0.5)
    assert 16 <= len(given) <= 18
    slow.go.set()
    thread.join(120)
    encoder.finish()
    encoder.close()
    assert slow.added == 40
