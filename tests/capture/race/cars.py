"""Car states for tests."""

from __future__ import annotations

from typing import Any

from tmxdb.game.state import CarDetails, CarInputs, CarState, WheelState

NO_INPUTS = CarInputs(accelerate=True, brake=False, left=False, right=False, steer=0, gas=0)

DETAILS = CarDetails(
    wheels=tuple(WheelState(True, n == 1, 0.01 * n, n, n + 1) for n in range(4)),  # type: ignore[arg-type]
    rpm=1.0, max_rpm=11_000.0, slide_factor=0.5, gear=2, rear_gear=1, gearbox_state=2, input_gas=1.0, input_brake=0.0,
    input_steer=-1.0, free_wheeling=True, sliding=False, lateral_contact=True, burnout=3, turbo=7, turbo_boost=0.25,
    last_turbo_time=9, local_speed=(1.0, 2.0, 3.0),
)  # fmt: skip


def car(race_time_ms: int = 0, **changes: Any) -> CarState:
    """Return a car that stands on its wheels with the throttle down, before one checkpoint and the finish."""
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
