"""Read a CarState from the bytes of a simulation state (SimStateData of TMInterface 1 and 2).

The package `tminterface` reads the same bytes, but builds an object for each field, which takes 450 µs instead of 5 µs
per frame. A test compares the two. The layout is docs/facts/tminterface.md#simulation-state.
"""

from __future__ import annotations

import math
import struct

from tmxdb.errors import GameError
from tmxdb.game.state import CarDetails, CarInputs, CarState, WheelState

FIXED_BYTES = 8344
"""The size of the part before the checkpoints."""
MIN_BYTES = FIXED_BYTES + 12
"""The size without checkpoints. With n checkpoints a lap and m crossings in all laps: 8356 + 4 n + 8 m bytes."""

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
# The rest of the car and of its wheels: formats and offsets, those of the package `tminterface`.
_CAR_INPUTS, _CAR_INPUTS_AT = struct.Struct("<3f"), 1648 + 80  # input_gas, input_brake, input_steer
_GEARBOX_AT = 2388
_MOTOR, _MOTOR_AT = struct.Struct("<f28xf4xi"), 1648 + 1436  # max_rpm, slide_factor, rear_gear
_TURBO, _TURBO_AT = struct.Struct("<f4xIi"), 3172  # turbo_boost_factor, last_turbo_time, turbo_type
_LATERAL_AT, _FREE_WHEELING_AT, _CAR_SLIDING_AT, _BURNOUT_AT = 3148, 3196, 3224, 3340
_LOCAL_SPEED, _LOCAL_SPEED_AT = struct.Struct("<3f"), 3452
_WHEEL_PARTS = struct.Struct("<f108xiIi16xi")  # damper_absorb, contact, material, is_sliding, nb_ground_contacts
_WHEEL_PARTS_AT = tuple(3816 + 764 * i + 180 for i in range(4))
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
    """Return the car at the tick of these bytes.

    `current_checkpoint` counts the times that are set, as the package does when it rewinds. `speed_kmh` is that of the
    display. Raise GameError (game.bad_state) if the bytes are fewer than their lengths say, or contain a NaN or
    infinity: then they are not a state, or one of another version.
    """
    rotation_at = _DYNA_AT
    of_a_lap, times = _checkpoint_times(data)
    numbers = _DYNA.unpack_from(data, rotation_at)
    rpm, gear = _ENGINE.unpack_from(data, _ENGINE_AT)
    if not math.isfinite(math.fsum(map(abs, numbers)) + rpm):
        raise GameError(
            "the state of the car contains a NaN or infinity: unsupported version of TMInterface",
            code="game.bad_state",
        )
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
        current_checkpoint=(passed := len(times) - times.count(-1)),
        lap=passed // of_a_lap if of_a_lap else 0,
        respawns=respawns,
        finished=finished != 0,
        simulated=_details(data, rpm, gear),
    )


def _details(data: bytes | bytearray | memoryview, rpm: float, gear: int) -> CarDetails | None:
    """Return what TmxdbLink would tell of the car; None if a number is not finite, as in another version's state."""
    gas, brake, steer = _CAR_INPUTS.unpack_from(data, _CAR_INPUTS_AT)
    max_rpm, slide_factor, rear_gear = _MOTOR.unpack_from(data, _MOTOR_AT)
    boost, last_turbo, turbo = _TURBO.unpack_from(data, _TURBO_AT)
    local_speed = _LOCAL_SPEED.unpack_from(data, _LOCAL_SPEED_AT)
    wheels = [_wheel(data, at) for at in _WHEEL_PARTS_AT]
    floats = (gas, brake, steer, max_rpm, slide_factor, boost, *local_speed, *(wheel.damper for wheel in wheels))
    if not all(map(math.isfinite, floats)):
        return None
    return CarDetails(
        wheels=(wheels[0], wheels[1], wheels[2], wheels[3]),
        rpm=rpm,
        max_rpm=max_rpm,
        slide_factor=slide_factor,
        gear=gear,
        rear_gear=rear_gear,
        gearbox_state=_INT.unpack_from(data, _GEARBOX_AT)[0],
        input_gas=gas,
        input_brake=brake,
        input_steer=steer,
        free_wheeling=_INT.unpack_from(data, _FREE_WHEELING_AT)[0] != 0,
        sliding=_INT.unpack_from(data, _CAR_SLIDING_AT)[0] != 0,
        lateral_contact=_INT.unpack_from(data, _LATERAL_AT)[0] != 0,
        burnout=_INT.unpack_from(data, _BURNOUT_AT)[0],
        turbo=turbo,
        turbo_boost=boost,
        last_turbo_time=last_turbo,
        local_speed=local_speed,
    )


def _wheel(data: bytes | bytearray | memoryview, at: int) -> WheelState:
    damper, contact, material, sliding, contacts = _WHEEL_PARTS.unpack_from(data, at)
    return WheelState(contact != 0, sliding != 0, damper, material & 0xFFFF, contacts)


def _checkpoint_times(data: bytes | bytearray | memoryview) -> tuple[int, tuple[int, ...]]:
    """Return how many checkpoints a lap has, and the times of all crossings.

    All lengths are checked here, before anything else is read.
    """
    if len(data) >= MIN_BYTES:
        (of_a_lap,) = _INT.unpack_from(data, _CHECKPOINTS_AT)
        at = _CHECKPOINTS_AT + 4 + 4 * of_a_lap
        if of_a_lap >= 0 and at + 4 <= len(data):
            (of_all_laps,) = _INT.unpack_from(data, at)
            if of_all_laps >= 0 and at + 4 + 8 * of_all_laps <= len(data):
                return of_a_lap, struct.unpack_from("<" + "i4x" * of_all_laps, data, at + 4)
    raise GameError(
        f"the state of the car has {len(data)} bytes, fewer than its lengths say: unsupported version of TMInterface",
        code="game.bad_state",
    )


def _analog(value: int) -> int:
    """Decode 24 signed bits, stored negated: `data_to_analog_value` of the package's util.py."""
    value &= 0xFFFFFF
    return -(value - 0x1000000 if value & 0x800000 else value)


def _angles(x1: float, y1: float, y2: float, y3: float, z1: float) -> tuple[float, float, float]:
    """Return yaw about Y, "pitch" about X and "roll" about Z (the asin term) in radians, as the package names them.

    The package goes through a quaternion, with a special case within 0.4 degrees of the pole of its asin term (a car on
    its nose or tail). These are the same angles straight from the matrix, without the jump.
    """
    return math.atan2(-z1, x1), math.atan2(-y3, y2), math.asin(max(-1.0, min(1.0, y1)))
