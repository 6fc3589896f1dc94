"""Reading a CarState is compared with the package `tminterface`, whose author defined the layout."""

from __future__ import annotations

import math
import random
import struct
from collections.abc import Callable

import pytest
from tminterface.structs import CheckpointData, SimStateData

from tmxdb.errors import GameError
from tmxdb.game.simstate import FIXED_BYTES, MIN_BYTES, car_state
from tmxdb.game.state import CarState

FLOATS = [*range(672, 772, 4), 1648 + 1436 + 28]
"""Offsets of the floats that must be finite: the current state of the body, and the engine's rpm."""

DETAIL_FLOATS = [1728, 1732, 1736, 3084, 3116, 3172, 3452, 3456, 3460, *(3996 + 764 * i for i in range(4))]


def random_state(seed: int, *, checkpoints: int = 3, passes: int = 9) -> bytearray:
    """Return random bytes with valid lengths and a valid rotation."""
    rng = random.Random(seed)
    data = bytearray(rng.randbytes(FIXED_BYTES))
    for at in FLOATS:
        struct.pack_into("<f", data, at, rng.uniform(-1000, 1000))
    struct.pack_into("<9f", data, 672 + 16, *rotation(rng))
    struct.pack_into("<I", data, 8, 0xFF)  # flags: all parts are there
    data += struct.pack("<ii", 0, checkpoints) + struct.pack(f"<{checkpoints}i", *rng.choices([0, 1], k=checkpoints))
    data += struct.pack("<i", passes)
    for _ in range(passes):
        data += struct.pack("<ii", rng.choice([-1, rng.randrange(10**6)]), rng.randrange(100))
    return data


