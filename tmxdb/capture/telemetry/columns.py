"""The columns of telemetry: names, types and units, the same in every file format.

Matrices and vectors are flat: `rotation` has the three rows of the matrix from the car to the world. Wheels are front
left, front right, rear right, rear left, as in the simulation state: docs/facts/tminterface.md#simulation-state.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tmxdb.capture.output.actions import action_of
from tmxdb.game.state import CarDetails, CarState, Vector

FLAG, BYTE, WHOLE, NUMBER = "B", "b", "i", "f"
"""Types of a column, as codes of the module `array`: 0 or 1, signed 8 bits, signed 32 bits, float32."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column. `width`: values per tick; `unit`: for the documentation; `needs_details`: null without the details."""

    name: str
    code: str
    width: int
    unit: str
    needs_details: bool = False


COLUMNS: tuple[Column, ...] = (
    Column("time_ms", WHOLE, 1, "ms of race time"),
    Column("accelerate", FLAG, 1, "key"),
    Column("brake", FLAG, 1, "key"),
    Column("left", FLAG, 1, "key"),
    Column("right", FLAG, 1, "key"),
    Column("steer", WHOLE, 1, "-65536 to 65536, right is positive"),
    Column("gas", WHOLE, 1, "-65536 to 65536, negative accelerates"),
    Column("action_idx", BYTE, 1, "index into action_table of metadata.json"),
    Column("position", NUMBER, 3, "m, y is up"),
    Column("velocity", NUMBER, 3, "m/s, world axes"),
    Column("angular_velocity", NUMBER, 3, "rad/s, world axes"),
    Column("local_velocity", NUMBER, 3, "m/s, axes of the car: sideways, up, ahead"),
    Column("local_angular_velocity", NUMBER, 3, "rad/s, axes of the car"),
    Column("rotation", NUMBER, 9, "rows of the matrix from the car to the world"),
    Column("speed_kmh", NUMBER, 1, "as displayed"),
    Column("gear", WHOLE, 1, ""),
    Column("rpm", NUMBER, 1, "1/min"),
    Column("wheels_on_ground", FLAG, 4, ""),
    Column("wheels_sliding", FLAG, 4, ""),
    Column("checkpoint", WHOLE, 1, "checkpoints passed"),
    Column("lap", WHOLE, 1, "laps completed"),
    Column("respawns", WHOLE, 1, ""),
    Column("finished", FLAG, 1, ""),
    Column("gearbox_state", WHOLE, 1, "", True),
    Column("rear_gear", WHOLE, 1, "", True),
    Column("max_rpm", NUMBER, 1, "1/min", True),
    Column("slide_factor", NUMBER, 1, "", True),
    Column("free_wheeling", FLAG, 1, "", True),
    Column("sliding", FLAG, 1, "", True),
    Column("lateral_contact", FLAG, 1, "touches a wall", True),
    Column("burnout", WHOLE, 1, "", True),
    Column("turbo", WHOLE, 1, "type", True),
    Column("turbo_boost", NUMBER, 1, "", True),
    Column("wheel_dampers", NUMBER, 4, "m pressed in", True),
    Column("wheel_materials", WHOLE, 4, "PlugSurfaceMaterialId", True),
    Column("wheel_contacts", WHOLE, 4, "number of contacts with the ground", True),
)


def tick_values(time_ms: int, state: CarState) -> tuple[Any, ...]:
    """Return a value, or a tuple of them, for each column. The last ones are left out without details of the car."""
    inputs = state.inputs
    x, y, z = state.rotation
    values = (
        time_ms,
        inputs.accelerate,
        inputs.brake,
        inputs.left,
        inputs.right,
        inputs.steer,
        inputs.gas,
        action_of(inputs),
        state.position,
        state.velocity,
        state.angular_velocity,
        to_car_axes(state.rotation, state.velocity),
        to_car_axes(state.rotation, state.angular_velocity),
        (*x, *y, *z),
        state.speed_kmh,
        state.gear,
        state.rpm,
        state.wheels_on_ground,
        state.wheels_sliding,
        state.current_checkpoint,
        state.lap,
        state.respawns,
        state.finished,
    )
    details = state.details or state.simulated
    return values if details is None else (*values, *_detail_values(details))


def _detail_values(car: CarDetails) -> tuple[Any, ...]:
    return (
        car.gearbox_state,
        car.rear_gear,
        car.max_rpm,
        car.slide_factor,
        car.free_wheeling,
        car.sliding,
        car.lateral_contact,
        car.burnout,
        car.turbo,
        car.turbo_boost,
        [wheel.damper for wheel in car.wheels],
        [wheel.material for wheel in car.wheels],
        [wheel.contacts for wheel in car.wheels],
    )


def to_car_axes(rotation: tuple[Vector, Vector, Vector], vector: Vector) -> Vector:
    """Return a world vector in the axes of the car: the transposed rotation times the vector."""
    (a, b, c), (d, e, f), (g, h, i) = rotation
    x, y, z = vector
    return a * x + d * y + g * z, b * x + e * y + h * z, c * x + f * y + i * z
