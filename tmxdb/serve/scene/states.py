"""What a driver pressed at each sample of a line, and the gear, in one byte: for the colours of the 3D view."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tmxdb.arrays.telemetry import Telemetry
from tmxdb.errors import GbxError
from tmxdb.gbx import Replay
from tmxdb.pictures.controls import control_steps

STEPS = 3
"""Steering to one side is stored as 0 (none) to 3 (all of it)."""
NO_GEAR = 7


def packed_states(times_ms: NDArray[np.int64], replay: Replay, telemetry: Telemetry | None) -> tuple[bytes, bool]:
    """Return a byte for each time, and whether the file has inputs.

    Bits 0 and 1: accelerate, brake. Bits 2 to 4: steering, 0 (left) to 6 (right), 3 is straight. Bits 5 to 7: the gear,
    7 if it is unknown: replay files do not store it, captures with telemetry do.
    """
    try:
        events = replay.inputs
    except GbxError:
        events = ()
    steps = control_steps(events)
    accelerate, brake, steer = (_at(times_ms, curve) for curve in (steps.accelerate, steps.brake, steps.steer))
    side = np.clip(np.rint(steer * STEPS), -STEPS, STEPS) + STEPS
    states = (accelerate > 0) | ((brake > 0) << 1) | (side.astype(np.int64) << 2) | (_gears(times_ms, telemetry) << 5)
    return states.astype(np.uint8).tobytes(), bool(events)


def _at(times_ms: NDArray[np.int64], curve: Any) -> NDArray[np.float64]:
    changes, values = np.array(curve, dtype=float).T
    found: NDArray[np.float64] = values[np.clip(np.searchsorted(changes, times_ms, side="right") - 1, 0, None)]
    return found


def _gears(times_ms: NDArray[np.int64], telemetry: Telemetry | None) -> NDArray[np.int64]:
    if telemetry is None or not len(telemetry):
        return np.full(len(times_ms), NO_GEAR)
    rows = np.clip(np.searchsorted(telemetry["time_ms"], times_ms, side="right") - 1, 0, None)
    return np.clip(telemetry["gear"][rows].astype(np.int64), 0, NO_GEAR - 1)
