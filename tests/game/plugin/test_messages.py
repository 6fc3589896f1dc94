"""Every message of the protocol, byte by byte, with the plugin in a real script engine."""

from __future__ import annotations

import struct
from itertools import pairwise

import pytest

from tests.game.plugin.conftest import Start
from tests.game.plugin.raw import CHECKPOINT, FRAME, GREETING, LAP, STEP, RawClient

SPEED, REWIND_TO, REWIND, STATE, INPUT, GIVE_UP, PREVENT_FINISH, SHUTDOWN = range(6, 14)
COMMAND, TIMEOUT, FINISHED, REQUEST, CAMERA, PERIOD, UNREQUEST, INTERFACE, MENUS, INPUTS = range(14, 24)
RACE_TIME_AT = 7892  # in the bytes of a state
YES, NO = struct.pack("<i", 1), struct.pack("<i", 0)


def test_run_steps_begin_with_the_countdown_and_come_every_tick(start: Start) -> None:
    with RawClient(start("race").port) as client:
        client.greet_and_answer()
        assert client.step() >= -2600
        client.send(GIVE_UP, STEP)
        assert client.steps(4) == [-2600, -2590, -2580, -2570]


def test_with_a_period_only_its_multiples_are_sent(start: Start) -> None:
    with RawClient(start("race").port) as client:
        client.greet_and_answer(PERIOD, 50)
        times = client.steps(5)
        assert times == list(range(times[0], times[0] + 250, 50))
        assert times[0] % 50 == 0


@pytest.mark.parametrize(("period", "every"), [(0, 10), (-20, 20)])
def test_zero_and_negative_periods_cause_no_script_error(start: Start, period: int, every: int) -> None:
    with RawClient(start("race").port) as client:
        client.greet_and_answer(PERIOD, period)
        times = client.steps(3)
        assert [later - earlier for earlier, later in pairwise(times)] == [every] * 2


@pytest.mark.parametrize("order", ["step-first 0", "step-first 1"])
def test_checkpoint_and_lap_messages_come_in_their_tick(start: Start, order: str) -> None:
    with RawClient(start(order, "race 20 40").port) as client:
        client.greet_and_answer()
        client.step_at(10)
        client.send(STEP)
        step = (STEP, 20)
        crossed = (CHECKPOINT, 1, 2)
        for expected in (step, crossed) if order == "step-first 1" else (crossed, step):
            assert client.numbers(len(expected)) == expected
            client.send(expected[0])
        assert client.steps(1) == [30]
        step = (STEP, 40)
        crossed = (CHECKPOINT, 2, 2, LAP, 1, 1)
        if order == "step-first 1":
            assert client.numbers(2) == step
            client.send(STEP)
        assert client.numbers(3) == crossed[:3]
        client.send(CHECKPOINT)
        assert client.numbers(3) == crossed[3:]
        client.send(LAP)
        if order == "step-first 0":
            assert client.numbers(2) == step


def test_after_the_finish_every_tick_is_sent_with_the_race_time_frozen(start: Start) -> None:
    with RawClient(start("frozen 3", "race 120").port) as client:
        client.greet_and_answer(PERIOD, 50)
        client.step_at(100)
        client.send(STEP)
        assert client.numbers(3) == (CHECKPOINT, 1, 1)
        client.send(FINISHED)
        assert client.read(4) == YES  # the player info says so in this tick
        client.send(CHECKPOINT)
        assert client.numbers(3) == (LAP, 1, 1)
        client.send(LAP)
        assert client.steps(3) == [120, 120, 120]  # not a multiple of 50
        assert client.is_silent()  # the end dialog


def test_a_frozen_race_clock_means_that_the_race_is_finished(start: Start) -> None:
    with RawClient(start("flagless 1", "race 120").port) as client:
        client.greet_and_answer()
        assert client.step_at(120) == 120
        client.send(FINISHED)
        assert client.read(4) == NO
        client.send(STEP)
        while (message := client.number()) != STEP:
            client.numbers(2)
            client.send(message)
        assert client.number() == 120
        client.send(FINISHED)
        assert client.read(4) == YES


def test_a_running_race_is_not_finished(start: Start) -> None:
    host = start("step-first 1", "race 60000")
    with RawClient(host.port) as client:
        client.greet_and_answer()
        client.step()
        client.send(FINISHED)
        assert client.read(4) == NO


def test_a_speed_is_set_unless_it_is_invalid(start: Start) -> None:
    host = start("race")
    with RawClient(host.port) as client:
        client.greet_and_answer(SPEED, 2.5, SPEED, float("nan"), SPEED, -1.0, SPEED, float("inf"))
        client.steps(2)
    host.wait_for_line("speed 2.5")
    assert [line for line in host.lines if line.startswith("speed")] == ["speed 2.5"]


def test_a_state_is_that_of_the_tick_and_can_be_rewound_to(start: Start) -> None:
    with RawClient(start("race 500 60000").port) as client:
        client.greet_and_answer()
        client.step_at(700)
        saved = client.ask(STATE)
        assert len(saved) == 8356 + 4 * 2 + 8 * 2
        assert struct.unpack_from("<i", saved, RACE_TIME_AT) == (700,)
        assert struct.unpack_from("<2i", saved, 8344 + 4 + 4 + 8) == (2, 500)  # times: how many, the first
        client.send(STEP)
        client.step_at(900)
        client.send(REWIND_TO, len(saved), saved, STEP)
        assert client.steps(2) == [710, 720]


