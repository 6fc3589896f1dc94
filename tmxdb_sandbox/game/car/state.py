"""The bytes of the car's state, which reply to message 9: `SimStateData` of TMInterface, written by hand.

The layout is docs/facts/tminterface.md#simulation-state; offsets inside the parts are those of the PyPI package
`tminterface` (`structs.py`), which reads these bytes in a test.
"""

from __future__ import annotations

import math
from struct import Struct, pack_into, unpack_from

from tmxdb_sandbox.game.car.controls import TICK_MS
from tmxdb_sandbox.game.car.motion import Quaternion
from tmxdb_sandbox.game.car.race import COUNTDOWN_MS, SimulatedRace

FIXED_BYTES = 8344
_TIMERS, _DYNA, _CAR, _WHEELS = 12, 224, 1648, 3816
_PLAYER, _CACHED, _EVENTS, _RESPAWNS = 7204, 8156, 8276, 8340
_WHEEL_BYTES, _DYNA_STATE_BYTES = 764, 180
_RUN_MODE, _ALL_PARTS = 1, 0xFF
ORIGIN_MS = 100_000  # of stored event times

_THREE = Struct("<3f")
_EVENT = Struct("<iI")
_RUNNING, _FINISH, _ACCELERATE, _BRAKE, _LEFT, _RIGHT, _STEER, _GAS = range(8)
# Wheel positions relative to the car: front left, front right, rear right, rear left.
_WHEEL_POSITIONS = ((0.86, 0.35, 1.78), (-0.86, 0.35, 1.78), (-0.88, 0.35, -1.2), (0.88, 0.35, -1.2))
ASPHALT = 0
_SLIDE = math.radians(12)  # between the directions of the car and of its motion
_GEAR_KMH = (0, 90, 160, 235, 330)  # lowest speed of each gear


def race_time_of(data: bytes) -> int | None:
    """Return the race time of a state; None if it is too short."""
    if len(data) < FIXED_BYTES:
        return None
    time_ms: int = unpack_from("<i", data, _PLAYER + 688)[0]
    return time_ms


def state_bytes(race: SimulatedRace) -> bytes:
    """Return the state of a race."""
    data = bytearray(FIXED_BYTES)
    car = race.car
    gear, rpm = engine_of(car.speed_kmh)
    pack_into("<3I", data, 0, 0, _RUN_MODE, _ALL_PARTS)
    pack_into("<2i", data, _TIMERS, 0, race.tick_ms - COUNTDOWN_MS)
    rows = matrix(car.rotation)
    # The previous, current and next state. Clients read only the current one.
    for number in range(3):
        at = _DYNA + 268 + number * _DYNA_STATE_BYTES
        pack_into("<4f", data, at, *car.rotation)
        pack_into("<9f", data, at + 16, *rows)
        _THREE.pack_into(data, at + 52, *car.position)
        _THREE.pack_into(data, at + 64, *car.velocity)
        _THREE.pack_into(data, at + 88, *car.angular_velocity)
        _THREE.pack_into(data, at + 164, *car.velocity)
    _car(data, race, gear, rpm)
    _wheels(data, race, rows)
    _player(data, race)
    _inputs(data, race)
    return bytes(data) + _checkpoints(race)


def engine_of(speed_kmh: float) -> tuple[int, float]:
    gear = max(number for number, begin in enumerate(_GEAR_KMH) if speed_kmh >= begin)
    begin = _GEAR_KMH[gear]
    end = (*_GEAR_KMH, 500)[gear + 1]
    return gear + 1, 4000.0 + 7000.0 * min(1.0, (speed_kmh - begin) / (end - begin)) if speed_kmh else 1000.0


def _car(data: bytearray, race: SimulatedRace, gear: int, rpm: float) -> None:
    pressed = race.pressed
    steer = pressed.steer / 65536 if pressed.steer else float(pressed.right - pressed.left)
    gas = float(pressed.up or pressed.gas <= -19661)
    brake = float(pressed.down or pressed.gas >= 19661)
    pack_into("<3f", data, _CAR + 80, gas, brake, steer)
    pack_into("<f", data, _CAR + 736, 277.8)  # 1000 km/h, the limit of the game
    pack_into("<I", data, _CAR + 740, 0)
    engine = _CAR + 1436
    pack_into("<f", data, engine, 11_000.0)
    pack_into("<3f", data, engine + 20, 1.0, rpm, rpm)
    pack_into("<2i", data, engine + 40, 0, gear)
    pack_into("<i", data, _CAR + 1576, int(is_sliding(race)))
    _THREE.pack_into(data, _CAR + 1804, 0.0, 0.0, race.car.speed_kmh / 3.6)


