"""From a replay to the run that a game is to drive: whose ghost, what it pressed, how it knows that the map is right.

The rules are in the TMInterface fact sheet, (e); the text is written by `tmxdb/gbx/script.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tmxdb.errors import GbxError, NeverAgain
from tmxdb.gbx import Ghost, InputEvent, Replay, Samples
from tmxdb.gbx.script import to_script

MOVED_M = 2.0
"""A car that has come so far from where it stood is driving."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run to be driven again. Times in ms of race time."""

    race_time_ms: int
    script: str = field(repr=False)
    checkpoints: int | None = None
    """Crossings of all laps and the finish; None: the file does not say."""
    start: tuple[float, float, float] | None = None
    """Where the car stands at 0, in metres."""
    moving_ms: int | None = None
    """When the car has surely left its place; None: the file does not say."""


def run_of(replay: Replay, item: str, *, offset_ms: int = 0) -> Run:
    """The run of the best ghost in `replay`.

    Raises NeverAgain, `capture.no_inputs` or `capture.not_finished`, if there is nothing to drive again, and GbxError.
    """
    ghost = best_ghost(replay)
    race_time_ms = ghost.race_time_ms if ghost else None
    if ghost is None or not race_time_ms or race_time_ms < 0:
        raise NeverAgain(f"{item}: the run was not finished, so there is nothing to drive again.",
                         code="capture.not_finished")  # fmt: skip
    events = _inputs(replay, ghost)
    script = to_script(events, race_time_ms, offset_ms=offset_ms)
    if not script:
        raise NeverAgain(f"{item}: no inputs are stored in the file, so it can not be driven again.",
                         code="capture.no_inputs")  # fmt: skip
    samples = _samples(ghost)
    first = samples[0] if samples else None
    return Run(
        race_time_ms,
        script,
        checkpoints=len(ghost.checkpoints_ms) if ghost.checkpoints_ms else None,
        start=(first.x, first.y, first.z) if first and first.time_ms <= 0 else None,
        moving_ms=_moving_ms(samples),
    )


def best_ghost(replay: Replay) -> Ghost | None:
    """The ghost with the best last checkpoint time; None if none was finished."""
    finished = [ghost for ghost in replay.ghosts if ghost.race_time_ms is not None]
    return min(finished, key=_last_checkpoint_ms, default=None)


def _last_checkpoint_ms(ghost: Ghost) -> int:
    return ghost.checkpoints_ms[-1] if ghost.checkpoints_ms else ghost.race_time_ms or 0


def _inputs(replay: Replay, ghost: Ghost) -> tuple[InputEvent, ...]:
    """Those of the ghost; games before United store them in the replay, for its record."""
    if ghost.recorded is not None and ghost.recorded.duration_ms:
        return ghost.recorded.events
    return replay.inputs if ghost is replay.record else ()


def _samples(ghost: Ghost) -> Samples | None:
    """Where the ghost was; damaged samples are none, for the run can be driven without them."""
    try:
        return ghost.samples
    except GbxError:
        return None


def _moving_ms(samples: Samples | None) -> int | None:
    if not samples:
        return None
    first = samples[0]
    for sample in samples:
        if abs(sample.x - first.x) + abs(sample.y - first.y) + abs(sample.z - first.z) > MOVED_M:
            return sample.time_ms
    return None