def test_rewinding_to_this_tick_drops_the_other_ticks_of_the_frame(start: Start) -> None:
    host = start("ticks 4", "race")
    with RawClient(host.port) as client:
        client.greet_and_answer()
        at = client.step_at(100)
        client.send(REWIND, STEP)
        assert client.step() == at + 10
    assert host.wait_for_line("rewind") == f"rewind {at}"


def test_without_a_state_the_reply_is_empty(start: Start) -> None:
    host = start("race", "no-states 1")
    with RawClient(host.port) as client:
        client.greet_and_answer()
        client.step()
        assert client.ask(STATE) == b""
        client.send(REWIND, STEP)
        client.steps(2)


def test_a_throwing_game_call_ends_the_wait_but_not_the_connection(start: Start) -> None:
    host = start("race", "bad-states 1")
    with RawClient(host.port) as client:
        client.greet_and_answer()
        at = client.step()
        client.send(STATE)
        client.send(MENUS)  # sent now, handled in the next wait
        later = client.step()
        assert later > at
        assert client.read(4) == NO
        client.send(STEP)
        client.steps(2)
    host.wait_for_line("script error no state here")


def test_keys_are_pressed_only_in_a_race(start: Start) -> None:
    host = start("menus")
    with RawClient(host.port) as client:
        client.greet_and_answer(INPUT, bytes([1, 1, 1, 1]), MENUS)
        assert client.read(4) == YES
        host.do("race")
        client.step()
        client.send(INPUT, bytes([1, 0, 1, 0]), STEP)
        client.steps(1)
    host.wait_for_line("press 0 0")
    pressed = [line for line in host.lines if line.startswith("press")]
    assert pressed == ["press 2 1", "press 3 0", "press 1 1", "press 0 0"]  # left, right, up, down


def test_race_commands_outside_a_race_are_read_and_ignored(start: Start) -> None:
    host = start("menus")
    with RawClient(host.port) as client:
        client.greet().send(GIVE_UP, PREVENT_FINISH, REWIND, REWIND_TO, 3, b"abc", INPUT, bytes(4), MENUS)
        assert client.read(4) == YES
        client.send(GREETING)
    host.do("menus")
    assert not [line for line in host.lines if line in ("give up", "prevent finish") or line.startswith("rewind")]


def test_prevent_finish_reset_camera_and_hud(start: Start) -> None:
    host = start("race")
    with RawClient(host.port) as client:
        client.greet_and_answer()
        client.step()
        client.send(PREVENT_FINISH, CAMERA, INTERFACE, 0, INTERFACE, 1, STEP)
        client.steps(1)
    host.wait_for_line("interface 1")
    expected = ["prevent finish", "reset camera", "interface 0", "interface 1"]
    assert [line for line in host.lines if line in expected] == expected


def test_commands_run_in_a_later_frame_the_last_one_first(start: Start) -> None:
    host = start("menus")
    first, second = b"map A01-Race.Challenge.Gbx", "set user Zoë".encode()
    with RawClient(host.port) as client:
        client.greet().send(COMMAND, len(first), first, COMMAND, len(second), second, COMMAND, 0, MENUS)
        client.read(4)
        assert "command map A01-Race.Challenge.Gbx" not in host.lines
        client.send(GREETING)
        host.wait_for_line("command map")
    assert host.lines[-2:] == ["command set user Zoë", "command map A01-Race.Challenge.Gbx"]


def test_a_long_command_can_arrive_in_pieces(start: Start) -> None:
    host = start("menus")
    command = b"set x " + b"y" * 300_000
    with RawClient(host.port) as client:
        client.greet().send(COMMAND, len(command), command, GREETING)
        assert len(host.wait_for_line("command set x")) == len("command ") + len(command)


@pytest.mark.parametrize(
    ("where", "reply"), [("menus", YES), ("intro", NO), ("race", NO), ("dialog", NO)], ids=lambda value: str(value)
)
def test_every_new_client_is_greeted_in_every_state(start: Start, where: str, reply: bytes) -> None:
    with RawClient(start(where).port) as client:
        client.greet().send(MENUS)
        assert client.read(4) == reply


def test_inputs_are_text_with_their_length_in_bytes(start: Start) -> None:
    host = start("race", "inputs 0-1000 press up ü")
    with RawClient(host.port) as client:
        client.greet_and_answer()
        client.step()
        assert client.ask(INPUTS).decode() == "0-1000 press up ü"
        host.send("inputs ")
        client.send(STEP)
        client.steps(3)
        client.step()
        assert client.ask(INPUTS) == b""
        client.send(STEP)
        client.steps(1)


def test_ten_thousand_steps_with_all_questions(start: Start) -> None:
    with RawClient(start("step-first 1", "race 500 9999990").port) as client:
        client.greet_and_answer()
        first = client.step()
        for n in range(10_000):
            client.send(MENUS, FINISHED, STATE, INPUTS)
            assert client.read(8) == NO + NO
            assert struct.unpack_from("<i", client.read(client.number()), RACE_TIME_AT) == (first + 10 * n,)
            assert client.number() == 0
            client.send(STEP)
            if first + 10 * n == 500:
                assert client.numbers(3) == (CHECKPOINT, 1, 2)
                client.send(CHECKPOINT)
            assert client.step() == first + 10 * (n + 1)


def test_the_number_of_another_message_is_not_an_answer(start: Start) -> None:
    with RawClient(start("race").port) as client:
        client.greet_and_answer()
        at = client.step()
        client.send(CHECKPOINT, LAP, FRAME, GREETING)  # all ignored: the step is still unanswered
        assert client.is_silent()
        client.send(STEP)
        assert client.step() == at + 10
