"""A driven line is interrupted where the car was moved instead of driven."""

from __future__ import annotations

import math

import pytest

from tests.gbx.made import a_replay
from tmxdb.gbx import read_replay
from tmxdb.pictures.controls import control_steps
from tmxdb.pictures.driven_line import MAX_SPEED_KMH, DrivenLine, driven_line, ghost_line, strokes


def line_of(*x: float, period_ms: int = 100) -> DrivenLine:
    times_ms = [period_ms * number for number in range(len(x))]
    return DrivenLine("ghost", times_ms, list(x), [0.0] * len(x), [100.0] * len(x))


def test_a_line_without_respawns_is_one_stroke() -> None:
    assert strokes(line_of(0, 3, 6, 9)) == [range(4)]
    assert strokes(line_of()) == []


def test_a_line_ends_at_a_respawn_and_begins_again_after_it() -> None:
    line = line_of(0, 3, 6, 0, 3)
    assert strokes(line, [250]) == [range(3), range(3, 5)]


def test_the_break_is_where_the_car_was_moved_shortly_after_the_press() -> None:
    line = line_of(0, 3, 6, 7, 7, 0, 3)
    assert strokes(line, [250]) == [range(5), range(5, 7)]


def test_a_respawn_after_the_last_sample_breaks_nothing() -> None:
    assert strokes(line_of(0, 3, 6), [200, 900]) == [range(3)]


def test_a_step_that_no_car_can_drive_is_a_break_without_any_inputs() -> None:
    assert strokes(line_of(0, 28, 700, 728)) == [range(2), range(2, 4)]  # 28 m in 100 ms are 1,008 km/h


def test_frames_far_apart_in_time_are_one_line() -> None:
    assert strokes(line_of(0, 200, 400, period_ms=1_000)) == [range(3)]


@pytest.mark.parametrize("place", [math.nan, math.inf, -math.inf, 3e38])
def test_positions_outside_every_map_are_left_out(place: float) -> None:
    samples = [(0.0, 9.0, 0.0), (place, 9.0, 0.0), (5.0, 9.0, place), (8.0, 9.0, 3.0)]
    line = ghost_line(read_replay(a_replay(samples=samples)))
    assert line is not None
    assert (line.times_ms, line.x, line.z) == ([0, 300], [0.0, 8.0], [0.0, 3.0])


@pytest.mark.parametrize("speed_kmh", [math.nan, math.inf, 1e30])
def test_an_impossible_speed_is_limited(speed_kmh: float) -> None:
    line = driven_line("ghost", [(0, 0.0, 0.0, 90.0), (100, 2.5, 0.0, speed_kmh)])
    assert line.speed_kmh == [90.0, MAX_SPEED_KMH]


def test_a_recorded_respawn_interrupts_the_line_of_its_ghost() -> None:
    x = [8.0 * number for number in range(31)] + [8.0 * number for number in range(30)]
    inputs = [(10, "Accelerate", 1), (3_050, "Respawn", 1), (3_060, "Respawn", 0)]
    replay = read_replay(a_replay(inputs=inputs, samples=[(place, 9.0, 300.0) for place in x]))
    line = ghost_line(replay)
    assert line is not None
    steps = control_steps(replay.inputs)
    assert steps.respawns_ms == [3_050]
    assert strokes(line, steps.respawns_ms) == [range(31), range(31, 61)]
