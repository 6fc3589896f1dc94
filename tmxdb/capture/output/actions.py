"""Inputs as an index into the table of 12 actions that linesight and rulka use: docs/facts/training.md#actions."""

from __future__ import annotations

from tmxdb.game.state import CarInputs

ACTIONS: tuple[tuple[str, ...], ...] = tuple(
    (*pedals, *steering)
    for pedals in (("up",), (), ("down",), ("up", "down"))
    for steering in ((), ("left",), ("right",))
)
"""Keys that are down, by index. The table is in the metadata too, because those programs can be configured with others.
"""
STEER_DEADZONE = 1000
"""Analog steering of at least this, of 65536, counts as a key: docs/facts/training.md#actions."""
GAS_THRESHOLD = 19661
"""Analog gas accelerates at or below minus this, and brakes at or above it: docs/facts/tminterface.md#script-files."""


def action_index(*, accelerate: bool, brake: bool, left: bool, right: bool, steer: int, gas: int) -> int:
    """Return the index of the action of a tick. Left and right together are straight."""
    up = accelerate or gas <= -GAS_THRESHOLD
    down = brake or gas >= GAS_THRESHOLD
    if not (left or right):
        left, right = steer <= -STEER_DEADZONE, steer >= STEER_DEADZONE
    pedals = {(True, False): 0, (False, False): 1, (False, True): 2, (True, True): 3}[up, down]
    steering = 0 if left == right else 1 if left else 2
    return 3 * pedals + steering


def action_of(inputs: CarInputs) -> int:
    """Return the index of the action of these inputs."""
    return action_index(
        accelerate=inputs.accelerate,
        brake=inputs.brake,
        left=inputs.left,
        right=inputs.right,
        steer=inputs.steer,
        gas=inputs.gas,
    )
