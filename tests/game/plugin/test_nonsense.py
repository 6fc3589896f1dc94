"""Invalid, incomplete and untimely messages, and throwing game calls, break nothing."""

from __future__ import annotations

import random
import struct
import time

import pytest

from tests.game.plugin.conftest import Start
from tests.game.plugin.raw import CHECKPOINT, FRAME, GREETING, STEP, RawClient, accepts_clients

SPEED, STATE, GIVE_UP, SHUTDOWN, COMMAND, TIMEOUT, REQUEST, MENUS = 6, 9, 11, 13, 14, 15, 17, 22


def test_a_second_answer_skips_the_next_message(start: Start) -> None:
    with RawClient(start("race").port) as client:
        client.greet_and_answer()
        at = client.step()
        client.send(STEP, STEP)
        assert client.step() == at + 10
        assert client.step() == at + 20
        client.send(STEP)
        assert client.step() == at + 30


def test_messages_sent_before_the_greeting_are_handled_in_it(start: Start) -> None:
    host = start("race")
    with RawClient(host.port) as client:
        client.send(SPEED, 3.0, MENUS, GREETING)
        assert client.numbers(2) == (GREETING, 0)
        client.steps(2)
    host.wait_for_line("speed 3")


@pytest.mark.parametrize("message", [0, 99, -1, 2**31 - 1, 0x20202020])
def test_an_unknown_message_closes_the_connection(start: Start, message: int) -> None:
    host = start("race")
    with RawClient(host.port) as client:
        client.greet_and_answer()
        client.step()
        client.send(message, SPEED, 9.0, STEP)
        assert client.is_closed()
    assert f"unknown message {message}" in host.wait_for_line("dropped")
    assert "speed 9" not in host.lines
    assert accepts_clients(host.port)


@pytest.mark.parametrize(
    "half",
    [b"\x01", struct.pack("<iB", 15, 1), struct.pack("<ii", 17, 8), struct.pack("<ii", 14, 50) + b"map",
     struct.pack("<ii", 7, 9000) + bytes(100), struct.pack("<ih", 10, 1), struct.pack("<i", 6)],
    ids=["answer", "timeout", "frame", "command", "state", "keys", "speed"],
)  # fmt: skip
def test_half_a_message_is_waited_for(start: Start, half: bytes) -> None:
    host = start("race")
    with RawClient(host.port) as client:
        client.greet_and_answer(TIMEOUT, 300)
        client.step()
        client.send(half)
        assert client.is_closed()
    host.wait_for_line("no answer for 300 ms")
    assert accepts_clients(host.port)


def test_a_message_can_arrive_byte_by_byte(start: Start) -> None:
    host = start("race")
    with RawClient(host.port) as client:
        client.greet_and_answer()
        at = client.step()
        for byte in struct.pack("<ii3sif", COMMAND, 3, b"cam", SPEED, 4.0):
            client.send(bytes([byte]))
            time.sleep(0.001)
        client.send(STEP)
        assert client.step() == at + 10
    host.wait_for_line("command cam")
    host.wait_for_line("speed 4")


@pytest.mark.parametrize("order", [COMMAND, 7])
@pytest.mark.parametrize("length", [-1, 2**31 - 1, -(2**31)])
def test_an_impossible_length_closes_the_connection(start: Start, order: int, length: int) -> None:
    host = start("race")
    with RawClient(host.port) as client:
        client.greet().send(order, length)
        assert client.is_closed()
    host.wait_for_line(f"a message of {length} bytes")
    assert accepts_clients(host.port)


def test_random_numbers_leave_the_game_running(start: Start) -> None:
    host = start("race")
    for seed in range(60):
        chance = random.Random(seed)
        with RawClient(host.port) as client:
            client.greet().send(TIMEOUT, 50)
            words = [chance.choice([chance.randrange(-2, 30), chance.randrange(-(2**31), 2**31)]) for _ in range(40)]
            # no shutdown, and no timeout that this test would have to wait for
            client.send(*(word for word in words if word not in (SHUTDOWN, TIMEOUT)))
            client.socket.settimeout(0.3)
            client.is_closed()  # or the game stands still at speed 0
    host.do("race")
    assert accepts_clients(host.port)


def test_a_callback_inside_giving_up_is_sent_after_the_answer(start: Start) -> None:
    with RawClient(start("reentrant 1", "race 500 60000").port) as client:
        client.greet_and_answer()
        client.step()
        client.send(GIVE_UP, STEP)
        assert client.numbers(3) == (CHECKPOINT, 0, 2)
        client.send(CHECKPOINT)
        assert client.steps(2) == [-2600, -2590]


def test_a_throwing_call_delays_no_later_checkpoint(start: Start) -> None:
    with RawClient(start("bad-states 1", "race -2000 60000").port) as client:
        client.greet_and_answer()
        client.step()
        client.send(STATE)
        while (message := client.number()) == STEP:
            client.number()
            client.send(STEP)
        assert message == CHECKPOINT


def test_a_frame_is_sent_once_despite_a_throwing_call(start: Start) -> None:
    with RawClient(start("bad-states 1", "race").port) as client:
        client.greet_and_answer()
        client.step()
        client.send(REQUEST, 4, 4, STEP)
        client.frame(4, 4)
        client.send(STATE)
        client.step()
        client.send(FRAME, STEP)  # the answer to the frame comes too late and is ignored
        client.steps(10)