def rotation(rng: random.Random) -> list[float]:
    """Return a random rotation matrix, row by row."""
    w, x, y, z = (rng.gauss(0, 1) for _ in range(4))
    size = math.sqrt(w * w + x * x + y * y + z * z)
    w, x, y, z = w / size, x / size, y / size, z / size
    return [
        *(1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
        *(2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
        *(2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
    ]


def package_state(data: bytearray) -> SimStateData:
    state = SimStateData(bytes(data))
    state.cp_data.resize(CheckpointData.cp_states_field, state.cp_data.cp_states_length)
    state.cp_data.resize(CheckpointData.cp_times_field, state.cp_data.cp_times_length)
    return state


SAME: dict[str, tuple[Callable[[CarState], object], Callable[[SimStateData], object]]] = {
    "race_time_ms": (lambda our: our.race_time_ms, lambda state: state.race_time),
    "position": (lambda our: our.position, lambda state: tuple(state.position)),
    "velocity": (lambda our: our.velocity, lambda state: tuple(state.velocity)),
    "angular_velocity": (
        lambda our: our.angular_velocity,
        lambda state: tuple(state.dyna.current_state.angular_speed),
    ),
    "rotation": (
        lambda our: our.rotation,
        lambda state: tuple(tuple(map(float, row)) for row in state.rotation_matrix),
    ),
    "speed": (lambda our: our.speed_kmh, lambda state: state.display_speed),
    "gear": (lambda our: our.gear, lambda state: state.scene_mobil.engine.gear),
    "rpm": (lambda our: our.rpm, lambda state: state.scene_mobil.engine.actual_rpm),
    "ground": (
        lambda our: our.wheels_on_ground,
        lambda state: tuple(bool(wheel.real_time_state.has_ground_contact) for wheel in state.simulation_wheels),
    ),
    "sliding": (
        lambda our: our.wheels_sliding,
        lambda state: tuple(bool(wheel.real_time_state.is_sliding) for wheel in state.simulation_wheels),
    ),
    "keys": (
        lambda our: (our.inputs.accelerate, our.inputs.brake, our.inputs.left, our.inputs.right),
        lambda state: (state.input_accelerate, state.input_brake, state.input_left, state.input_right),
    ),
    "steer": (lambda our: our.inputs.steer, lambda state: int(state.input_steer)),
    "gas": (lambda our: our.inputs.gas, lambda state: int(state.input_gas)),
    "cp_times": (lambda our: our.cp_times_ms, lambda state: tuple(cp.time for cp in state.cp_data.cp_times)),
    "checkpoint": (
        lambda our: our.current_checkpoint,
        lambda state: len([cp for cp in state.cp_data.cp_times if cp.time != -1]),
    ),
    "respawns": (lambda our: our.respawns, lambda state: state.num_respawns),
    "finished": (lambda our: our.finished, lambda state: bool(state.player_info.race_finished)),
}


@pytest.mark.parametrize("what", SAME)
@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
def test_every_value_equals_that_of_the_package(what: str) -> None:
    ours, packages = SAME[what]
    for seed in range(20):
        data = random_state(seed)
        assert ours(car_state(data)) == packages(package_state(data))


def test_flags_are_read_among_random_bytes() -> None:
    for at in (7204 + 828, *(3816 + 764 * i + 180 + n for i in range(4) for n in (112, 120))):
        data = random_state(1)
        struct.pack_into("<i", data, at, 0)
        state, other = car_state(data), package_state(data)
        assert state.finished == bool(other.player_info.race_finished)
        assert state.wheels_on_ground == tuple(
            bool(wheel.real_time_state.has_ground_contact) for wheel in other.simulation_wheels
        )
        assert state.wheels_sliding == tuple(
            bool(wheel.real_time_state.is_sliding) for wheel in other.simulation_wheels
        )


def test_the_angles_equal_those_of_the_package() -> None:
    for seed in range(100):
        data = random_state(seed)
        assert car_state(data).yaw_pitch_roll == pytest.approx(package_state(data).yaw_pitch_roll, abs=1e-4)


@pytest.mark.parametrize("value", [0, 1, 65536, 0xFF0000, 0xFFFFFF, 0x7FFFFF, 0x800000])
def test_analog_values_are_signed_and_right_is_positive(value: int) -> None:
    data = random_state(0)
    struct.pack_into("<i", data, 8276 + 6 * 8 + 4, value | 0x05000000)
    assert car_state(data).inputs.steer == int(package_state(data).input_steer)


@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
def test_the_details_of_the_car_equal_those_of_the_package() -> None:
    for seed in range(20):
        data = random_state(seed)
        for at in DETAIL_FLOATS:
            struct.pack_into("<f", data, at, 0.5 + at / 100)
        ours, package = car_state(data).simulated, package_state(data)
        assert ours is not None
        car, engine = package.scene_mobil, package.scene_mobil.engine
        assert (ours.input_gas, ours.input_brake, ours.input_steer) == (car.input_gas, car.input_brake, car.input_steer)
        assert (ours.max_rpm, ours.slide_factor) == (engine.max_rpm, engine.slide_factor)
        assert (ours.rear_gear, ours.gear, ours.rpm) == (engine.rear_gear, engine.gear, engine.actual_rpm)
        assert ours.gearbox_state == car.gearbox_state
        assert (ours.turbo, ours.turbo_boost) == (car.turbo_type, car.turbo_boost_factor)
        assert ours.last_turbo_time == car.last_turbo_time % 2**32
        assert (ours.free_wheeling, ours.sliding) == (bool(car.is_freewheeling), bool(car.is_sliding))
        assert (ours.lateral_contact, ours.burnout) == (bool(car.has_any_lateral_contact), car.burnout_state)
        assert ours.local_speed == tuple(car.current_local_speed)
        for wheel, other in zip(ours.wheels, package.simulation_wheels, strict=True):
            real = other.real_time_state
            assert (wheel.on_ground, wheel.sliding) == (bool(real.has_ground_contact), bool(real.is_sliding))
            assert (wheel.damper, wheel.contacts) == (real.damper_absorb, real.nb_ground_contacts)
            assert wheel.material == real.contact_material_id & 0xFFFF


def test_a_state_whose_details_are_no_numbers_is_read_without_them() -> None:
    data = random_state(0)
    for at in DETAIL_FLOATS:
        struct.pack_into("<f", data, at, 1.0)
    assert car_state(data).simulated is not None
    struct.pack_into("<f", data, 3172, math.nan)
    assert car_state(data).simulated is None


def test_laps_are_counted_by_the_checkpoints_of_a_lap() -> None:
    data = random_state(0, checkpoints=3, passes=9)
    at = MIN_BYTES + 3 * 4
    for number in range(9):
        struct.pack_into("<i", data, at + 8 * number, 1000 * number if number < 7 else -1)
    assert (car_state(data).current_checkpoint, car_state(data).lap) == (7, 2)


@pytest.mark.parametrize("size", [0, 1, FIXED_BYTES, MIN_BYTES - 1, MIN_BYTES + 12, MIN_BYTES + 83])
def test_a_truncated_state_is_refused(size: int) -> None:
    assert len(random_state(0)) == MIN_BYTES + 3 * 4 + 9 * 8
    with pytest.raises(GameError) as refused:
        car_state(random_state(0)[:size])
    assert refused.value.code == "game.bad_state"


@pytest.mark.parametrize(("at", "count"), [(8348, -1), (8348, 2**31 - 1), (8352 + 12, -5), (8352 + 12, 2**31 - 1)])
def test_a_state_with_impossible_lengths_is_refused(at: int, count: int) -> None:
    data = random_state(0)
    struct.pack_into("<i", data, at, count)
    with pytest.raises(GameError, match="lengths"):
        car_state(data)


@pytest.mark.parametrize("at", FLOATS[4:12])
@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_nan_and_infinity_are_refused(at: int, number: float) -> None:
    data = random_state(0)
    struct.pack_into("<f", data, at, number)
    with pytest.raises(GameError, match="NaN"):
        car_state(data)


def test_a_state_without_checkpoints_is_valid() -> None:
    state = car_state(random_state(0, checkpoints=0, passes=0))
    assert (state.cp_times_ms, state.current_checkpoint) == ((), 0)
