"""Inputs, recorded runs and the bytes of a state."""

from __future__ import annotations

import struct

import pytest
from tminterface.structs import CheckpointData, SimStateData

from tests.sandbox.game.conftest import UID, Folders
from tests.sandbox.game.wire_client import WireClient
from tmxdb.gbx import InputEvent, read_replay
from tmxdb.gbx.script import to_script
from tmxdb_sandbox import RunningSite
from tmxdb_sandbox.game import RunningGame
from tmxdb_sandbox.game.car.controls import RELEASED, Change, ControlState, Timeline
from tmxdb_sandbox.game.car.race import SimulatedRace, TrackLayout
from tmxdb_sandbox.game.car.recorded_inputs import recorded_changes
from tmxdb_sandbox.game.car.recorded_runs import read_run
from tmxdb_sandbox.game.car.script import read_script
from tmxdb_sandbox.game.car.state import FIXED_BYTES

MAP = "First.Challenge.Gbx"


@pytest.mark.parametrize(
    ("line", "changes"),
    [
        ("0 press up", [Change(0, "up", 1)]),
        ("9.43 rel down", [Change(9430, "down", 0)]),
        ("1:02.50 press left", [Change(62_500, "left", 1)]),
        ("100-200 press right", [Change(100, "right", 1), Change(200, "right", 0)]),
        ("0.10-0.20 steer -65536", [Change(100, "steer", -65536), Change(200, "steer", 0)]),
        ("10 gas 65536  # full", [Change(10, "gas", 65536)]),
        ("10 press up; 20 rel up", [Change(10, "up", 1), Change(20, "up", 0)]),
        ("15 press up", []),  # between two ticks: not injected
        ("10 press horn", []),
        ("# nothing", []),
    ],
)
def test_a_script_line_becomes_changes(line: str, changes: list[Change]) -> None:
    assert read_script(line) == (changes, [])


@pytest.mark.parametrize("line", ["up", "10 press", "10 press jump", "-10 press up", "10 steer 65537", "x press up"])
def test_a_line_that_is_not_understood_is_reported(line: str) -> None:
    changes, errors = read_script(f"10 press up\n{line}\n")
    assert changes == [Change(10, "up", 1)]
    assert errors == [f"line 2: {line!r} is not understood"]


def test_for_equal_times_the_later_line_counts() -> None:
    changes, _ = read_script("0-100 press up\n100-200 press up\n")
    assert Timeline(changes).at(100).up == 1
    changes, _ = read_script("100-200 press up\n0-100 press up\n")
    assert Timeline(changes).at(100).up == 0


def test_a_timeline_has_the_controls_and_the_number_of_respawns() -> None:
    line = Timeline([Change(50, "enter", 1), Change(90, "enter", 0), Change(200, "enter", 1), Change(0, "steer", -5)])
    assert line.at(-10) == RELEASED
    assert line.at(40) == ControlState(steer=-5)
    assert line.at(1000) == ControlState(steer=-5, respawns=2)
    assert line.first_difference(Timeline([Change(0, "steer", -5)]), 0, 1000) == 50
    assert line.first_difference(Timeline([Change(0, "steer", -5)]), 0, 50) is None


def event(time_ms: int, control: str, value: int) -> InputEvent:
    return InputEvent(time_ms, control, value)


