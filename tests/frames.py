"""Captured runs on disk, made without a game, for tests that read captures."""

from __future__ import annotations

import io
import math
from functools import cache
from pathlib import Path
from typing import Any

from PIL import Image

from tests.capture.race.cars import DETAILS
from tests.rows import Rows
from tmxdb.capture.output.encoder import JpegWriter
from tmxdb.capture.output.manifest import MANIFEST, METADATA, CaptureMetadata, FrameRecord
from tmxdb.capture.settings import CaptureSettings
from tmxdb.capture.telemetry.files import PARQUET, describe, write_telemetry
from tmxdb.capture.telemetry.table import TelemetryTable
from tmxdb.db.database import Database
from tmxdb.db.models import TrackRow
from tmxdb.game.driver import Frame
from tmxdb.game.state import CarInputs, CarState


def car(time_ms: int) -> CarState:
    """Return a car on a circle with a radius of 100 m. The inputs do not affect it."""
    angle = time_ms / 3000
    turn = -1 if time_ms % 2000 < 1000 else 1
    return CarState(
        race_time_ms=time_ms,
        position=(500 + 100 * math.cos(angle), 9.0, 500 + 100 * math.sin(angle)),
        velocity=(-33 * math.sin(angle), 0.0, 33 * math.cos(angle)),
        angular_velocity=(0.0, 0.3, 0.0),
        rotation=((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
        yaw_pitch_roll=(angle % 3, 0.0, 0.0),
        speed_kmh=20 + time_ms / 100,
        gear=3,
        rpm=8000.0,
        wheels_on_ground=(True, True, True, False),
        wheels_sliding=(False, False, True, False),
        inputs=CarInputs(True, time_ms % 3000 > 2500, turn < 0, turn > 0, 65536 * turn, 0),
        cp_times_ms=(1000, -1),
        current_checkpoint=1,
        respawns=0,
        finished=False,
        simulated=DETAILS,
    )


def jpeg(time_ms: int, size: tuple[int, int] = (64, 64)) -> bytes:
    """Return a picture whose red channel encodes its time."""
    return _picture(time_ms // 100 % 256, size)


@cache
def _picture(red: int, size: tuple[int, int]) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, (red, 90, 140)).save(out, "JPEG", quality=90)
    return out.getvalue()


def stored_jpeg(frame: Frame, settings: CaptureSettings) -> bytes:
    """Return the file that a capture writes for a frame."""
    out = io.BytesIO()
    JpegWriter(settings).write(frame, out)
    return out.getvalue()


def captured_folder(folder: Path, frames: int, *, track_id: int = 1, replay_id: int = 1, **settings: Any) -> Path:
    """Create `folder` with this many frames, a manifest, metadata and telemetry."""
    capture_settings = CaptureSettings(**settings)
    folder.mkdir(parents=True)
    times = [step * 1000 // capture_settings.fps for step in range(frames)]
    labels = [FrameRecord(step, ms, car(ms), 1_800_000_000_000 + ms) for step, ms in enumerate(times)]
    for label in labels:
        (folder / label.file).write_bytes(jpeg(label.time_ms, (capture_settings.width, capture_settings.height)))
    (folder / MANIFEST).write_text("[\n" + ",\n".join(label.to_json() for label in labels) + "\n]\n")
    end_ms = labels[-1].time_ms
    table = TelemetryTable()
    for time_ms in range(0, end_ms + 1, 10):
        table.add(time_ms, car(time_ms))
    with (folder / PARQUET).open("wb") as file:
        write_telemetry(table, file, PARQUET)
    facts = CaptureMetadata(
        track_id=track_id,
        replay_id=replay_id,
        replay_name=folder.name,
        challenge_name="A01",
        map_uid="uid",
        race_time_ms=end_ms,
        actual_race_time_ms=end_ms,
        race_finished=True,
        time_matches=True,
        total_frames=frames,
        frames_missed=0,
        frames_late=0,
        frames_dropped=0,
        inputs_match=True,
        restarts=0,
        tmxdb_version="0",
        tminterface_version=None,
        driver="made",
        captured_at_ms=1_800_000_000_000,
        telemetry=describe(table, PARQUET, 100),
    )
    (folder / METADATA).write_text(facts.to_json(capture_settings))
    return folder


def captured_database(database: Database, data: Path, runs: dict[int, int], **settings: Any) -> None:
    """Create done captures. `runs` maps replay ids to numbers of frames.

    Replays 10 to 19 belong to track 1, 20 to 29 to track 2, and so on.
    """
    rows = Rows(database)
    for replay_id, frames in runs.items():
        track_id = replay_id // 10
        if not rows.one(TrackRow, track_id):
            rows.track(track_id, uid=f"map {track_id}", name=f"Track {track_id}")
        rows.replay(replay_id, track_id=track_id, user_name="ann")
        path = f"frames/{track_id}/{replay_id}"
        captured_folder(data / path, frames, track_id=track_id, replay_id=replay_id, **settings)
        rows.capture(
            replay_id,
            replay_id,
            "done",
            track_id=track_id,
            settings=CaptureSettings(**settings).to_json(),
            folder_path=path,
            frame_count=frames,
            frames_missed=0,
            time_matches=True,
        )
