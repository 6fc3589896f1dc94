"""Clients that talk nonsense, halves of messages, or out of turn, and game calls that throw: nothing breaks."""

from __future__ import annotations

import random
import struct
import time

import pytest

from .conftest import Start
from .raw import CHECKPOINT, FRAME, GREETING, STEP, Raw, served

SPEED, STATE, GIVE_UP, SHUTDOWN, COMMAND, TIMEOUT, REQUEST, MENUS = 6, 9, 11, 13, 14, 15, 17, 22


def test_an_answer_sent_twice_releases_the_next_message_unseen(start: Start) -> None:
    with Raw(start("race").port) as client:
        client.go()
        at = client.step()
        client.send(STEP, STEP)
        assert client.step() == at + 10
        assert client.step() == at + 20
        client.send(STEP)
        assert client.step() == at + 30


def test_what_is_said_before_the_greeting_is_obeyed_in_it(start: Start) -> None:
    host = start("race")
    with Raw(host.port) as client:
        client.send(SPEED, 3.0, MENUS, GREETING)
        assert client.numbers(2) == (GREETING, 0)
        client.steps(2)
    host.hears("speed 3")


@pytest.mark.parametrize("message", [0, 24, -1, 2**31 - 1, 0x20202020])
def test_a_number_that_is_no_message_ends_the_link(start: Start, message: int) -> None:
    host = start("race")
    with Raw(host.port) as client:
        client.go()
        client.step()
        client.send(message, SPEED, 9.0, STEP)
        assert client.hung_up()
    assert f"message {message} is none" in host.hears("dropped")
    assert "speed 9" not in host.said
    assert served(host.port)


@pytest.mark.parametrize(
    "half",
    [b"\x01", struct.pack("<iB", 15, 1), struct.pack("<ii", 17, 8), struct.pack("<ii", 14, 50) + b"map",
     struct.pack("<ii", 7, 9000) + bytes(100), struct.pack("<ih", 10, 1), struct.pack("<i", 6)],
    ids=["answer", "timeout", "frame", "command", "state", "keys", "speed"],
)  # fmt: skip
def test_half_a_message_is_waited_for_and_never_guessed(start: Start, half: bytes) -> None:
    host = start("race")
    with Raw(host.port) as client:
        client.go(TIMEOUT, 300)
        client.step()
        client.send(half)
        assert client.hung_up()
    host.hears("no answer for 300 ms")
    assert served(host.port)


def test_a_message_in_single_bytes_is_the_same_message(start: Start) -> None:
    host = start("race")
    with Raw(host.port) as client:
        client.go()
        at = client.step()
        for byte in struct.pack("<ii3sif", COMMAND, 3, b"cam", SPEED, 4.0):
            client.send(bytes([byte]))
            time.sleep(0.001)
        client.send(STEP)
        assert client.step() == at + 10
    host.hears("command cam")
    host.hears("speed 4")


@pytest.mark.parametrize("order", [COMMAND, 7])
@pytest.mark.parametrize("length", [-1, 2**31 - 1, -(2**31)])
def test_a_length_that_can_not_be_ends_the_link(start: Start, order: int, length: int) -> None:
    host = start("race")
    with Raw(host.port) as client:
        client.greeted().send(order, length)
        assert client.hung_up()
    host.hears(f"a message of {length} bytes")
    assert served(host.port)


def test_nonsense_of_any_kind_leaves_the_game_alive(start: Start) -> None:
    host = start("race")
    for seed in range(60):
        chance = random.Random(seed)
        with Raw(host.port) as client:
            client.greeted().send(TIMEOUT, 50)
            words = [chance.choice([chance.randrange(-2, 30), chance.randrange(-(2**31), 2**31)]) for _ in range(40)]
            # neither a shut-down nor a limit so large that this test would have to sit it out
            client.send(*(word for word in words if word not in (SHUTDOWN, TIMEOUT)))
            client.socket.settimeout(0.3)
            client.hung_up()  # or the game stands still, at a speed of 0
    host.do("race")
    assert served(host.port)


def test_a_callback_from_inside_of_giving_up_is_told_after_the_answer(start: Start) -> None:
    with Raw(start("reentrant 1", "race 500 60000").port) as client:
        client.go()
        client.step()
        client.send(GIVE_UP, STEP)
        assert client.numbers(3) == (CHECKPOINT, 0, 2)
        client.send(CHECKPOINT)
        assert client.steps(2) == [-2600, -2590]


def test_a_throwing_call_holds_up_no_later_checkpoint(start: Start) -> None:
    with Raw(start("bad-states 1", "race -2000 60000").port) as client:
        client.go()
        client.step()
        client.send(STATE)
        while (message := client.number()) == STEP:
            client.number()
            client.send(STEP)
        assert message == CHECKPOINT


def test_a_frame_that_was_sent_is_not_sent_again_after_a_throwing_call(start: Start) -> None:
    with Raw(start("bad-states 1", "race").port) as client:
        client.go()
        client.step()
        client.send(REQUEST, 4, 4, STEP)
        client.frame(4, 4)
        client.send(STATE)
        client.step()
        client.send(FRAME, STEP)  # the answer to the frame comes too late, and is swallowed
        client.steps(10)
