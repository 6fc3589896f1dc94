"""Captures stored in each way, made without a game: pictures that show their number."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tests import needs
from tests.capture.output.test_manifest import RUN
from tests.capture.race.cars import DETAILS, car
from tmxdb.capture.output.encoder import Encoder
from tmxdb.capture.output.folder import CaptureFolder
from tmxdb.capture.output.manifest import METADATA
from tmxdb.capture.output.reader import read_frames, read_image
from tmxdb.capture.race.commands import StoreFrame, StoreTick
from tmxdb.capture.settings import CaptureSettings
from tmxdb.game.driver import Frame
from tmxdb.storage import Storage

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


def read_all(folder: Path) -> None:
    for frame in read_frames(folder):
        read_image(folder, frame)
