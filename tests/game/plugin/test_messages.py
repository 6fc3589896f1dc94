"""Every message of the protocol, byte by byte, with the plugin in a real script engine on the other end."""

from __future__ import annotations

import struct
from itertools import pairwise

import pytest

from .conftest import Start
from .raw import CHECKPOINT, FRAME, GREETING, LAP, STEP, Raw

SPEED, REWIND_TO, REWIND, STATE, INPUT, GIVE_UP, PREVENT_FINISH, SHUTDOWN = range(6, 14)
COMMAND, TIMEOUT, FINISHED, REQUEST, CAMERA, PERIOD, UNREQUEST, INTERFACE, MENUS, INPUTS = range(14, 24)
RACE_TIME_AT = 7892  # in the bytes of a state
YES, NO = struct.pack("<i", 1), struct.pack("<i", 0)


def test_run_steps_begin_with_the_countdown_and_come_every_tick(start: Start) -> None:
    with Raw(start("race").port) as client:
        client.go()
        assert client.step() >= -2600
        client.send(GIVE_UP, STEP)
        assert client.steps(4) == [-2600, -2590, -2580, -2570]


def test_the_period_leaves_only_its_multiples(start: Start) -> None:
    with Raw(start("race").port) as client:
        client.go(PERIOD, 50)
        times = client.steps(5)
        assert times == list(range(times[0], times[0] + 250, 50))
        assert times[0] % 50 == 0


@pytest.mark.parametrize(("period", "every"), [(0, 10), (-20, 20)])
def test_a_period_that_is_none_is_no_script_error(start: Start, period: int, every: int) -> None:
    with Raw(start("race").port) as client:
        client.go(PERIOD, period)
        times = client.steps(3)
        assert [later - earlier for earlier, later in pairwise(times)] == [every] * 2


@pytest.mark.parametrize("order", ["step-first 0", "step-first 1"])
def test_checkpoint_and_lap_are_told_in_the_tick_in_which_they_are_passed(start: Start, order: str) -> None:
    with Raw(start(order, "race 20 40").port) as client:
        client.go()
        client.step_at(10)
        client.send(STEP)
        step = (STEP, 20)
        told = (CHECKPOINT, 1, 2)
        for expected in (step, told) if order == "step-first 1" else (told, step):
            assert client.numbers(len(expected)) == expected
            client.send(expected[0])
        assert client.steps(1) == [30]
        step = (STEP, 40)
        told = (CHECKPOINT, 2, 2, LAP, 1, 1)
        if order == "step-first 1":
            assert client.numbers(2) == step
            client.send(STEP)
        assert client.numbers(3) == told[:3]
        client.send(CHECKPOINT)
        assert client.numbers(3) == told[3:]
        client.send(LAP)
        if order == "step-first 0":
            assert client.numbers(2) == step


def test_after_the_finish_every_tick_is_told_with_the_race_time_frozen(start: Start) -> None:
    with Raw(start("frozen 3", "race 120").port) as client:
        client.go(PERIOD, 50)
        client.step_at(100)
        client.send(STEP)
        assert client.numbers(3) == (CHECKPOINT, 1, 1)
        client.send(FINISHED)
        assert client.read(4) == YES  # the player info says so in the very tick
        client.send(CHECKPOINT)
        assert client.numbers(3) == (LAP, 1, 1)
        client.send(LAP)
        assert client.steps(3) == [120, 120, 120]  # no multiple of 50
        assert client.silent()  # the end dialog


def test_a_clock_that_stands_still_says_that_the_race_is_finished(start: Start) -> None:
    with Raw(start("flagless 1", "race 120").port) as client:
        client.go()
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


def test_whether_the_race_is_finished(start: Start) -> None:
    host = start("step-first 1", "race 60000")
    with Raw(host.port) as client:
        client.go()
        client.step()
        client.send(FINISHED)
        assert client.read(4) == NO


def test_the_speed_is_set_unless_it_is_none(start: Start) -> None:
    host = start("race")
    with Raw(host.port) as client:
        client.go(SPEED, 2.5, SPEED, float("nan"), SPEED, -1.0, SPEED, float("inf"))
        client.steps(2)
    host.hears("speed 2.5")
    assert [line for line in host.said if line.startswith("speed")] == ["speed 2.5"]


def test_a_state_is_that_of_the_tick_and_can_be_gone_back_to(start: Start) -> None:
    with Raw(start("race 500 60000").port) as client:
        client.go()
        client.step_at(700)
        saved = client.ask(STATE)
        assert len(saved) == 8356 + 4 * 2 + 8 * 2
        assert struct.unpack_from("<i", saved, RACE_TIME_AT) == (700,)
        assert struct.unpack_from("<2i", saved, 8344 + 4 + 4 + 8) == (2, 500)  # times: how many, the first
        client.send(STEP)
        client.step_at(900)
        client.send(REWIND_TO, len(saved), saved, STEP)
        assert client.steps(2) == [710, 720]


