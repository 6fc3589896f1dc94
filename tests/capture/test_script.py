"""The run in a replay file: which ghost, which inputs, and what is nothing to drive again."""

from __future__ import annotations

import pytest

from tests.gbx.made import a_replay
from tmxdb.capture.script import best_ghost, run_of
from tmxdb.errors import NeverAgain
from tmxdb.gbx import Ghost, read_replay
from tmxdb.gbx.replay import Replay


def test_a_replay_becomes_a_script_and_the_facts_to_know_its_race_by() -> None:
    run = run_of(read_replay(a_replay()), "replay 1")
    assert run.race_time_ms == 6_110
    assert run.script.splitlines() == [
        "0.00-4.99 press up",
        "0.99 steer 65536",
        "1.24 steer -32000",
        "1.99-2.00 press enter",
        "5.49-6.11 press down",
    ]
    assert run.checkpoints == 2
    assert run.start == pytest.approx((0, 10, 500))
    assert run.moving_ms == 300


def test_an_offset_moves_every_input_but_not_the_end_of_the_race() -> None:
    run = run_of(read_replay(a_replay()), "replay 1", offset_ms=-10)
    assert run.script.splitlines()[1:] == [
        "0.98 steer 65536",
        "1.23 steer -32000",
        "1.98-1.99 press enter",
        "5.48-6.11 press down",
    ]


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"race_time_ms": None}, "capture.not_finished"),
        ({"inputs": []}, "capture.no_inputs"),
        ({"inputs": [(1_000, "Horn", 1)]}, "capture.no_inputs"),
    ],
)
def test_what_can_not_be_driven_again_never_will(facts: dict[str, object], code: str) -> None:
    with pytest.raises(NeverAgain, match="replay 7:") as error:
        run_of(read_replay(a_replay(**facts)), "replay 7")
    assert error.value.code == code


def test_a_replay_without_samples_can_be_driven_but_says_less() -> None:
    run = run_of(read_replay(a_replay(samples=[])), "replay 1")
    assert (run.start, run.moving_ms) == (None, None)


def test_the_ghost_that_crossed_its_last_checkpoint_first_is_driven() -> None:
    ghosts = [Ghost(), Ghost(race_time_ms=9_000, checkpoints_ms=(4_000, 9_000)),
              Ghost(race_time_ms=8_000, checkpoints_ms=(5_000, 8_000)), Ghost(race_time_ms=8_500)]  # fmt: skip
    assert best_ghost(_with(ghosts)) is ghosts[2]
    assert best_ghost(_with(ghosts[:1])) is None


def _with(ghosts: list[Ghost]) -> Replay:
    replay = read_replay(a_replay())
    replay.__dict__["_contents"] = type("Contents", (), {"ghosts": tuple(ghosts)})()
    return replay
