"""The inputs of a run as steps that can be drawn."""

from __future__ import annotations

from tmxdb.gbx import InputEvent
from tmxdb.pictures.controls import ControlSteps, control_steps


def steps_of(*events: tuple[int, str, int], end_ms: int | None = None) -> ControlSteps:
    return control_steps([InputEvent(*event) for event in events], end_ms)


def test_a_pedal_is_down_from_its_press_to_its_release() -> None:
    steps = steps_of((0, "Accelerate", 1), (1000, "Brake", 1), (1200, "Brake", 0))
    assert steps.accelerate == [(0, 1.0)]
    assert steps.brake == [(0, 0.0), (1000, 1.0), (1200, 0.0)]


def test_a_key_that_was_held_before_the_start_is_down_at_the_start() -> None:
    assert steps_of((-500, "Accelerate", 1)).accelerate == [(0, 1.0)]


def test_both_steering_keys_cancel_each_other_and_releasing_one_leaves_the_other() -> None:
    steps = steps_of((10, "SteerLeft", 1), (20, "SteerRight", 1), (30, "SteerLeft", 0), (40, "SteerRight", 0))
    assert steps.steer == [(0, 0.0), (10, -1.0), (20, 0.0), (30, 1.0), (40, 0.0)]


def test_an_analog_value_above_zero_is_to_the_left_and_keys_take_precedence() -> None:
    steps = steps_of((10, "Steer", 32768), (20, "SteerRight", 1), (30, "SteerRight", 0))
    assert steps.steer == [(0, 0.0), (10, -0.5), (20, 1.0), (30, -0.5)]


def test_a_pad_accelerates_and_brakes_beyond_a_third_of_its_range() -> None:
    steps = steps_of((10, "Gas", 65536), (20, "Gas", 1000), (30, "Gas", -65536))
    assert steps.accelerate == [(0, 0.0), (10, 1.0), (20, 0.0)]
    assert steps.brake == [(0, 0.0), (30, 1.0)]


def test_a_key_stays_down_whatever_the_analog_pedal_says() -> None:
    steps = steps_of((10, "Accelerate", 1), (20, "Gas", 0), (30, "Gas", -65536), (40, "Accelerate", 0))
    assert steps.accelerate == [(0, 0.0), (10, 1.0), (40, 0.0)]
    assert steps.brake == [(0, 0.0), (30, 1.0)]


def test_the_second_key_of_a_pedal_counts_as_the_first() -> None:
    steps = steps_of((10, "AccelerateReal", 1 << 16), (20, "AccelerateReal", 1), (30, "BrakeReal", 1 << 16))
    assert steps.accelerate == [(0, 0.0), (10, 1.0), (20, 0.0)]
    assert steps.brake == [(0, 0.0), (30, 1.0)]


def test_analog_values_that_are_not_inverted_have_the_other_sign() -> None:
    steps = steps_of((0, "_FakeDontInverseAxis", 1), (10, "Steer", 65536), (20, "Gas", -65536))
    assert steps.steer == [(0, 0.0), (10, 1.0)]
    assert steps.accelerate == [(0, 0.0), (20, 1.0)]


def test_respawns_count_from_the_start_and_inputs_after_the_end_are_left_out() -> None:
    steps = steps_of((-10, "Respawn", 1), (500, "Respawn", 1), (510, "Respawn", 0), (900, "Respawn", 1), end_ms=800)
    assert steps.respawns_ms == [500]
