"""The car at one tick, as the simulation has it: what a frame is labelled with."""

from __future__ import annotations

from dataclasses import dataclass

Vector = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class CarInputs:
    """What the driver pressed at this tick. `steer`: -65536 to 65536, right is positive; `gas` likewise."""

    accelerate: bool
    brake: bool
    left: bool
    right: bool
    steer: int
    gas: int


@dataclass(frozen=True, slots=True)
class CarState:
    """Position in metres (y is up), velocity in m/s, angles in radians.

    `rotation`: 3 rows of the matrix from the car to the world. `cp_times_ms`: a time for each checkpoint of all laps
    and the finish, -1 where it was not passed yet. `current_checkpoint`: how many were passed.
    """

    race_time_ms: int
    position: Vector
    velocity: Vector
    angular_velocity: Vector
    rotation: tuple[Vector, Vector, Vector]
    yaw_pitch_roll: Vector
    speed_kmh: float
    gear: int
    rpm: float
    wheels_on_ground: tuple[bool, bool, bool, bool]
    wheels_sliding: tuple[bool, bool, bool, bool]
    inputs: CarInputs
    cp_times_ms: tuple[int, ...]
    current_checkpoint: int
    respawns: int
    finished: bool
