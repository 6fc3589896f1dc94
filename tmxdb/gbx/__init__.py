"""Read replays and maps of the classic TrackMania games: bytes in, facts out.

    from tmxdb.gbx import read_replay
    replay = read_replay(data)
    replay.race_time_ms, replay.challenge.name_plain, len(replay.inputs)

Independent of the network, the database and the command line; logs nothing. Any bytes give a result or a GbxError.
docs/reference/gbx.md lists what is read for which game, the error codes and the limits.
"""

from __future__ import annotations

from tmxdb.errors import GbxError
from tmxdb.gbx.challenge import Challenge, read_challenge
from tmxdb.gbx.replay import Replay, embedded_challenge, read_replay
from tmxdb.gbx.replay_parts.ghost import Ghost
from tmxdb.gbx.replay_parts.inputs import InputEvent, Inputs
from tmxdb.gbx.replay_parts.samples import Sample, Samples

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
