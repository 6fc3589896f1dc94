"""The run to drive, read from a replay: which ghost, its inputs as a script, and how to recognise its map.

The rules are in docs/facts/tminterface.md#inputs-of-a-ghost; `tmxdb/gbx/script.py` writes the script.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tmxdb.capture.race import assumptions as assumed
from tmxdb.errors import GbxError, PermanentError
from tmxdb.gbx import Ghost, InputEvent, Replay, Samples
from tmxdb.gbx.script import RespawnRule, to_script

MOVED_M = 2.0
"""A car this far from its start has moved."""


@dataclass(frozen=True, slots=True)
class ScriptedRun:
    """A run to drive again. Times are in ms of race time."""

    race_time_ms: int
    script: str = field(repr=False)
    checkpoints: int | None = None
    """Crossings of all laps, including the finish; None if the file does not say."""
    start: tuple[float, float, float] | None = None
    """Position of the car at race time 0, in metres."""
    moving_ms: int | None = None
    """When the car has certainly moved; None if the file does not say."""


def scripted_run(
    replay: Replay, item: str, *, offset_ms: int = 0, respawn_key: str = "enter", respawn_after_cp_ms: int = 0
) -> ScriptedRun:
    """Return the run of the best ghost in `replay`, with the capture settings of these names.

    Raise PermanentError with `capture.no_inputs`, `capture.not_finished` or `capture.too_long` if it cannot be driven
    again, or GbxError if the file is damaged or has inputs that a script cannot have.
    """
    ghost = best_ghost(replay)
    race_time_ms = ghost.race_time_ms if ghost else None
    if ghost is None or not race_time_ms or race_time_ms < 0:
        raise PermanentError(
            f"{item}: the run was not finished, so it cannot be driven again.", code="capture.not_finished"
        )
    if race_time_ms > assumed.MAX_RACE_S * 1000:
        hours = race_time_ms / 3_600_000
        raise PermanentError(
            f"{item}: the file says that the race took {hours:,.1f} hours, more than {assumed.MAX_RACE_S // 3600}."
            " It is not driven, because it would occupy a game that long.",
            code="capture.too_long",
        )
    events = _inputs(replay, ghost)
    checkpoints_ms = tuple(at_ms for at_ms in ghost.checkpoints_ms or () if at_ms is not None)
    respawns = RespawnRule(respawn_key, respawn_after_cp_ms, checkpoints_ms)
    script = to_script(events, race_time_ms, offset_ms=offset_ms, respawns=respawns)
    if not script:
        raise PermanentError(
            f"{item}: the file contains no inputs, so it cannot be driven again.", code="capture.no_inputs"
        )
    samples = _samples(ghost)
    first = samples[0] if samples else None
    return ScriptedRun(
        race_time_ms,
        script,
        checkpoints=len(ghost.checkpoints_ms) if ghost.checkpoints_ms else None,
        start=(first.x, first.y, first.z) if first and first.time_ms <= 0 else None,
        moving_ms=_moving_ms(samples),
    )


def best_ghost(replay: Replay) -> Ghost | None:
    """Return the ghost with the best last checkpoint time; None if no ghost finished."""
    finished = [ghost for ghost in replay.ghosts if ghost.race_time_ms is not None]
    return min(finished, key=_last_checkpoint_ms, default=None)


def _last_checkpoint_ms(ghost: Ghost) -> int:
    return (ghost.checkpoints_ms[-1] if ghost.checkpoints_ms else None) or ghost.race_time_ms or 0


def _inputs(replay: Replay, ghost: Ghost) -> tuple[InputEvent, ...]:
    """Return the ghost's inputs. Games before United store them in the replay, for its record."""
    if ghost.recorded is not None and ghost.recorded.duration_ms:
        return ghost.recorded.events
    return replay.inputs if ghost is replay.record else ()


def _samples(ghost: Ghost) -> Samples | None:
    """Return the ghost's positions, or None if they are damaged: the run can be driven without them."""
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
