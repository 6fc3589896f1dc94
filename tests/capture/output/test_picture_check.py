"""Black and frozen pictures are counted; normal ones are not."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from tests.capture.race.cars import car
from tests.frames import captured_folder
from tmxdb.capture.output.encoder import Encoder
from tmxdb.capture.output.folder import CaptureFolder
from tmxdb.capture.output.manifest import METADATA
from tmxdb.capture.output.picture_check import PictureChecker, PictureCounts, stored_picture_counts
from tmxdb.capture.race.commands import StoreFrame
from tmxdb.capture.settings import CaptureSettings
from tmxdb.game.driver import Frame
from tmxdb.storage import Storage

SIZES = [(16, 8), (64, 64), (640, 480)]


def noise(width: int, height: int, seed: int = 0) -> Frame:
    return Frame(width, height, random.Random(seed).randbytes(4 * width * height))


def black(width: int, height: int) -> Frame:
    """Black with the unused byte set, as a desktop gives it."""
    return Frame(width, height, b"\x00\x01\x02\xff" * (width * height))


@pytest.mark.parametrize("size", SIZES)
def test_black_pictures_are_counted(size: tuple[int, int]) -> None:
    checker = PictureChecker()
    for at in range(3):
        checker.add_frame(black(*size), (float(10 * at), 0.0, 0.0))
    checker.add_frame(noise(*size), (40.0, 0.0, 0.0))
    assert checker.counts == PictureCounts(black=3)


@pytest.mark.parametrize("size", SIZES)
def test_a_dark_picture_with_one_bright_spot_is_not_black(size: tuple[int, int]) -> None:
    pixels = bytearray(black(*size).pixels)
    pixels[len(pixels) // 8 * 4 + 1] = 90
    checker = PictureChecker()
    checker.add_frame(Frame(*size, pixels), (0.0, 0.0, 0.0))
    assert checker.counts == PictureCounts()


@pytest.mark.parametrize("size", SIZES)
def test_the_same_picture_is_frozen_once_the_car_has_moved(size: tuple[int, int]) -> None:
    checker = PictureChecker()
    for at_m in (0.0, 0.5, 1.0, 1.5, 2.0):
        checker.add_frame(noise(*size), (at_m, 0.0, 0.0))
    checker.add_frame(noise(*size, seed=1), (2.5, 0.0, 0.0))
    assert checker.counts == PictureCounts(frozen=2)


def test_a_car_that_stands_still_gives_the_same_picture_without_a_warning() -> None:
    checker = PictureChecker()
    for _ in range(100):
        checker.add_frame(noise(64, 64), (5.0, 9.0, 5.0))
    assert checker.counts == PictureCounts()
    assert checker.counts.warning(100) is None


def test_the_warning_names_the_counts_and_what_to_do() -> None:
    warning = PictureCounts(black=1200, frozen=3).warning(2000)
    assert warning is not None
    assert warning.startswith("1,200 of 2,000 frames are black, 3 of 2,000 frames show the same picture")
    assert "Keep the game's window visible" in warning


def test_a_race_that_starts_over_forgets_its_counts(tmp_path: Path) -> None:
    settings = CaptureSettings(width=16, height=8)
    folder = CaptureFolder(Storage(tmp_path), "frames/1/a", settings, owner="me")
    encoder = Encoder(folder, settings, lambda: 0)
    encoder.store(StoreFrame(0, 0, car(), black(16, 8)))
    encoder.finish()
    assert encoder.picture_counts == PictureCounts(black=1)
    encoder.discard()
    encoder.store(StoreFrame(0, 0, car(), noise(16, 8)))
    encoder.finish()
    assert encoder.picture_counts == PictureCounts()
    encoder.close()
    folder.discard()


def test_counts_of_a_folder_come_from_its_metadata_or_from_its_pictures(tmp_path: Path) -> None:
    folder = captured_folder(tmp_path / "run", 5)
    picture = (folder / "frame_00000_0ms.jpeg").read_bytes()
    for step in (1, 2, 3):
        (folder / f"frame_{step:05d}_{step * 100}ms.jpeg").write_bytes(picture)
    metadata = json.loads((folder / METADATA).read_bytes())
    metadata["frames_black"] = 4
    (folder / METADATA).write_text(json.dumps(metadata))
    assert stored_picture_counts(folder, decode=True) == PictureCounts(black=4)
    del metadata["frames_black"]
    (folder / METADATA).write_text(json.dumps(metadata))
    assert stored_picture_counts(folder, decode=False) == PictureCounts()
    assert stored_picture_counts(folder, decode=True) == PictureCounts(frozen=3)
