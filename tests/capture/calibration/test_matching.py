"""The lag of pictures, from pictures that are numbers: the race time that they show."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmxdb.capture.calibration.matching import BLOCK_TICKS, LagMeasurement, choose_blocks, measure_lag

KNOWN = {time_ms: float(time_ms) for time_ms in range(1000, 1400, 10)}


def flow(lag: int, jitter: float = 0.0) -> dict[int, float]:
    """Return pictures in flow that lag, some of them one tick more."""
    draw = random.Random(1)
    return {time_ms: float(time_ms - 10 * (lag + (draw.random() < jitter))) for time_ms in range(1100, 1350, 10)}


def apart(one: float, other: float) -> float:
    return abs(one - other)


@pytest.mark.parametrize("lag", [0, 1, 2, 3])
def test_the_lag_is_the_tick_whose_picture_matches_best(lag: int) -> None:
    found = measure_lag(flow(lag), KNOWN, apart)
    assert (found.lag_ticks, found.agreement, found.margin, found.confidence) == (lag, 1.0, 1.0, 1.0)
    assert found.problem is None


@pytest.mark.parametrize("lag", [0, 1, 2])
def test_some_pictures_may_lag_more(lag: int) -> None:
    found = measure_lag(flow(lag, jitter=0.25), KNOWN, apart)
    assert (found.lag_ticks, found.problem) == (lag, None)
    assert found.lags.keys() == {lag, lag + 1}
    assert 0.6 < found.confidence < 0.95


@given(noise=st.floats(0, 4), lag=st.integers(0, 3))
def test_noise_smaller_than_the_motion_of_a_tick_does_not_matter(noise: float, lag: int) -> None:
    draw = random.Random(2)
    noisy = {time_ms: value + draw.uniform(-noise, noise) for time_ms, value in flow(lag).items()}
    assert measure_lag(noisy, KNOWN, apart).lag_ticks == lag


def test_a_lag_with_little_confidence_is_doubtful_and_says_why() -> None:
    assert measure_lag(flow(1), KNOWN, apart).doubt is None
    unsteady = LagMeasurement(1, agreement=0.62, margin=0.8, pictures=21, lags={1: 13, 2: 8})
    assert (unsteady.problem, unsteady.doubt) == (None, "only 62% of the pictures agree on the lag")
    alike = LagMeasurement(1, agreement=0.9, margin=0.3, pictures=20, lags={1: 18, 2: 2})
    assert (alike.problem, alike.doubt) == (None, "pictures of neighbouring ticks are almost alike (margin 0.3)")


def test_a_lag_that_changes_all_the_time_is_not_certain() -> None:
    found = measure_lag(flow(0, jitter=0.5), KNOWN, apart)
    assert "the lag changes from picture to picture" in str(found.problem)


def test_pictures_without_motion_do_not_count() -> None:
    still = dict.fromkeys(KNOWN, 5.0)
    found = measure_lag(dict.fromkeys(flow(0), 7.0), still, apart)
    assert (found.pictures, found.confidence) == (0, 0.0)
    assert "show motion" in str(found.problem)


def test_a_lag_beyond_what_is_measured_is_not_certain() -> None:
    assert "the limit of what is measured" in str(measure_lag(flow(4), KNOWN, apart).problem)
    assert "the limit of what is measured" in str(measure_lag(flow(-1), KNOWN, apart).problem)


def test_only_pictures_with_all_neighbours_count() -> None:
    assert measure_lag({1020: 1020.0, 1390: 1390.0, 1040: 1040.0}, KNOWN, apart).pictures == 1


def test_ticks_are_held_where_the_pictures_move_most() -> None:
    motion = {time_ms: (50.0 if 900 <= time_ms < 990 else 1.0) for time_ms in range(10, 2000, 10)}
    ticks = choose_blocks(motion, until_ms=1500, blocks=2)
    assert len(ticks) == 2 * BLOCK_TICKS
    assert set(range(900, 990, 10)) <= set(ticks)
    assert max(ticks) < 1500
    assert choose_blocks(dict.fromkeys(motion, 0.0), until_ms=1500, blocks=2) == []