def test_going_back_to_this_very_tick_drops_what_the_frame_had_left(start: Start) -> None:
    host = start("ticks 4", "race")
    with Raw(host.port) as client:
        client.go()
        at = client.step_at(100)
        client.send(REWIND, STEP)
        assert client.step() == at + 10
    assert host.hears("rewind") == f"rewind {at}"


def test_where_there_is_no_state_the_reply_is_one_of_no_bytes(start: Start) -> None:
    host = start("race", "no-states 1")
    with Raw(host.port) as client:
        client.go()
        client.step()
        assert client.ask(STATE) == b""
        client.send(REWIND, STEP)
        client.steps(2)


def test_a_game_call_that_throws_ends_the_wait_but_not_the_link(start: Start) -> None:
    host = start("race", "bad-states 1")
    with Raw(host.port) as client:
        client.go()
        at = client.step()
        client.send(STATE)
        client.send(MENUS)  # what is sent now is kept, and obeyed in the next wait
        later = client.step()
        assert later > at
        assert client.read(4) == NO
        client.send(STEP)
        client.steps(2)
    host.hears("script error no state here")


def test_keys_are_pressed_in_a_race_and_only_there(start: Start) -> None:
    host = start("menus")
    with Raw(host.port) as client:
        client.go(INPUT, bytes([1, 1, 1, 1]), MENUS)
        assert client.read(4) == YES
        host.do("race")
        client.step()
        client.send(INPUT, bytes([1, 0, 1, 0]), STEP)
        client.steps(1)
    host.hears("press 0 0")
    pressed = [line for line in host.said if line.startswith("press")]
    assert pressed == ["press 2 1", "press 3 0", "press 1 1", "press 0 0"]  # left, right, up, down


def test_what_needs_a_race_is_read_and_left_outside_of_it(start: Start) -> None:
    host = start("menus")
    with Raw(host.port) as client:
        client.greeted().send(GIVE_UP, PREVENT_FINISH, REWIND, REWIND_TO, 3, b"abc", INPUT, bytes(4), MENUS)
        assert client.read(4) == YES
        client.send(GREETING)
    host.do("menus")
    assert not [line for line in host.said if line in ("give up", "prevent finish") or line.startswith("rewind")]


def test_the_finish_is_prevented_the_camera_reset_the_interface_hidden(start: Start) -> None:
    host = start("race")
    with Raw(host.port) as client:
        client.go()
        client.step()
        client.send(PREVENT_FINISH, CAMERA, INTERFACE, 0, INTERFACE, 1, STEP)
        client.steps(1)
    host.hears("interface 1")
    wanted = ["prevent finish", "reset camera", "interface 0", "interface 1"]
    assert [line for line in host.said if line in wanted] == wanted


def test_commands_run_in_a_later_frame_the_last_one_first(start: Start) -> None:
    host = start("menus")
    first, second = b"map A01-Race.Challenge.Gbx", "set user Zoë".encode()
    with Raw(host.port) as client:
        client.greeted().send(COMMAND, len(first), first, COMMAND, len(second), second, COMMAND, 0, MENUS)
        client.read(4)
        assert "command map A01-Race.Challenge.Gbx" not in host.said
        client.send(GREETING)
        host.hears("command map")
    assert host.said[-2:] == ["command set user Zoë", "command map A01-Race.Challenge.Gbx"]


def test_a_long_command_may_come_in_pieces(start: Start) -> None:
    host = start("menus")
    command = b"set x " + b"y" * 300_000
    with Raw(host.port) as client:
        client.greeted().send(COMMAND, len(command), command, GREETING)
        assert len(host.hears("command set x")) == len("command ") + len(command)


@pytest.mark.parametrize(
    ("where", "reply"), [("menus", YES), ("intro", NO), ("race", NO), ("dialog", NO)], ids=lambda value: str(value)
)
def test_every_new_client_is_greeted_in_every_state(start: Start, where: str, reply: bytes) -> None:
    with Raw(start(where).port) as client:
        client.greeted().send(MENUS)
        assert client.read(4) == reply


def test_inputs_come_as_text_of_so_many_bytes(start: Start) -> None:
    host = start("race", "inputs 0-1000 press up ü")
    with Raw(host.port) as client:
        client.go()
        client.step()
        assert client.ask(INPUTS).decode() == "0-1000 press up ü"
        host.order("inputs ")
        client.send(STEP)
        client.steps(3)
        client.step()
        assert client.ask(INPUTS) == b""
        client.send(STEP)
        client.steps(1)


def test_ten_thousand_steps_with_all_questions(start: Start) -> None:
    with Raw(start("step-first 1", "race 500 9999990").port) as client:
        client.go()
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


def test_the_number_of_another_message_is_no_answer(start: Start) -> None:
    with Raw(start("race").port) as client:
        client.go()
        at = client.step()
        client.send(CHECKPOINT, LAP, FRAME, GREETING)  # all swallowed: the step is still held
        assert client.silent()
        client.send(STEP)
        assert client.step() == at + 10
