"""A map that does not start costs the waits of two captures, not those of every replay of its track."""

from __future__ import annotations

import pytest

from tmxdb.capture.map_starts import CODE, FIRST_WAIT_S, HOLD_S, MapStarts
from tmxdb.errors import GameError
from tmxdb.failure_policy import Action, policy_for


def refusal(starts: MapStarts, now: float, key: str = "1", capture_id: int = 7) -> GameError | None:
    try:
        starts.check(key, capture_id, "capture 7", now)
    except GameError as error:
        return error
    return None


def test_after_one_failure_other_captures_wait_uncharged_until_it_is_tried_again() -> None:
    starts = MapStarts()
    assert refusal(starts, 0) is None
    starts.failed("1", 1, 100)
    error = refusal(starts, 110)
    assert error is not None
    assert (error.code, error.retry_after_s) == ("game.map_waits", FIRST_WAIT_S - 10)
    assert policy_for(error).action is Action.SNOOZE
    assert refusal(starts, 110, key="2") is None
    assert refusal(starts, 110, capture_id=1) is None  # the failed one has its own backoff
    assert refusal(starts, 100 + FIRST_WAIT_S) is None


def test_after_two_failures_they_fail_without_being_tried() -> None:
    starts = MapStarts()
    starts.failed("1", 1, 100)
    starts.failed("1", 1, 200)
    error = refusal(starts, 201)
    assert error is not None
    assert (error.code, policy_for(error).action) == (CODE, Action.RETRY)
    assert "2 times" in str(error)
    assert refusal(starts, 200 + HOLD_S) is None


def test_a_map_that_starts_is_forgotten() -> None:
    starts = MapStarts()
    starts.failed("1", 1, 100)
    starts.started("1")
    assert refusal(starts, 101) is None
    starts.failed("1", 1, 102)
    assert refusal(starts, 103) is not None


@pytest.mark.parametrize("rows", [50])
def test_fifty_replays_of_a_map_that_never_starts_occupy_a_game_twice(rows: int) -> None:
    """It was 50 times two waits of 50 s: 83 minutes."""
    starts, now, drives = MapStarts(), 0.0, 0
    attempts = dict.fromkeys(range(rows), 0)
    due = dict.fromkeys(range(rows), 0.0)
    while attempts:
        row = min(attempts, key=lambda one: (due[one], one))
        now = max(now, due[row])
        error = refusal(starts, now, capture_id=row)
        if error is None:
            drives, now = drives + 1, now + 50
            starts.failed("1", row, now)
            error = GameError("it did not start", code=CODE)
        if policy_for(error).action is Action.SNOOZE:
            due[row] = now + (error.retry_after_s or 0)
            continue
        attempts[row] += 1
        due[row] = now + 60
        if attempts[row] == 2:
            del attempts[row]
    assert drives == 2
