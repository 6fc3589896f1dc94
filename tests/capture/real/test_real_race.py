"""Complete races over a real socket: unestablished behaviour either way, and every fault of the sandbox's game."""

from __future__ import annotations

from typing import Any

import pytest

from tests.capture.real.conftest import Stage, on_stage
from tests.sandbox.game.conftest import Folders
from tmxdb.capture.race.outcome import CompletedRace, FailedRace

EVERY_TICK = list(range(0, 3051, 10))


def whole(stage: Stage, result: CompletedRace | FailedRace) -> CompletedRace:
    """Return the result of a race with every tick of the replay from start to finish, each once."""
    assert isinstance(result, CompletedRace), (result, stage.notes)
    assert stage.times == EVERY_TICK
    assert (result.finish_ms, result.missed, result.inputs_match) == (3050, 0, True)
    return result


@pytest.mark.usefixtures("patient")
def test_a_race_is_captured_tick_by_tick_and_again_without_loading_the_map(stage: Stage) -> None:
    whole(stage, stage.capture())
    whole(stage, stage.capture(returns=True))
    maps = [row for row in stage.game.log() if row["event"] == "map"]
    assert len(maps) == 1


@pytest.mark.usefixtures("patient")
def test_the_finish_is_captured_at_10_frames_per_second(stage: Stage) -> None:
    assert isinstance(stage.capture(fps=10), CompletedRace)
    assert stage.times == [*range(0, 3001, 100), 3050]


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize(
    "choice",
    [
        {"checkpoint_first": False},
        {"lap_message_at_finish": False},
        {"restart_reports": True},
        {"first_race_ignores_script": False},
        {"renders_while_loading": True},
        {"menus_in_queued_greeting": False, "start_ms": 300},
        {"start_ms": 1000},
        {"state_outside_race": "bytes"},
        {"last_command_first": False},
        {"input_ranges": False},
        {"sees_later_files": True},
        {"load_ms": 800},
        {"commands_in_intro": False},
        {"frozen_ms": 100},
    ],
    ids=lambda choice: "-".join(choice),
)
def test_behaviour_that_is_not_established_is_accepted_either_way(folders: Folders, choice: dict[str, Any]) -> None:
    with on_stage(folders, **choice) as stage:
        whole(stage, stage.capture())


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize(
    ("plugin", "inputs_match"), [("python_link", True), ("old_python_link", None), ("tmxdb_link", True)]
)
def test_captures_work_with_each_plugin(folders: Folders, plugin: str, inputs_match: bool | None) -> None:
    """An older Python Link has no reply for the inputs, which must not cost the connection or a map load."""
    with on_stage(folders, plugin=plugin) as stage:
        for n in range(2):
            result = stage.capture(returns=n > 0)
            assert isinstance(result, CompletedRace), stage.notes
            assert (result.finish_ms, result.missed, result.inputs_match) == (3050, 0, inputs_match)
            assert stage.times == EVERY_TICK
        log = stage.game.log()
        assert len([row for row in log if row["event"] == "connect"]) == 1
        assert len([row for row in log if row["event"] == "map"]) == 1
        assert any(row["event"] == "focus" for row in log) is (plugin == "tmxdb_link")


@pytest.mark.parametrize("capabilities", [["map"], []], ids=["reports its map", "does not"])
def test_a_game_that_reports_its_map_never_drives_on_another_one(folders: Folders, capabilities: list[str]) -> None:
    from tests.sandbox.game.conftest import build_map

    same_start = build_map(uid="AnotherMapWithTheSameCheckpoints", name="Second")
    (folders.challenges / "Second.Challenge.Gbx").write_bytes(same_start)
    wrong_map = {"faults": ["wrong-map:times=1"], "plugin": "tmxdb_link", "capabilities": capabilities}
    with on_stage(folders, **wrong_map) as stage:
        result = stage.capture()
        races = [row["map"] for row in stage.game.log() if row["event"] == "race"]
        if capabilities:
            whole(stage, result)
            assert races.count("Second.Challenge.Gbx") == 1  # left before a script was armed
        else:
            assert races.count("Second.Challenge.Gbx") > 1  # only the missing car gives it away


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("last_command_first", [True, False])
def test_the_order_of_commands_in_one_frame_does_not_matter(folders: Folders, last_command_first: bool) -> None:
    """With several ticks in a frame, `unload` at the finish and the next `load` would run in one frame."""
    order = {"ticks_per_frame": 3, "restart_drops_ticks": False, "last_command_first": last_command_first}
    with on_stage(folders, **order) as stage:
        for n in range(3):
            result = stage.capture(returns=n > 0, fps=10)
            assert isinstance(result, CompletedRace), stage.notes
            assert (result.finish_ms, result.restarts, stage.notes) == (3050, 0, [])