@pytest.mark.parametrize(
    ("events", "changes"),
    [
        ([event(10, "Accelerate", 1)], [Change(0, "up", 1), Change(5000, "up", 0)]),
        ([event(19, "Brake", 1), event(35, "Brake", 0)], [Change(0, "down", 1), Change(20, "down", 0)]),
        ([event(-300, "SteerLeft", 1), event(40, "SteerLeft", 0)], [Change(0, "left", 1), Change(30, "left", 0)]),
        ([event(-300, "SteerRight", 1), event(-100, "SteerRight", 0)], []),
        ([event(100, "Respawn", 1), event(155, "Respawn", 0)], [Change(90, "enter", 1), Change(150, "enter", 0)]),
        ([event(105, "Respawn", 1)], [Change(100, "enter", 1), Change(5000, "enter", 0)]),
        ([event(105, "Accelerate", 1), event(109, "Accelerate", 0)], [Change(90, "up", 1)]),
        ([event(110, "Steer", 300), event(120, "Steer", 0)], [Change(100, "steer", -300), Change(110, "steer", 0)]),
        ([event(0, "_FakeDontInverseAxis", 1), event(110, "Gas", 7)], [Change(100, "gas", 7)]),
        ([event(10, "AccelerateReal", 1), event(20, "AccelerateReal", 1 << 16), event(40, "AccelerateReal", 0)],
         [Change(10, "up", 1), Change(30, "up", 0)]),
        ([event(10, "Horn", 1), event(0, "_FakeIsRaceRunning", 1)], []),
    ],
)  # fmt: skip
def test_recorded_entries_become_changes(events: list[InputEvent], changes: list[Change]) -> None:
    assert recorded_changes(events, 5000) == changes


def test_the_script_of_every_replay_of_the_sandbox_matches_its_inputs_and_no_others(shared_site: RunningSite) -> None:
    compared = 0
    for track_id in shared_site.track_ids()[:25]:
        driven: list[tuple[Timeline, int]] = []
        for row in shared_site.leaderboard(track_id)[:6]:
            if row["removed"]:
                continue
            replay = read_replay(shared_site.expected_replay(row["replay_id"]))
            assert replay.race_time_ms is not None
            changes, errors = read_script(to_script(replay.inputs, replay.race_time_ms))
            script, own = Timeline(changes), Timeline(recorded_changes(replay.inputs, replay.race_time_ms))
            assert errors == []
            assert script.first_difference(own, 0, replay.race_time_ms) is None
            for other, time_ms in driven:
                assert script.first_difference(other, 0, min(time_ms, replay.race_time_ms)) is not None
            driven.append((own, replay.race_time_ms))
            compared += 1
    assert compared > 40


@pytest.mark.parametrize("shift_ms", [-200, -10, 10, 120])
def test_a_script_that_is_shifted_as_a_whole_drives_the_run_earlier_or_later(folders: Folders, shift_ms: int) -> None:
    run = read_run(folders.replays / "first.Replay.Gbx")
    assert run is not None
    script = to_script(run.replay.inputs, run.race_time_ms, offset_ms=shift_ms)
    race = SimulatedRace(TrackLayout("First Map", UID, 1, 3, [run]), Timeline(read_script(script)[0]))
    positions = {}
    while not race.finished and race.tick_ms < 4000:
        race.tick()
        positions[race.tick_ms] = race.car.position
    assert (race.shift_ms, race.passed) == (shift_ms, [1000 + shift_ms, 2000 + shift_ms, 3050 + shift_ms])
    assert positions[1000] == run.motion.at(1000 - shift_ms).position
    assert f"{1.5 + shift_ms / 1000:.2f}-{1.8 + shift_ms / 1000:.2f} press left" in race.inputs(ranges=True)


def test_other_inputs_are_not_taken_for_a_shifted_run(folders: Folders) -> None:
    run = read_run(folders.replays / "first.Replay.Gbx")
    assert run is not None
    changes, _ = read_script("0.00-3.05 press up\n1.40-1.80 press left\n")
    race = SimulatedRace(TrackLayout("First Map", UID, 1, 3, [run]), Timeline(changes))
    assert (race.shift_ms, race.leaves_ms) == (0, 1400)


# The state


def parse(data: bytes) -> SimStateData:
    state = SimStateData(data)
    state.cp_data.resize(CheckpointData.cp_states_field, state.cp_data.cp_states_length)
    state.cp_data.resize(CheckpointData.cp_times_field, state.cp_data.cp_times_length)
    return state


