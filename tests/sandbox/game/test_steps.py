"""Run steps, restarts, rewinds and the finish."""

from __future__ import annotations

import struct

import pytest

from tests.sandbox.game.conftest import Folders, events, wait_until
from tests.sandbox.game.wire_client import CHECKPOINT, FRAME, GREETING, LAP, STEP, WireClient
from tmxdb_sandbox.game import RunningGame, running_game
from tmxdb_sandbox.game.picture import read_back

MAP = "First.Challenge.Gbx"


def steps(client: WireClient, count: int) -> list[int]:
    """Return the times of the next steps, all messages answered."""
    times: list[int] = []
    while len(times) < count:
        message = client.receive()
        if message.number == STEP:
            times.append(message.time_ms)
        client.answer(message.number)
    return times


@pytest.mark.parametrize(
    ("period_ms", "expected"), [(10, [-2590, -2580]), (100, [-2500, -2400]), (-50, [-2550, -2500])]
)
def test_a_step_comes_for_each_multiple_of_the_period(client: WireClient, period_ms: int, expected: list[int]) -> None:
    client.start_race(MAP)
    client.send("3i", 19, period_ms, STEP)
    assert steps(client, 2) == expected


def test_with_period_0_frames_come_without_steps_and_the_period_can_be_reset(
    game: RunningGame, client: WireClient
) -> None:
    client.start_race(MAP)
    client.request_frame(4, 4)
    client.send("3i", 19, 0, STEP)
    client.expect(FRAME)
    client.send("3i", 19, 10, FRAME)
    assert steps(client, 1)[0] > -2600
    client.send("3i", 19, 0, STEP)
    wait_until(lambda: "division by zero" in str(events(game, "script_error")))


def test_after_the_finish_every_tick_is_sent_with_the_time_frozen(client: WireClient) -> None:
    client.start_race(MAP)
    client.arm("run.txt")
    client.send("3i", 19, 1000, STEP)
    assert steps(client, 9) == [-2000, -1000, 0, 1000, 2000, 3000, 3050, 3050, 3050]


def test_race_finished_is_true_from_the_finish_on(client: WireClient) -> None:
    client.start_race(MAP)
    client.arm("run.txt")
    client.advance_to(3040)
    assert client.ask(16) == 0
    client.advance_to(3050)
    assert client.ask(16) == 1


def test_after_the_frozen_steps_nothing_comes(game: RunningGame, client: WireClient) -> None:
    client.start_race(MAP)
    client.arm("run.txt")
    client.advance_to(3050)
    client.answer(STEP)
    assert steps(client, 200) == [3050] * 200
    assert client.is_silent()
    assert game.screen() == "end"


def test_after_give_up_the_next_step_is_the_first_of_a_countdown(client: WireClient) -> None:
    client.start_race(MAP)
    client.advance_to(500)
    client.send("2i", 11, STEP)
    assert steps(client, 2) == [-2600, -2590]


def test_give_up_and_map_work_in_a_frozen_step(client: WireClient) -> None:
    client.start_race(MAP)
    client.arm("run.txt")
    client.advance_to(3050)
    client.send("2i", 11, STEP)
    assert client.expect(STEP).time_ms == -2600
    client.advance_to(3050)
    client.command(f"map {MAP}")
    client.answer(STEP)
    assert -2600 in steps(client, 5)


def test_press_delete_restarts_too(client: WireClient) -> None:
    client.start_race(MAP)
    client.command("press delete")
    client.answer(STEP)
    assert -2600 in steps(client, 3)


def test_after_rewinding_to_a_saved_state_the_next_tick_comes(client: WireClient) -> None:
    client.start_race(MAP)
    client.arm("run.txt")
    client.advance_to(900)
    saved = client.ask_bytes(9)
    client.advance_to(1500)
    assert struct.unpack_from("<i", client.ask_bytes(9), 7204 + 820) == (1,)
    client.send(f"2i{len(saved)}si", 7, len(saved), saved, STEP)
    assert client.expect(STEP).time_ms == 910
    client.answer(STEP)
    passed = 900
    while (message := client.receive()).number != CHECKPOINT:
        passed = message.time_ms
        client.answer(STEP)
    assert (passed, message.values) == (990, (1, 3))


