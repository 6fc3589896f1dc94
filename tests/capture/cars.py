"""Cars at a tick, for tests that need one."""

from __future__ import annotations

from typing import Any

from tmxdb.game.state import CarInputs, CarState

NO_INPUTS = CarInputs(accelerate=True, brake=False, left=False, right=False, steer=0, gas=0)


def car(race_time_ms: int = 0, **changes: Any) -> CarState:
    """A car that stands on its wheels with the throttle down, one checkpoint and the finish before it."""
    values: dict[str, Any] = {
        "race_time_ms": race_time_ms,
        "position": (512.0, 9.36, 512.0),
        "velocity": (0.0, 0.0, 0.0),
        "angular_velocity": (0.0, 0.0, 0.0),
        "rotation": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
        "yaw_pitch_roll": (0.0, 0.0, 0.0),
        "speed_kmh": 0.0,
        "gear": 1,
        "rpm": 1000.0,
        "wheels_on_ground": (True, True, True, True),
        "wheels_sliding": (False, False, False, False),
        "inputs": NO_INPUTS,
        "cp_times_ms": (-1, -1),
        "current_checkpoint": 0,
        "respawns": 0,
        "finished": False,
    }
    return CarState(**values | changes)
