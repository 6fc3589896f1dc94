"""The rows of one replay in the table `lines`, made in another process.

Imports no SQLAlchemy, which takes five times as long as all else here.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import dist
from pathlib import Path
from typing import Any

from tmxdb.errors import GbxError
from tmxdb.gbx import Replay, Sample, read_replay
from tmxdb.gbx.jumps import jumps
from tmxdb.gbx.replay_parts.inputs import RESPAWN
from tmxdb.storage import Storage, unread

NO_POSITIONS = "the file contains no positions."


def line_rows(row: tuple[Any, ...], data: Path) -> list[tuple[Any, ...]] | str:
    """Return the rows of a replay; or why there are none, as a sentence."""
    replay_id, track_id, file_path = row
    path = Storage(data).absolute(file_path)
    try:
        replay = read_replay(path)
        samples = list(replay.samples or ())
        if not samples:
            return NO_POSITIONS
        moved, finish_ms = _jumps(replay, samples), replay.race_time_ms
        return [
            (replay_id, track_id, *sample, at in moved, None if finish_ms is None else sample.time_ms > finish_ms)
            for at, sample in enumerate(samples)
        ]
    except OSError as error:
        return unread(error, str(path), get_again="Run `tmxdb verify --repair` to download it again.")
    except GbxError as error:
        return str(error)


def _jumps(replay: Replay, samples: Sequence[Sample]) -> set[int]:
    """Return the samples to which a respawn moved the car, as `jumps` of `tmxdb.arrays.line.Line`."""
    distances_m = [0.0, *(dist(before[1:4], after[1:4]) for before, after in pairwise(samples))]
    presses_ms = replay.recorded.presses_ms(RESPAWN) if replay.recorded else []
    respawns_ms = [time_ms for time_ms in presses_ms if time_ms >= 0]
    return set(jumps([sample.time_ms for sample in samples], distances_m, respawns_ms))
