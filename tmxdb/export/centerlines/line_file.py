"""The centre line of one replay, made in another process. Imports no SQLAlchemy, which takes five times as
long as all else here."""

from __future__ import annotations

from array import array
from itertools import islice
from math import isfinite
from pathlib import Path

from tmxdb.capture.replay_script import best_ghost
from tmxdb.capture.telemetry.npy import array_bytes
from tmxdb.errors import GbxError, InvalidInput
from tmxdb.export.centerlines.resampling import centerline, sample_count
from tmxdb.gbx import read_replay
from tmxdb.storage import unread


def line_file(file: Path, distance_m: float) -> tuple[int, bytes] | str:
    """Return the number of points and the `.npy` file of the replay in `file`, or a sentence: why there is no line."""
    try:
        replay = read_replay(file)
        ghost = best_ghost(replay)
        samples = ghost.samples if ghost is not None else None
        race_time_ms = ghost.race_time_ms if ghost is not None else None
        if not samples or not race_time_ms or samples.period_ms <= 0:
            return "the replay contains no positions at a fixed rate."
        positions = list(islice(samples.positions(), sample_count(race_time_ms, samples.period_ms)))
        if not all(isfinite(value) for position in positions for value in position):
            return "a position in the replay is not a finite number."
        points = centerline(positions, distance_m)
    except OSError as error:
        return unread(error, str(file), get_again="Run `tmxdb verify --repair` to download it again.")
    except (GbxError, InvalidInput) as error:
        return str(error)
    return len(points), array_bytes(array("d", [value for point in points for value in point]), (len(points), 3))
