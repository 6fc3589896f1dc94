"""Captured runs as they lie on the disk, made without a game: for whoever reads them."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

from PIL import Image

from tests.rows import Rows
from tmxdb.capture.encode import Jpegs
from tmxdb.capture.manifest import MANIFEST, METADATA, FrameLabel, Metadata
from tmxdb.capture.settings import CaptureSettings
from tmxdb.db.engine import Database
from tmxdb.db.models import Track
from tmxdb.game.driver import Frame
from tmxdb.game.state import CarInputs, CarState


def car(time_ms: int) -> CarState:
    """A car on a circle of 100 m, whatever it is driven with."""
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
    )


def jpeg(time_ms: int, size: tuple[int, int] = (64, 64)) -> bytes:
    """A picture whose grey tells its time."""
    out = io.BytesIO()
    Image.new("RGB", size, (time_ms // 100 % 256, 90, 140)).save(out, "JPEG", quality=90)
    return out.getvalue()


def stored_jpeg(frame: Frame, settings: CaptureSettings) -> bytes:
    """The file that a capture makes of a picture of the game."""
    out = io.BytesIO()
    Jpegs(settings).write(frame, out)
    return out.getvalue()


def captured_folder(folder: Path, frames: int, *, track_id: int = 1, replay_id: int = 1, **settings: Any) -> Path:
    """`folder` with so many frames, ten a second, and what is written beside them."""
    wanted = CaptureSettings(**settings)
    folder.mkdir(parents=True)
    labels = [FrameLabel(step, 100 * step, car(100 * step), 1_800_000_000_000 + 100 * step) for step in range(frames)]
    for label in labels:
        (folder / label.file).write_bytes(jpeg(label.time_ms, (wanted.width, wanted.height)))
    (folder / MANIFEST).write_text("[\n" + ",\n".join(label.to_json() for label in labels) + "\n]\n")
    end_ms = labels[-1].time_ms
    facts = Metadata(
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
    )
    (folder / METADATA).write_text(facts.to_json(wanted))
    return folder


def captured_database(database: Database, data: Path, runs: dict[int, int], **settings: Any) -> None:
    """Captures that are done: for each replay of `runs` (its id: its frames) one on a track of its own decade.

    Replays 10 to 19 belong to track 1, 20 to 29 to track 2, and so on.
    """
    rows = Rows(database)
    for replay_id, frames in runs.items():
        track_id = replay_id // 10
        if not rows.one(Track, track_id):
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