def test_rewinding_to_the_current_state_loses_the_inputs_of_this_tick(client: WireClient) -> None:
    client.start_race(MAP)
    client.arm("run.txt")
    client.advance_to(1500)
    client.send("2i", 8, STEP)
    assert client.expect(STEP).time_ms == 1510
    client.advance_to(1600)
    assert client.ask_bytes(23) == b"0.00 press up\n"


def test_a_frame_at_speed_0_shows_the_tick_of_its_step(client: WireClient) -> None:
    """As Linesight does: rewind to the current state, set speed 0, request the frame, go on when it comes."""
    client.send("if", 6, 5.0)
    client.start_race(MAP)
    client.advance_to(70)
    client.send("i", 8)
    client.send("if", 6, 0.0)
    client.request_frame(64, 64)
    client.answer(STEP)
    assert read_back(client.expect(FRAME).pixels, 64, 64).race_time_ms == 70
    client.send("if", 6, 5.0)
    client.answer(FRAME)
    assert client.expect(STEP).time_ms == 80


def test_prevent_finish_cancels_the_finish(client: WireClient) -> None:
    client.start_race(MAP)
    client.arm("run.txt")
    client.advance_to(3040)
    client.answer(STEP)
    message = client.expect(CHECKPOINT)
    assert message.values == (3, 3)
    client.send("2i", 12, CHECKPOINT)
    assert steps(client, 3) == [3050, 3060, 3070]


def test_keys_drive_the_car_as_a_script_does(game: RunningGame, client: WireClient) -> None:
    client.start_race(MAP)
    client.advance_to(0)
    for at_ms, left in ((0, 0), (1500, 1), (1800, 0)):
        if at_ms:
            client.advance_to(at_ms)
        client.send("i4B", 10, left, 0, 1, 0)
    client.advance_to(3050)
    assert client.ask(16) == 1


def test_checkpoints_can_come_after_the_step_and_a_restart_can_report_0(folders: Folders) -> None:
    settings = {**folders.settings, "checkpoint_first": False, "restart_reports": True, "lap_message_at_finish": False}
    with running_game(**settings) as game, WireClient(game.port) as client:
        client.greet().start_race(MAP)
        client.command("load run.txt")
        client.request_frame(4, 4)
        client.answer(STEP)
        client.expect(FRAME)
        client.answer(FRAME)
        client.expect(STEP)
        client.send("2i", 11, STEP)
        assert client.expect(CHECKPOINT).values == (0, 3)
        client.answer(CHECKPOINT)
        received = []
        while (message := client.receive()).number != LAP and received[-2:] != [3050, 3050]:
            received.append(message.time_ms if message.number == STEP else message.values)
            client.answer(message.number)
        assert received[received.index((1, 3)) - 1] == 1000
        assert received[received.index((3, 3)) - 1] == 3050
        assert message.number == STEP


def test_a_map_without_a_replay_has_a_parked_car_and_its_own_checkpoints(game: RunningGame, client: WireClient) -> None:
    client.start_race("sub/Second Map.Challenge.Gbx")
    client.arm("run.txt")
    client.advance_to(4000)
    state = client.ask_bytes(9)
    assert len(state) == 8356 + 4 * 3 + 8 * 3
    assert struct.unpack_from("<3f", state, 224 + 268 + 180 + 52) == (512, 9, 512)
    assert events(game, "race")[-1]["follows"] is None


def test_the_end_dialog_accepts_connections_and_exit_map_leaves_it(game: RunningGame, client: WireClient) -> None:
    client.start_race(MAP)
    client.arm("run.txt")
    client.advance_to(3050)
    client.answer(STEP)
    steps(client, 200)
    wait_until(lambda: game.screen() == "end")
    with WireClient(game.port) as other:
        other.greet()
        assert other.ask(22) == 0
        other.command(f"map {MAP}")
        other.answer(GREETING)
        assert other.is_silent()  # the map is queued
    with WireClient(game.port) as third:
        third.greet()
        third.command("exit_map")
        third.answer(GREETING)
        assert third.expect(STEP).time_ms == -2600
