"""Checkpoints of runs beside those of another run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tmxdb.db.reading.reader import Reader


@dataclass(frozen=True, slots=True)
class CheckpointGap:
    """A checkpoint of a run. `other_ms`: the time of the other run there.

    `gap_ms`: behind the other run. `lost_ms`: lost since the checkpoint before.
    """

    number: int
    time_ms: int | None
    other_ms: int | None = None
    gap_ms: int | None = None
    lost_ms: int | None = None


@dataclass(frozen=True, slots=True)
class CheckpointRun:
    """The checkpoints of one run on a leaderboard."""

    replay_id: int
    rank: int | None
    user_name: str | None
    crossings: list[CheckpointGap]


@dataclass(frozen=True, slots=True)
class CheckpointTable:
    """Runs of a track with their checkpoints, the run that the others are compared with first.

    `n`: checkpoints of that run. `left_out`: runs with another number of them, such as those of an older map.
    """

    n: int
    runs: list[CheckpointRun]
    left_out: int


_RUNS = """
SELECT replay_id, position, user_name, checkpoints_ms FROM replays
WHERE track_id = :track_id AND position IS NOT NULL AND checkpoints_ms IS NOT NULL
ORDER BY position, replay_id LIMIT :n"""


def read_checkpoints(reader: Reader, track_id: int, *, top: int) -> CheckpointTable:
    """Return the checkpoints of the first `top` downloaded runs of a leaderboard."""
    rows = [(row, times_of(row["checkpoints_ms"])) for row in reader.rows(_RUNS, track_id=track_id, n=top)]
    rows = [(row, times) for row, times in rows if times]
    if not rows:
        return CheckpointTable(0, [], 0)
    best = rows[0][1]
    comparable = [(row, times) for row, times in rows if len(times) == len(best)]
    runs = [_run(row, compared(times, best)) for row, times in comparable]
    return CheckpointTable(len(best), runs, len(rows) - len(runs))


def _run(row: dict[str, Any], crossings: list[CheckpointGap]) -> CheckpointRun:
    rank = None if row["position"] is None else row["position"] + 1
    return CheckpointRun(row["replay_id"], rank, row["user_name"], crossings)


def times_of(stored: str | None) -> list[int | None]:
    """Return the column `checkpoints_ms` as a list; empty without checkpoints."""
    return json.loads(stored) if stored else []


def compared(times_ms: Sequence[int | None], others_ms: Sequence[int | None] = ()) -> list[CheckpointGap]:
    """Return each checkpoint of a run, compared with the same one of another run where both have a time."""
    found: list[CheckpointGap] = []
    before = 0
    for number, time_ms in enumerate(times_ms, 1):
        other_ms = others_ms[number - 1] if number <= len(others_ms) else None
        if time_ms is None or other_ms is None:
            found.append(CheckpointGap(number, time_ms, other_ms))
            continue
        gap_ms = time_ms - other_ms
        found.append(CheckpointGap(number, time_ms, other_ms, gap_ms, gap_ms - before))
        before = gap_ms
    return found
