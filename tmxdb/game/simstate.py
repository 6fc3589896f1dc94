"""The bytes of the simulation's state (SimStateData of TMInterface 1 and 2) as a CarState: offsets of our own.

The package `tminterface` reads the same bytes, but builds an object for each field: 80 times slower (450 to 5 µs), for
every frame. A test holds the two against each other. Facts: sheet of TMInterface, section (c), from the package's
structs.py; their use on the bytes of TMInterface 2 is that of the projects GIM and rulka.
"""

from __future__ import annotations

import math
import struct

from tmxdb.errors import GameTrouble
from tmxdb.game.state import CarInputs, CarState

FIXED_BYTES = 8344
"""What comes before the block of checkpoints."""
MIN_BYTES = FIXED_BYTES + 12
"""With no checkpoint at all: 8356 + 4 n + 8 m bytes for n checkpoints of a lap, m times of all laps."""

# HmsDynaStruct at 224, in it `current_state` at 448: quat 4 f, rotation 9 f, position 3 f, linear_speed 3 f,
# add_linear_speed 3 f, angular_speed 3 f.
_DYNA = struct.Struct("<9f3f3f12x3f")
_DYNA_AT = 224 + 448 + 16
# SceneVehicleCar at 1648, Engine in it at 1436: actual_rpm at 28, slide_factor, 8 unknown bytes, rear_gear, gear.
_ENGINE = struct.Struct("<f12xi")
_ENGINE_AT = 1648 + 1436 + 28
# SimulationWheel, four of 764 bytes at 3816; RealTimeState in each at 180: has_ground_contact at 112,
# contact_material_id, is_sliding.
_WHEEL = struct.Struct("<i4xi")
_WHEELS_AT = tuple(3816 + 764 * i + 180 + 112 for i in range(4))
# PlayerInfoStruct at 7204: race_time at 688; race_finished at 828, display_speed after it.
_RACE_TIME_AT = 7204 + 688
_FINISHED = struct.Struct("<ii")
_FINISHED_AT = 7204 + 828
# Eight Events of (i32 time, i32 data) at 8276: running, finish, accelerate, brake, left, right, steer, gas; then
# num_respawns.
_INPUTS = struct.Struct("<4xi4xi4xi4xi4xi4xiI")
_INPUTS_AT = 8276 + 2 * 8
_INT = struct.Struct("<i")
# CheckpointData at 8344: i32 reserved, i32 n, n i32, i32 m, m times (i32 time, i32 score).
_CHECKPOINTS_AT = FIXED_BYTES + 4


def car_state(data: bytes | bytearray | memoryview) -> CarState:
    """The car at the tick of these bytes.

    `current_checkpoint` counts the times that are set, as the package itself does when it rewinds; `speed_kmh` is what
    the game displays. Raises GameTrouble (game.bad_state) if the bytes are too few for what they announce or hold a
    number that is none: they are not a state, or one of another version.
    """
    rotation_at = _DYNA_AT
    times = _checkpoint_times(data)
    numbers = _DYNA.unpack_from(data, rotation_at)
    rpm, gear = _ENGINE.unpack_from(data, _ENGINE_AT)
    if not math.isfinite(math.fsum(map(abs, numbers)) + rpm):
        raise GameTrouble("the state of the car holds a number that is none", code="game.bad_state")
    x1, x2, x3, y1, y2, y3, z1, z2, z3 = numbers[:9]
    wheels = [_WHEEL.unpack_from(data, at) for at in _WHEELS_AT]
    finished, speed_kmh = _FINISHED.unpack_from(data, _FINISHED_AT)
    accelerate, brake, left, right, steer, gas, respawns = _INPUTS.unpack_from(data, _INPUTS_AT)
    return CarState(
        race_time_ms=_INT.unpack_from(data, _RACE_TIME_AT)[0],
        position=numbers[9:12],
        velocity=numbers[12:15],
        angular_velocity=numbers[15:18],
        rotation=((x1, x2, x3), (y1, y2, y3), (z1, z2, z3)),
        yaw_pitch_roll=_angles(x1, y1, y2, y3, z1),
        speed_kmh=float(speed_kmh),
        gear=gear,
        rpm=rpm,
        wheels_on_ground=(wheels[0][0] != 0, wheels[1][0] != 0, wheels[2][0] != 0, wheels[3][0] != 0),
        wheels_sliding=(wheels[0][1] != 0, wheels[1][1] != 0, wheels[2][1] != 0, wheels[3][1] != 0),
        inputs=CarInputs(
            accelerate=accelerate & 0xFFFFFF != 0,
            brake=brake & 0xFFFFFF != 0,
            left=left & 0xFFFFFF != 0,
            right=right & 0xFFFFFF != 0,
            steer=_analog(steer),
            gas=_analog(gas),
        ),
        cp_times_ms=times,
        current_checkpoint=len(times) - times.count(-1),
        respawns=respawns,
        finished=finished != 0,
    )


def _checkpoint_times(data: bytes | bytearray | memoryview) -> tuple[int, ...]:
    """All lengths are checked here, before anything else is read."""
    if len(data) >= MIN_BYTES:
        (of_a_lap,) = _INT.unpack_from(data, _CHECKPOINTS_AT)
        at = _CHECKPOINTS_AT + 4 + 4 * of_a_lap
        if of_a_lap >= 0 and at + 4 <= len(data):
            (of_all_laps,) = _INT.unpack_from(data, at)
            if of_all_laps >= 0 and at + 4 + 8 * of_all_laps <= len(data):
                return struct.unpack_from("<" + "i4x" * of_all_laps, data, at + 4)
    raise GameTrouble(
        f"the state of the car has {len(data)} bytes, fewer than it announces: the game speaks another version",
        code="game.bad_state",
    )


def _analog(value: int) -> int:
    """24 bits with a sign, stored the other way round: `data_to_analog_value` of the package's util.py."""
    value &= 0xFFFFFF
    return -(value - 0x1000000 if value & 0x800000 else value)


def _angles(x1: float, y1: float, y2: float, y3: float, z1: float) -> tuple[float, float, float]:
    """Yaw about Y, "pitch" about X, "roll" about Z (the asin term), as the package names them, radians.

    The package goes through a quaternion and, within 0.4 degrees of the pole of its asin term (a car on its nose or
    tail), answers with a special case; these are the same angles straight from the matrix, without the jump.
    """
    return math.atan2(-z1, x1), math.atan2(-y3, y2), math.asin(max(-1.0, min(1.0, y1)))
