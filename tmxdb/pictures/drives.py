"""What a picture of a run is drawn from: the line that was driven, and what was pressed meanwhile."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tmxdb.gbx import InputEvent, Replay

FULL = 65536
"""An analog control at its end."""
_PEDALS = {"Accelerate": "accelerate", "Brake": "brake"}


@dataclass(frozen=True, slots=True)
class DrivenLine:
    """Where a car was, seen from above: `x` and `z` in metres, speeds in km/h, times on the race clock."""

    name: str
    times_ms: Sequence[int]
    x: Sequence[float]
    z: Sequence[float]
    speed_kmh: Sequence[float]


@dataclass(frozen=True, slots=True)
class Controls:
    """What was pressed from when to when: each control as (time_ms, value) at its changes, in the order of time.

    Pedals are 0 or 1; `steer` is -1 (left) to 1 (right).
    """

    accelerate: Sequence[tuple[int, float]]
    brake: Sequence[tuple[int, float]]
    steer: Sequence[tuple[int, float]]
    respawns_ms: Sequence[int]


def ghost_line(replay: Replay) -> DrivenLine | None:
    """The line of the replay's best ghost up to its finish; None if the file has no samples. Raises GbxError."""
    samples = replay.samples
    if not samples:
        return None
    end_ms = replay.race_time_ms
    rows = [sample for sample in samples if end_ms is None or sample.time_ms <= end_ms]
    return DrivenLine(
        "ghost",
        [row.time_ms for row in rows],
        [row.x for row in rows],
        [row.z for row in rows],
        [row.speed_kmh for row in rows],
    )


def controls(events: Iterable[InputEvent], end_ms: int | None = None) -> Controls:
    """The controls of a run as steps; what happens after `end_ms` is left out.

    The keys left and right are full steering, and both together none (as the game has it for keyboards); an analog
    value counts while no key is down. `Gas`, which pads use, is a pedal from about a third of its way on, accelerating
    below -19661 and braking above 19661 in the sign of scripts; a replay stores the opposite sign.
    """
    pedals: dict[str, list[tuple[int, float]]] = {"accelerate": [(0, 0.0)], "brake": [(0, 0.0)]}
    steer: list[tuple[int, float]] = [(0, 0.0)]
    respawns: list[int] = []
    left = right = False
    analog = 0.0
    for event in events:
        time_ms = max(event.time_ms, 0)
        if end_ms is not None and time_ms > end_ms:
            continue
        match event.control:
            case "Accelerate" | "Brake":
                _set(pedals[_PEDALS[event.control]], time_ms, float(bool(event.value)))
            case "Gas":
                share = event.value / FULL
                _set(pedals["accelerate"], time_ms, float(share >= 0.3))
                _set(pedals["brake"], time_ms, float(share <= -0.3))
            case "SteerLeft" | "Steer left":
                left = bool(event.value)
            case "SteerRight" | "Steer right":
                right = bool(event.value)
            case "Steer":
                analog = -event.value / FULL  # stored: above 0 is to the left
            case "Respawn" if event.value and event.time_ms >= 0:
                respawns.append(time_ms)
            case _:
                continue
        _set(steer, time_ms, float(right) - float(left) if left or right else analog)
    return Controls(pedals["accelerate"], pedals["brake"], steer, respawns)


def _set(steps: list[tuple[int, float]], time_ms: int, value: float) -> None:
    if steps[-1][1] == value:
        return
    if steps[-1][0] == time_ms:
        steps.pop()
    steps.append((time_ms, value))
