"""Reads replays and maps of the classic TrackMania games: bytes in, facts out.

    from tmxdb.gbx import read_replay
    replay = read_replay(data)
    replay.race_time_ms, replay.challenge.name_plain, len(replay.inputs)

Knows no files, no network and no database, and logs nothing. Any bytes give a result or a GbxError. What is read for
which game, the error codes and the limits: docs/gbx.md.
"""

from __future__ import annotations

from tmxdb.errors import GbxError

from .challenge import Challenge, read_challenge
from .ghost import Ghost
from .inputs import InputEvent, Inputs
from .replay import Replay, embedded_challenge, read_replay
from .samples import Sample, Samples

__all__ = [
    "Challenge",
    "GbxError",
    "Ghost",
    "InputEvent",
    "Inputs",
    "Replay",
    "Sample",
    "Samples",
    "embedded_challenge",
    "read_challenge",
    "read_replay",
]
