"""The replay that is driven to check or calibrate a game. It contains its map, so its file is enough."""

from __future__ import annotations

import hashlib

from tmxdb.capture.games.task import CaptureTask
from tmxdb.capture.replay_script import scripted_run
from tmxdb.capture.settings import CaptureSettings
from tmxdb.gbx import read_challenge, read_replay

MIN_MS, MAX_MS = 5_000, 120_000
"""Race times of replays that suit. Only the beginning is driven."""


def reference_task(data: bytes, name: str, settings: CaptureSettings) -> CaptureTask:
    """Return the task that drives the replay in `data`.

    Raise GbxError if it cannot be read, PermanentError if it cannot be driven again.
    """
    replay = read_replay(data)
    map_data = replay.map_bytes
    challenge = read_challenge(map_data)
    uid = challenge.uid or replay.map_uid or ""
    return CaptureTask(
        run=scripted_run(replay, name),
        settings=settings,
        name=name,
        map_key=f"check-{hashlib.sha256(uid.encode()).hexdigest()[:8]}",
        map_data=map_data,
        map_name=challenge.name_plain or "",
        intro_ms=challenge.intro_ms or 0,
        replay=data,
        map_uid=uid or None,
    )