def _wheels(data: bytearray, race: SimulatedRace, rows: tuple[float, ...]) -> None:
    slides = is_sliding(race)
    for number, position in enumerate(_WHEEL_POSITIONS):
        at = _WHEELS + number * _WHEEL_BYTES
        pack_into("<i", data, at + 4, int(number < 2))  # front wheels steer
        _THREE.pack_into(data, at + 168, *position)
        # real_time_state: damper, contact, material, slides, number of contacts
        state = at + 180
        pack_into("<f", data, state, 0.03 + 0.01 * (number % 2))
        pack_into("<3i", data, state + 112, 1, ASPHALT, int(slides))
        pack_into("<i", data, state + 140, 1)


def is_sliding(race: SimulatedRace) -> bool:
    """Return whether the car moves in another direction than it points."""
    car = race.car
    speed = math.hypot(*car.velocity)
    if speed < 5:
        return False
    rows = matrix(car.rotation)
    ahead = sum(rows[3 * axis + 2] * car.velocity[axis] for axis in range(3)) / speed
    return abs(ahead) < math.cos(_SLIDE)


def _player(data: bytearray, race: SimulatedRace) -> None:
    passed = race.passed
    lap_begin_ms = passed[len(passed) // race.per_lap * race.per_lap - 1] if len(passed) >= race.per_lap else 0
    pack_into(
        "<iIiIIIi", data, _PLAYER + 680,
        race.race_time_ms - TICK_MS, -COUNTDOWN_MS, race.race_time_ms, 0xFFFFFFFF,
        lap_begin_ms, max(0, race.race_time_ms - lap_begin_ms), -1,
    )  # fmt: skip
    pack_into("<I", data, _PLAYER + 732, max(0, len(passed) - 1))
    pack_into("<I", data, _PLAYER + 776, race.tick_ms - COUNTDOWN_MS)
    pack_into(
        "<3I3i", data, _PLAYER + 816,
        len(passed) % race.per_lap, len(passed), len(passed) // race.per_lap,
        int(race.finished), int(race.car.speed_kmh), int(not race.finished),
    )  # fmt: skip
    pack_into("<i", data, _PLAYER + 916, -COUNTDOWN_MS)


def _inputs(data: bytearray, race: SimulatedRace) -> None:
    controls = race.pressed
    at_ms = race.race_time_ms - TICK_MS
    values = {
        _ACCELERATE: ("up", controls.up),
        _BRAKE: ("down", controls.down),
        _LEFT: ("left", controls.left),
        _RIGHT: ("right", controls.right),
        _STEER: ("steer", -controls.steer & 0xFFFFFF),  # stored with the opposite sign, in 24 bits
        _GAS: ("gas", -controls.gas & 0xFFFFFF),
    }
    _event(data, _RUNNING, 0, int(race.race_time_ms >= 0))
    _event(data, _FINISH, race.race_time_ms if race.finished else 0, int(race.finished))
    for number, (control, value) in values.items():
        _event(data, number, race.plan.changed_at(control, at_ms) + TICK_MS, value)
    for number in range(10):  # cached inputs: all ten are the current one
        pack_into("<i", data, _CACHED + 12 * number, ORIGIN_MS + at_ms)
    pack_into("<I", data, _RESPAWNS, controls.respawns)


def _event(data: bytearray, number: int, time_ms: int, value: int) -> None:
    _EVENT.pack_into(data, _EVENTS + 8 * number, ORIGIN_MS + time_ms, number << 24 | value)


def _checkpoints(race: SimulatedRace) -> bytes:
    """Return the checkpoints: i32 reserved, i32 n, n states of this lap, i32 m, m times of all laps with scores."""
    per_lap, target, passed = race.per_lap, race.target, race.passed
    in_lap = per_lap if race.finished else len(passed) % per_lap
    times = [*passed, *[-1] * (target - len(passed))]
    numbers = [0, per_lap, *[int(number < in_lap) for number in range(per_lap)], target]
    for time_ms in times:
        numbers += [time_ms, 0]
    return Struct(f"<{len(numbers)}i").pack(*numbers)


def matrix(rotation: Quaternion) -> tuple[float, ...]:
    """Return the rotation matrix from car to world coordinates, row by row."""
    w, x, y, z = rotation
    return (
        1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y),
        2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x),
        2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y),
    )  # fmt: skip
