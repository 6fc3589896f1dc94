"""The inputs of a run as steps that can be drawn."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tmxdb.gbx import InputEvent
from tmxdb.gbx.replay_parts.inputs import KEY_OF

FULL = 65536
"""The largest value of an analog control."""
_SECOND_KEY = 1 << 16
"""Value of AccelerateReal and BrakeReal while a second key is down, as in `tmxdb.gbx.script`."""
_NOT_INVERTED = "_FakeDontInverseAxis"


@dataclass(frozen=True, slots=True)
class ControlSteps:
    """Each control as (time_ms, value) at its changes, in the order of time.

    `accelerate` and `brake` are 0 or 1; `steer` is -1 (left) to 1 (right).
    """

    accelerate: Sequence[tuple[int, float]]
    brake: Sequence[tuple[int, float]]
    steer: Sequence[tuple[int, float]]
    respawns_ms: Sequence[int]


def control_steps(events: Iterable[InputEvent], end_ms: int | None = None) -> ControlSteps:
    """Return the inputs of a run as steps, without those after `end_ms`.

    The keys left and right are full steering, and cancel each other; an analog value applies while no key is down.
    `Gas`, which pads use, accelerates above 30 % and brakes below -30 % as stored in a replay. A pedal is down while
    any of its keys or the analog value says so. The sign of analog values is that of `tmxdb.gbx.script`.
    """
    events = list(events)
    sign = -1 if any(event.control == _NOT_INVERTED for event in events) else 1
    down: set[str] = set()
    gas = 0.0
    pedals: dict[str, list[tuple[int, float]]] = {"accelerate": [(0, 0.0)], "brake": [(0, 0.0)]}
    steer: list[tuple[int, float]] = [(0, 0.0)]
    respawns: list[int] = []
    analog = 0.0
    for event in events:
        time_ms = max(event.time_ms, 0)
        if end_ms is not None and time_ms > end_ms:
            continue
        match event.control:
            case "AccelerateReal" | "BrakeReal":
                down = down | {event.control} if event.value >= _SECOND_KEY else down - {event.control}
            case "Respawn":
                respawns += [time_ms] if event.value and event.time_ms >= 0 else []
            case control if control in KEY_OF:
                down = down | {event.control} if event.value else down - {event.control}
            case "Gas":
                gas = sign * event.value / FULL
            case "Steer":
                analog = -sign * event.value / FULL  # stored values above 0 are to the left
            case _:
                continue
        keys = {KEY_OF[control] for control in down}
        left, right = "left" in keys, "right" in keys
        _add_step(pedals["accelerate"], time_ms, float("up" in keys or gas >= 0.3))
        _add_step(pedals["brake"], time_ms, float("down" in keys or gas <= -0.3))
        _add_step(steer, time_ms, float(right) - float(left) if left or right else analog)
    return ControlSteps(pedals["accelerate"], pedals["brake"], steer, respawns)


def _add_step(steps: list[tuple[int, float]], time_ms: int, value: float) -> None:
    if steps[-1][1] == value:
        return
    if steps[-1][0] == time_ms:
        steps.pop()
    steps.append((time_ms, value))
