"""Inputs per tick are those that the game has at that tick."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from tests.gbx.made import a_replay
from tests.gbx.old_games import old_map, old_replay
from tests.gbx.samples import expected, needs_samples, sample
from tmxdb.arrays.ticks import InputTicks, read_ticks
from tmxdb.capture.output.actions import action_index
from tmxdb.errors import GbxError, InvalidInput
from tmxdb.gbx import read_replay


def changes(values: np.ndarray) -> list[tuple[int, int]]:
    """(race time, new value) of every change."""
    at = np.flatnonzero(np.diff(values.astype(int))) + 1
    return [(0, int(values[0])), *((int(place) * 10, int(values[place])) for place in at)]


def test_a_stored_change_applies_one_tick_earlier() -> None:
    inputs = [
        (0, "Accelerate", 1),
        (1_010, "Steer", -65_536),
        (1_510, "Steer", 32_000),
        (2_010, "Respawn", 1),
        (2_020, "Respawn", 0),
        (5_010, "Accelerate", 0),
        (5_510, "Brake", 1),
    ]
    ticks = read_ticks(a_replay(inputs=inputs, race_time_ms=6_110))
    assert len(ticks) == 612
    assert ticks.times_ms[[0, -1]].tolist() == [0, 6_110]
    assert changes(ticks.accelerate) == [(0, 1), (5_000, 0)]
    assert changes(ticks.brake) == [(0, 0), (5_500, 1), (6_110, 0)]  # a key that is down is held up to the finish
    assert changes(ticks.steer) == [(0, 0), (1_000, 65_536), (1_500, -32_000)]
    assert changes(ticks.respawn) == [(0, 0), (2_000, 1), (2_010, 0)]


def test_keys_and_gas_are_axes_of_their_own() -> None:
    inputs = [(10, "SteerLeft", 1), (110, "SteerLeft", 0), (210, "SteerRight", 1), (310, "Gas", 40_000)]
    ticks = read_ticks(a_replay(inputs=inputs, race_time_ms=500))
    assert changes(ticks.left) == [(0, 1), (100, 0)]
    assert changes(ticks.right) == [(0, 0), (200, 1), (500, 0)]
    assert changes(ticks.gas) == [(0, 0), (300, -40_000)]


@pytest.mark.parametrize("control", ["Steer (analog)", "Accelerate (analog)", "SteerX"])
def test_a_control_whose_values_are_not_known_is_an_error_and_not_left_out(control: str) -> None:
    with pytest.raises(GbxError, match=re.escape(f"driven with the control '{control}'")):
        read_ticks(a_replay(inputs=[(0, "Accelerate", 1), (1_010, control, 1)]))


def test_runs_of_the_first_games_are_steered() -> None:
    challenge = old_map("TM1.0", "Alpine")
    ticks = read_ticks(old_replay("TM1.0", "Alpine", challenge))
    assert changes(ticks.left) == [(0, 0), (990, 1), (1_490, 0)]
    assert changes(ticks.accelerate)[0] == (0, 1)


@needs_samples
def test_every_steering_event_of_a_real_run_is_in_its_ticks() -> None:
    facts = {name: facts for name, facts in expected("golden.json").items() if facts["kind"] == "replay"}
    steered = 0
    for file in facts:
        try:
            replay = read_replay(sample(file))
            names = {event.control for event in replay.inputs if event.value and event.time_ms > 0}
            ticks = read_ticks(replay) if names else None
        except (GbxError, InvalidInput):
            continue
        if ticks is not None and any(name.startswith("Steer") for name in names):
            steered += 1
            assert ticks.left.any() or ticks.right.any() or ticks.steer.any(), file
    assert steered > 10


def scalar_actions(ticks: InputTicks) -> list[int]:
    columns = ("accelerate", "brake", "left", "right", "steer", "gas")
    rows = zip(*(getattr(ticks, name).tolist() for name in columns), strict=True)
    return [action_index(**dict(zip(columns, row, strict=True))) for row in rows]


def test_actions_are_those_of_the_table() -> None:
    rng = np.random.default_rng(1)
    flags = [rng.random(500) < 0.5 for _ in range(4)]
    axes = [rng.integers(-65_536, 65_537, 500).astype(np.int32) // (10 ** rng.integers(0, 4, 500)) for _ in range(2)]
    ticks = InputTicks(np.arange(500) * 10, *flags, *axes, np.zeros(500, dtype=bool))
    assert ticks.action_idx.tolist() == scalar_actions(ticks)
    assert set(ticks.action_idx.tolist()) == set(range(12))


@pytest.mark.slow
@needs_samples
def test_every_real_replay_has_its_inputs() -> None:
    read = 0
    for file, facts in expected("golden.json").items():
        replay = read_replay(sample(file)) if facts["kind"] == "replay" else None
        if replay is not None and replay.inputs and replay.race_time_ms:
            ticks = read_ticks(replay)
            assert len(ticks) == replay.race_time_ms // 10 + 1
            assert ticks.action_idx.tolist() == scalar_actions(ticks)
            read += 1
    assert read > 5


def test_bytes_and_paths_are_accepted(tmp_path: Path) -> None:
    path = tmp_path / "a.Replay.Gbx"
    path.write_bytes(a_replay())
    assert (
        read_ticks(path).steer.tolist() == read_ticks(str(path)).steer.tolist() == read_ticks(a_replay()).steer.tolist()
    )


def test_a_replay_without_inputs_says_so() -> None:
    with pytest.raises(InvalidInput, match="contains no inputs that drive a car"):
        read_ticks(a_replay(inputs=[]))
