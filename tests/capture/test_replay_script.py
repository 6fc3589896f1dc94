"""The run in a replay file: which ghost, which inputs, and what cannot be driven again."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gbx.made import a_replay
from tmxdb.capture.replay_script import best_ghost, scripted_run
from tmxdb.errors import PermanentError
from tmxdb.gbx import Ghost, read_replay
from tmxdb.gbx.replay import Replay


def test_a_replay_gives_a_script_and_the_facts_to_recognise_its_race() -> None:
    run = scripted_run(read_replay(a_replay()), "replay 1")
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
    run = scripted_run(read_replay(a_replay()), "replay 1", offset_ms=-10)
    assert run.script.splitlines()[1:] == [
        "0.98 steer 65536",
        "1.23 steer -32000",
        "1.98-1.99 press enter",
        "5.48-6.11 press down",
    ]


def test_a_respawn_can_use_another_key_and_wait_after_a_checkpoint() -> None:
    """The respawn is at 2000 ms, the checkpoint before it at 1900 ms."""
    replay = read_replay(a_replay(checkpoints_ms=[1900, 6110]))

    def respawn(**settings: Any) -> str:
        return scripted_run(replay, "replay 1", **settings).script.splitlines()[3]

    assert respawn() == "1.99-2.00 press enter"
    assert respawn(respawn_key="delete") == "1.99-2.00 press delete"
    assert respawn(respawn_after_cp_ms=100) == "1.99-2.00 press enter"  # it is late enough
    assert respawn(respawn_after_cp_ms=300) == "2.19 press enter"
    assert respawn(respawn_after_cp_ms=300, offset_ms=-10) == "2.18 press enter"


def test_a_respawn_before_the_first_checkpoint_does_not_wait() -> None:
    run = scripted_run(read_replay(a_replay(checkpoints_ms=[3000, 6110])), "r", respawn_after_cp_ms=500)
    assert "1.99-2.00 press enter" in run.script


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"race_time_ms": None}, "capture.not_finished"),
        ({"race_time_ms": 24 * 86_400_000}, "capture.too_long"),
        ({"inputs": []}, "capture.no_inputs"),
        ({"inputs": [(1_000, "Horn", 1)]}, "capture.no_inputs"),
    ],
)
def test_a_replay_that_cannot_be_driven_again_is_a_permanent_error(facts: dict[str, object], code: str) -> None:
    with pytest.raises(PermanentError, match="replay 7:") as error:
        scripted_run(read_replay(a_replay(**facts)), "replay 7")
    assert error.value.code == code


def test_a_replay_without_samples_can_be_driven() -> None:
    run = scripted_run(read_replay(a_replay(samples=[])), "replay 1")
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