def test_the_package_tminterface_reads_a_state(game: RunningGame, client: WireClient) -> None:
    client.start_race(MAP)
    client.arm("run.txt")
    client.advance_to(1550)
    data = client.ask_bytes(9)
    assert len(data) == FIXED_BYTES + 12 + 4 * 3 + 8 * 3
    state = parse(data)
    assert (state.race_time, state.time, state.player_info.race_time) == (1550, 4150, 1550)
    assert state.position == pytest.approx([100.0, 10.0, 81.0])
    assert state.velocity == pytest.approx([0.0, 0.0, 20.0])
    assert state.display_speed == 72
    assert state.yaw_pitch_roll == pytest.approx([0, 0, 0])
    assert (state.input_accelerate, state.input_left, state.input_right, state.input_brake) == (
        True,
        True,
        False,
        False,
    )
    assert int(state.input_steer) == int(state.input_gas) == 0
    assert (state.scene_mobil.input_gas, state.scene_mobil.input_steer) == (1.0, -1.0)
    assert [one.time for one in state.cp_data.cp_times] == [1000, -1, -1]
    assert list(state.cp_data.cp_states) == [True, False, False]
    info = state.player_info
    assert (info.cur_checkpoint, info.cur_cp_count, info.cur_lap_cp_count, info.cur_lap) == (0, 1, 1, 0)
    assert (info.race_finished, info.finish_not_passed) == (False, True)
    assert state.scene_mobil.engine.gear == 1
    assert 4000 < state.scene_mobil.engine.actual_rpm < 11000
    for wheel in state.simulation_wheels:
        assert wheel.real_time_state.has_ground_contact
        assert not wheel.real_time_state.is_sliding
        assert wheel.real_time_state.contact_material_id & 0xFFFF == 0
    assert state.num_respawns == 0
    assert state.input_accelerate_event.time == 100_010
    assert state.input_left_event.time == 101_510


def test_a_state_at_the_finish_has_every_crossing(client: WireClient) -> None:
    client.start_race(MAP)
    client.arm("run.txt")
    client.advance_to(3050)
    state = parse(client.ask_bytes(9))
    assert [one.time for one in state.cp_data.cp_times] == [1000, 2000, 3050]
    assert (state.player_info.race_finished, state.race_time) == (True, 3050)


def test_in_the_countdown_the_race_time_is_negative_and_the_car_stands_still(client: WireClient) -> None:
    client.start_race(MAP)
    state = parse(client.ask_bytes(9))
    assert (state.race_time, state.time) == (-2600, 0)
    assert state.velocity == [0, 0, 0]
    assert state.position == pytest.approx([100, 10, 50])


@pytest.mark.parametrize(("steer", "gas"), [(65536, -65536), (-30000, 20000), (1, 0)])
def test_analog_inputs_keep_their_sign(
    shared_folders: Folders, game: RunningGame, client: WireClient, steer: int, gas: int
) -> None:
    (shared_folders.scripts / f"analog{steer}.txt").write_text(f"0 steer {steer}\n0 gas {gas}\n0 press enter\n")
    client.start_race(MAP)
    client.arm(f"analog{steer}.txt")
    client.advance_to(100)
    state = parse(client.ask_bytes(9))
    assert (int(state.input_steer), int(state.input_gas)) == (steer, gas)
    assert state.num_respawns == 1
    assert state.scene_mobil.input_gas == float(gas <= -19661)
    assert state.scene_mobil.input_brake == float(gas >= 19661)


def test_a_car_that_leaves_its_run_rolls_out_and_never_finishes(
    shared_folders: Folders, game: RunningGame, client: WireClient
) -> None:
    (shared_folders.scripts / "other.txt").write_text("0.00-3.05 press up\n1.50-1.70 press left\n")
    client.start_race(MAP)
    client.arm("other.txt")
    positions = []
    for time_ms in (1700, 1710, 2200, 9000):
        client.advance_to(time_ms)
        positions.append(struct.unpack_from("<3f", client.ask_bytes(9), 224 + 268 + 180 + 52)[2])
    assert positions[:1] == pytest.approx([84.0])
    assert positions[1] - positions[0] == pytest.approx(0.2, abs=0.01)
    assert positions[3] - positions[0] == pytest.approx(6.0, abs=0.1)  # 20 m/s, lost within 0.3 s
    assert parse(client.ask_bytes(9)).display_speed == 0
    assert client.ask(16) == 0
