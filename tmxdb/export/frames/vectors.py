"""A frame's state and inputs as vectors, for formats whose samples are arrays: LeRobot, Minari."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tmxdb.capture.output.actions import GAS_THRESHOLD

STATE = (
    *(f"position.{axis}" for axis in "xyz"),
    *(f"velocity.{axis}" for axis in "xyz"),
    *(f"angular_velocity.{axis}" for axis in "xyz"),
    *(f"rotation.{n}" for n in range(9)),
    "speed_kmh",
    "gear",
    "rpm",
    *(f"on_ground.{n}" for n in range(4)),
    *(f"sliding.{n}" for n in range(4)),
)
ACTION = ("accelerate", "brake", "steer")
_FULL = 65536


def state_vector(facts: Mapping[str, Any]) -> list[float]:
    """Return the state of a sample in the order of STATE."""
    state = facts["state"]
    values = [
        *state["position"],
        *state["velocity"],
        *state["angular_velocity"],
        *(value for row in state["rotation"] for value in row),
        state["speed_kmh"],
        state["gear"],
        state["rpm"],
        *state["wheels_on_ground"],
        *state["wheels_sliding"],
    ]
    return [float(value) for value in values]


def action_vector(facts: Mapping[str, Any]) -> list[float]:
    """Return the inputs of a sample in the order of ACTION. `steer` is from -1 to 1; right is positive.

    Analog gas counts as a pedal, and keys go before the analog steering, as in `action_index`.
    """
    inputs = facts["inputs"]
    accelerate = inputs["accelerate"] or inputs["gas"] <= -GAS_THRESHOLD
    brake = inputs["brake"] or inputs["gas"] >= GAS_THRESHOLD
    left, right = inputs["left"], inputs["right"]
    steer = float(right) - float(left) if left or right else inputs["steer"] / _FULL
    return [float(accelerate), float(brake), steer]
