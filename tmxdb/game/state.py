"""The simulated car at one tick, with which frames are labelled, and its inputs."""

from __future__ import annotations

from dataclasses import dataclass, field

Vector = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class CarInputs:
    """The inputs at this tick. `steer`: -65536 to 65536, right is positive. `gas`: the same range."""

    accelerate: bool
    brake: bool
    left: bool
    right: bool
    steer: int
    gas: int


@dataclass(frozen=True, slots=True)
class Camera:
    """The camera of a picture: the rows of its rotation, its position in metres, its field of view in degrees."""

    rotation: tuple[Vector, Vector, Vector]
    position: Vector
    fov: float


@dataclass(frozen=True, slots=True)
class WheelState:
    """`damper`: how far it is pressed in, in metres. `material`: `PlugSurfaceMaterialId`, such as 16 for asphalt."""

    on_ground: bool
    sliding: bool
    damper: float
    material: int
    contacts: int


@dataclass(frozen=True, slots=True)
class CarDetails:
    """Wheels, engine and contacts, named as in the game's plugin API: docs/facts/tminterface.md#plugin-api.

    `wheels`: front left, front right, rear right, rear left. `local_speed`: m/s in the car's own axes.
    """

    wheels: tuple[WheelState, WheelState, WheelState, WheelState]
    rpm: float
    max_rpm: float
    slide_factor: float
    gear: int
    rear_gear: int
    gearbox_state: int
    input_gas: float
    input_brake: float
    input_steer: float
    free_wheeling: bool
    sliding: bool
    lateral_contact: bool
    burnout: int
    turbo: int
    turbo_boost: float
    last_turbo_time: int
    local_speed: Vector


@dataclass(frozen=True, slots=True)
class CarState:
    """Position in metres (y is up), velocity in m/s, angles in radians.

    `rotation`: the three rows of the matrix from car to world coordinates. `cp_times_ms`: a time for each checkpoint of
    all laps and for the finish, -1 for those not passed yet. `current_checkpoint`: how many were passed. `lap`: how
    many laps are complete. `details`: None if the game does not report them.
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
    details: CarDetails | None = None
    lap: int = 0
    simulated: CarDetails | None = field(default=None, compare=False)
    """The same as `details`, read from the simulation state; None if that has a number that is not finite."""


@dataclass(frozen=True, slots=True)
class GameInput:
    """An input event of the game. `control`: as in scripts, or `running`, `finish`, `other`. `time_ms`: as stored."""

    time_ms: int
    control: str
    value: int
