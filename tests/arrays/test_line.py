"""Driven lines as arrays agree with the samples one by one, and the car between two samples is where it drove."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.gbx.made import a_replay
from tests.gbx.samples import expected, needs_samples, sample
from tmxdb.arrays.line import Line, read_line
from tmxdb.errors import InvalidInput
from tmxdb.gbx import read_replay
from tmxdb.gbx.jumps import jumps

REPLAYS = [
    file for file, facts in expected("golden.json").items() if facts["kind"] == "replay" and facts["environment"]
]


def circle(times_ms: list[int], jumps: tuple[int, ...] = ()) -> Line:
    """A car on a circle of 50 m with 1 rad/s, which it looks along."""
    angle = np.array(times_ms) / 1000
    zero = np.zeros_like(angle)
    positions = np.stack([50 * np.sin(angle), zero, 50 * np.cos(angle)], axis=1)
    velocities = np.stack([50 * np.cos(angle), zero, -50 * np.sin(angle)], axis=1)
    rotations = np.stack([np.cos(angle / 2), zero, np.sin(angle / 2), zero], axis=1)
    return Line(np.array(times_ms), positions, velocities, rotations, np.array(jumps, dtype=np.int64))


@needs_samples
@pytest.mark.parametrize("file", REPLAYS)
def test_arrays_of_a_real_run_are_its_samples(file: str) -> None:
    replay = read_replay(sample(file))
    if not replay.samples:
        with pytest.raises(InvalidInput, match="contains no positions"):
            read_line(replay)
        return
    line = read_line(replay)
    presses_ms = [event.time_ms for event in replay.inputs if event.control == "Respawn" and event.value]
    distances_m = [0.0, *map(math.dist, replay.samples.positions(), list(replay.samples.positions())[1:])]
    after_start_ms = [time_ms for time_ms in presses_ms if time_ms >= 0]
    assert line.jumps.tolist() == jumps(replay.samples.times_ms(), distances_m, after_start_ms)
    assert len(line) == len(replay.samples)
    for at in range(0, len(line), max(len(line) // 50, 1)):
        row = replay.samples[at]
        assert (line.times_ms[at], *line.positions[at]) == row[:4]
        assert line.speeds_kmh[at] == pytest.approx(row.speed_kmh, rel=1e-9)
        across = math.cos(row.pitch) * row.speed_kmh / 3.6
        assert line.velocities[at] == pytest.approx(
            (math.cos(row.heading) * across, math.sin(row.heading) * across, math.sin(row.pitch) * row.speed_kmh / 3.6)
        )
        if not math.isnan(row.angle):
            assert line.rotations[at][0] == pytest.approx(math.cos(row.angle))
            assert np.linalg.norm(line.rotations[at]) == pytest.approx(1)


@needs_samples
def test_a_real_car_looks_along_its_movement() -> None:
    agreement = []
    for file in REPLAYS:
        replay = read_replay(sample(file))
        if replay.samples and replay.samples.has_angles:
            line = read_line(replay)
            w, x, y, z = line.rotations.T
            forward = np.stack([2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)], axis=1)
            fast = line.speeds_kmh > 50
            if fast.any():
                along = np.sum(forward * line.velocities, axis=1)[fast] / (line.speeds_kmh[fast] / 3.6)
                agreement.append(float(np.median(along)))
    assert np.median(agreement) > 0.99  # some drift sideways for much of the run


def test_between_samples_the_car_is_on_its_curve() -> None:
    line = circle(list(range(0, 1100, 100)))
    times_ms = [0, 33, 50, 277, 950, 1000]
    exact = circle(times_ms)
    between = line.at(times_ms)
    assert between.times_ms.tolist() == times_ms
    assert between.positions == pytest.approx(exact.positions, abs=1e-3)  # straight lines would be 6 cm off
    assert between.velocities == pytest.approx(exact.velocities, abs=0.1)
    assert between.rotations == pytest.approx(exact.rotations, abs=1e-9)


def test_rotations_take_the_shorter_way() -> None:
    line = circle([0, 100])
    turned = Line(line.times_ms, line.positions, line.velocities, line.rotations * [[1], [-1]], line.jumps)
    assert turned.at([50]).rotations == pytest.approx(line.at([50]).rotations)


def test_the_car_waits_in_front_of_a_jump() -> None:
    line = circle([0, 100, 200], jumps=(1,))
    between = line.at([0, 60, 99, 100, 150])
    assert between.positions[:3] == pytest.approx(np.repeat(line.positions[:1], 3, axis=0))
    assert between.positions[3] == pytest.approx(line.positions[1])
    assert between.jumps.tolist() == [3]
    assert line.at([0, 50]).jumps.tolist() == []
    assert line.at([100, 150]).jumps.tolist() == []  # the first point is after the jump


@pytest.mark.parametrize("time_ms", [-10, 210])
def test_times_outside_the_line_are_refused(time_ms: int) -> None:
    with pytest.raises(InvalidInput, match="the line covers 0 to 200 ms; ask for times within it"):
        circle([0, 100, 200]).at([time_ms])


def test_one_sample_is_a_line() -> None:
    assert circle([0]).at([0]).positions.tolist() == [[0, 0, 50]]


def test_a_respawn_is_a_jump() -> None:
    places = [(10.0 * at, 9.0, 0.0) for at in range(25)] + [(10.0 * (at - 15), 9.0, 0.0) for at in range(25, 40)]
    inputs = [(0, "Accelerate", 1), (2_400, "Respawn", 1), (2_410, "Respawn", 0)]
    line = read_line(a_replay(samples=places, inputs=inputs, race_time_ms=3_900, checkpoints_ms=[3_900]))
    assert line.jumps.tolist() == [25]


def test_a_replay_without_positions_says_so() -> None:
    with pytest.raises(InvalidInput, match="contains no positions"):
        read_line(a_replay(samples=[]))