@pytest.mark.parametrize(
    "fault",
    [
        "slow-start:s=1",
        "no-start:times=1",
        "intro:s=0.5",
        "stale-clock",
        "parked:times=1",
        "parked:times=3",
        "rewind:at=500:times=1",
        "rewind:at=500:ms=200:times=1",
        "freeze:at=500:s=1:times=1",
        "freeze:at=500:s=2.5:times=1",
        "plugin-gone:at=500:s=0.5:times=1",
        "second-client:at=500:times=1",
        "second-client:at=100:s=0.3:times=1",
        "checkpoint-order",
        "lap-messages",
        "fast-countdown",
        pytest.param("lost-frames:times=3:at=500", marks=pytest.mark.slow),
        "wrong-size:times=1",
    ],
)
def test_temporary_trouble_costs_time_and_no_frame(folders: Folders, fault: str) -> None:
    with on_stage(folders, faults=[fault]) as stage:
        result = stage.capture()
        if fault.startswith("lost-frames"):
            assert isinstance(result, CompletedRace)
            assert result.frames + result.missed == len(EVERY_TICK)
            assert result.missed <= 3
        else:
            whole(stage, result)


@pytest.mark.usefixtures("patient")
def test_steps_of_the_previous_race_are_ignored(folders: Folders) -> None:
    with on_stage(folders, faults=["stale-steps"]) as stage:
        whole(stage, stage.capture())
        stage.driver.close()
        whole(stage, stage.capture())


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("fault", ["late-frames:20%", "late-frames:n=1", "late-frames:n=7", "late-frames:50%:n=12"])
def test_late_frames_have_true_labels_and_missed_ones_are_counted(folders: Folders, fault: str) -> None:
    with on_stage(folders, faults=[fault]) as stage:
        result = stage.capture()
        assert isinstance(result, CompletedRace)
        assert result.frames == len(stage.kept)
        assert result.frames + result.missed == len(EVERY_TICK)
        assert result.frames > 20
        assert stage.times == sorted(set(stage.times))


@pytest.mark.parametrize(("fault", "finish_ms"), [("desync", 3280), ("desync:ms=40", 3090), ("desync:ms=0", None)])
def test_a_desync_keeps_its_frames(folders: Folders, fault: str, finish_ms: int | None) -> None:
    with on_stage(folders, faults=[fault]) as stage:
        result = stage.capture(fps=10)
        assert isinstance(result, CompletedRace)
        assert result.finish_ms == finish_ms
        assert result.missed == 0


def test_an_end_dialog_at_the_finish_costs_its_frame_at_most(folders: Folders) -> None:
    with on_stage(folders, faults=["end-dialog"]) as stage:
        result = stage.capture()
        assert isinstance(result, CompletedRace), result
        assert (result.frames, result.missed, result.finish_unreported) == (len(EVERY_TICK) - 1, 1, True)
        stage.game.set_faults([])
        whole(stage, stage.capture())


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("no-start", "capture.map_did_not_start"),
        pytest.param("intro", "capture.map_did_not_start", marks=pytest.mark.slow),
        pytest.param("no-index", "capture.map_did_not_start", marks=pytest.mark.slow),
        ("parked", "capture.parked"),
        ("rewind:at=500", "capture.restarted"),
        pytest.param("plugin-gone", "game.gone", marks=pytest.mark.slow),
        pytest.param("game-dead", "game.gone", marks=pytest.mark.slow),
    ],
)
def test_lasting_trouble_fails_the_replay_with_its_code_in_time(folders: Folders, fault: str, code: str) -> None:
    with on_stage(folders, faults=[fault]) as stage:
        result = stage.capture()
        assert isinstance(result, FailedRace), result
        assert result.code == code


@pytest.mark.slow
def test_the_next_replay_is_captured_after_one_that_failed(folders: Folders) -> None:
    with on_stage(folders, faults=["no-start"]) as stage:
        assert isinstance(stage.capture(), FailedRace)
        stage.game.set_faults([])
        whole(stage, stage.capture())


def test_a_wrong_map_is_noticed_and_the_right_one_loaded(folders: Folders) -> None:
    from tests.sandbox.game.conftest import build_map, build_replay

    other = build_map(uid="SandboxGameTestMapNumberTwo", name="Second", checkpoint_count=5)
    (folders.challenges / "Second.Challenge.Gbx").write_bytes(other)
    far = build_replay(other, uid="SandboxGameTestMapNumberTwo", checkpoints_ms=[500, 900, 1200, 1500, 2000, 3050],
                      samples=[(900.0 + 2 * n, 10.0, 700.0) for n in range(40)])  # fmt: skip
    (folders.replays / "second.Replay.Gbx").write_bytes(far)
    with on_stage(folders, faults=["wrong-map:times=1"]) as stage:
        whole(stage, stage.capture())
        assert any("another map" in note for note in stage.notes)
