"""The bytes of a state as a CarState, against the package `tminterface`, which has the same layout from its author."""

from __future__ import annotations

import math
import random
import struct
from collections.abc import Callable

import pytest
from tminterface.structs import CheckpointData, SimStateData

from tmxdb.errors import GameTrouble
from tmxdb.game.simstate import FIXED_BYTES, MIN_BYTES, car_state
from tmxdb.game.state import CarState

FLOATS = [*range(672, 772, 4), 1648 + 1436 + 28]
"""Where the numbers are that must be some: the current state of the body, the engine's turns."""


def random_state(seed: int, *, checkpoints: int = 3, passes: int = 9) -> bytearray:
    """Every byte at random, but what says how long it is; a rotation that is one."""
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
    """A turn about some axis, as 3 rows."""
    w, x, y, z = (rng.gauss(0, 1) for _ in range(4))
    size = math.sqrt(w * w + x * x + y * y + z * z)
    w, x, y, z = w / size, x / size, y / size, z / size
    return [
        *(1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
        *(2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
        *(2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
    ]


def theirs(data: bytearray) -> SimStateData:
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
def test_every_number_is_where_the_package_finds_it(what: str) -> None:
    ours, of_theirs = SAME[what]
    for seed in range(20):
        data = random_state(seed)
        assert ours(car_state(data)) == of_theirs(theirs(data))


def test_flags_are_told_from_garbage_around_them() -> None:
    for at in (7204 + 828, *(3816 + 764 * i + 180 + n for i in range(4) for n in (112, 120))):
        data = random_state(1)
        struct.pack_into("<i", data, at, 0)
        state, other = car_state(data), theirs(data)
        assert state.finished == bool(other.player_info.race_finished)
        assert state.wheels_on_ground == tuple(
            bool(wheel.real_time_state.has_ground_contact) for wheel in other.simulation_wheels
        )
        assert state.wheels_sliding == tuple(
            bool(wheel.real_time_state.is_sliding) for wheel in other.simulation_wheels
        )


def test_the_angles_are_those_of_the_package() -> None:
    for seed in range(100):
        data = random_state(seed)
        assert car_state(data).yaw_pitch_roll == pytest.approx(theirs(data).yaw_pitch_roll, abs=1e-4)


@pytest.mark.parametrize("value", [0, 1, 65536, 0xFF0000, 0xFFFFFF, 0x7FFFFF, 0x800000])
def test_analog_values_have_a_sign_and_right_is_above_0(value: int) -> None:
    data = random_state(0)
    struct.pack_into("<i", data, 8276 + 6 * 8 + 4, value | 0x05000000)
    assert car_state(data).inputs.steer == int(theirs(data).input_steer)


@pytest.mark.parametrize("size", [0, 1, FIXED_BYTES, MIN_BYTES - 1, MIN_BYTES + 12, MIN_BYTES + 83])
def test_a_state_that_is_cut_off_is_refused(size: int) -> None:
    assert len(random_state(0)) == MIN_BYTES + 3 * 4 + 9 * 8
    with pytest.raises(GameTrouble) as refused:
        car_state(random_state(0)[:size])
    assert refused.value.code == "game.bad_state"


@pytest.mark.parametrize(("at", "count"), [(8348, -1), (8348, 2**31 - 1), (8352 + 12, -5), (8352 + 12, 2**31 - 1)])
def test_a_state_that_announces_nonsense_is_refused(at: int, count: int) -> None:
    data = random_state(0)
    struct.pack_into("<i", data, at, count)
    with pytest.raises(GameTrouble, match="announces"):
        car_state(data)


@pytest.mark.parametrize("at", FLOATS[4:12])
@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_none_is_refused(at: int, number: float) -> None:
    data = random_state(0)
    struct.pack_into("<f", data, at, number)
    with pytest.raises(GameTrouble, match="number that is none"):
        car_state(data)


def test_no_checkpoints_at_all_is_a_state_too() -> None:
    state = car_state(random_state(0, checkpoints=0, passes=0))
    assert (state.cp_times_ms, state.current_checkpoint) == ((), 0)
