"""The socket driver against a hostile or broken other end: the test says, byte by byte, what the game says."""

from __future__ import annotations

import random
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from tmxdb.errors import GameGone, GameSilent
from tmxdb.game.driver import Connected, Frame, Step
from tmxdb.game.socket_driver import SocketDriver

from .games import free_port

GREETING = b"\x0f\0\0\0\x88\x13\0\0" + b"\x14\0\0\0"  # timeout 5000 ms, forget what another has asked for
SHUTDOWN = b"\x0d\0\0\0"


class Line:
    """A driver, and the other end of its connection in the test's hand."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            self.driver = SocketDriver(server.getsockname()[1], reply_s=0.3)
            self.driver.connect(2)
            self.game, _ = server.accept()
        self.game.settimeout(2)

    def says(self, *numbers: int) -> None:
        self.game.sendall(struct.pack(f"<{len(numbers)}i", *numbers))

    def hears(self, data: bytes) -> None:
        """Exactly these bytes, now."""
        heard = b""
        while len(heard) < len(data):
            heard += self.game.recv(len(data) - len(heard))
        assert heard == data

    def close(self) -> None:
        self.game.close()
        self.driver.close()


@pytest.fixture
def line() -> Iterator[Line]:
    line = Line()
    yield line
    line.close()


@pytest.fixture
def held(line: Line) -> Line:
    """Greeted, and a step held."""
    line.says(1, -10)
    assert line.driver.wait(1) == Step(-10)
    line.hears(GREETING)
    return line


def test_the_first_event_of_a_connection_clears_what_an_older_client_left(line: Line) -> None:
    line.says(5)
    assert line.driver.wait(1) == Connected()
    line.hears(GREETING)
    line.driver.answer()
    line.hears(b"\5\0\0\0")
    line.says(1, 0)
    line.driver.wait(1)
    line.driver.answer()
    line.hears(b"\1\0\0\0")  # and nothing before it


def test_a_greeting_that_comes_late_is_taken_as_one(held: Line) -> None:
    held.driver.answer()
    held.says(5)
    assert held.driver.wait(1) == Connected()
    held.hears(b"\1\0\0\0" + GREETING)


@pytest.mark.parametrize("number", [0, -1, 6, 13, 23, 2**31 - 1, 0x474E5089])
def test_a_number_that_begins_no_message_breaks_the_link(held: Line, number: int) -> None:
    held.driver.answer()
    held.says(number)
    with pytest.raises(GameGone, match=str(number)):
        held.driver.wait(1)
    with pytest.raises(GameGone):
        held.driver.wait(1)


def test_a_frame_that_nobody_asked_for_breaks_the_link(held: Line) -> None:
    held.driver.answer()
    held.says(4, 0, 0, 0)
    with pytest.raises(GameGone, match="size is not known"):
        held.driver.wait(1)


def test_a_frame_larger_than_was_asked_for_is_noticed_at_the_next_message(held: Line) -> None:
    held.driver.request_frame(1, 1)
    held.driver.answer()
    held.says(4, 0x010203, 0x7F7F7F7F)
    assert held.driver.wait(1) == Frame(1, 1, b"\3\2\1\0")
    held.driver.answer()
    with pytest.raises(GameGone):
        held.driver.wait(1)


def test_what_is_said_in_a_step_is_said_in_one_piece_with_the_answer_last(held: Line) -> None:
    held.driver.request_frame(2, 1)
    held.driver.unrequest_frame()
    held.game.settimeout(0.05)
    with pytest.raises(TimeoutError):
        held.game.recv(1)
    held.game.settimeout(2)
    held.says(2**31 - 1)  # no state, but all was sent before it was read
    with pytest.raises(GameGone):
        held.driver.answer_and_tell()
    assert held.game.recv(100) == struct.pack("<iiiiii", 17, 2, 1, 20, 9, 1)


def test_a_picture_stays_as_it_is_until_it_is_released(held: Line) -> None:
    def picture(number: int) -> Frame:
        held.driver.request_frame(1, 1)
        held.driver.answer()
        held.says(4, number)
        frame = held.driver.wait(1)
        assert isinstance(frame, Frame)
        held.driver.answer()
        held.says(1, 10 * number)
        held.driver.wait(1)
        return frame

    first, second = picture(1), picture(2)
    assert (first.pixels[0], second.pixels[0]) == (1, 2)
    first.release()
    third = picture(3)
    assert third.pixels is first.pixels
    assert (second.pixels[0], third.pixels[0]) == (2, 3)


@pytest.mark.parametrize(
    ("ask", "reply"),
    [
        (SocketDriver.in_menus, [2]),
        (SocketDriver.race_finished, [-1]),
        (SocketDriver.state, [-1]),
        (SocketDriver.state, [2**31 - 1]),
        (SocketDriver.state, [8, 0, 0]),
        (SocketDriver.state, []),
        (SocketDriver.state, [8356, 1, 2, 3]),
        (SocketDriver.answer_and_tell, [8356, 1, 2, 3]),
        (SocketDriver.inputs, [2**30]),
        (SocketDriver.inputs, [20_000, 0x61616161]),
        (SocketDriver.in_menus, []),
    ],
)
def test_a_reply_that_is_none_breaks_the_link_within_its_limit(
    held: Line, ask: Callable[[SocketDriver], object], reply: list[int]
) -> None:
    held.says(*reply)
    with pytest.raises(GameGone):
        ask(held.driver)
    with pytest.raises(GameGone):
        held.driver.answer()


def test_messages_that_come_byte_by_byte_are_read_whole(held: Line) -> None:
    held.driver.request_frame(8, 8)
    held.driver.answer()
    pixels = bytes(range(256))

    def dribble() -> None:
        for byte in struct.pack("<ii", 1, 20) + b"\4\0\0\0" + pixels:
            held.game.sendall(bytes([byte]))

    game = threading.Thread(target=dribble)
    game.start()
    assert held.driver.wait(1) == Step(20)
    held.driver.answer()
    assert held.driver.wait(1) == Frame(8, 8, pixels)
    game.join()


@pytest.mark.parametrize("began", [b"\1\0\0", b"\1\0\0\0\5", b"\2\0\0\0\1\0\0\0"])
def test_half_a_message_breaks_the_link(held: Line, began: bytes) -> None:
    held.driver.answer()
    held.game.sendall(began)
    with pytest.raises(GameGone, match="middle"):
        held.driver.wait(0.1)


def test_silence_between_messages_loses_nothing(held: Line) -> None:
    held.driver.answer()
    with pytest.raises(GameSilent):
        held.driver.wait(0)
    held.says(1, 30)
    assert held.driver.wait(1) == Step(30)


def test_long_inputs_are_read_whole(held: Line) -> None:
    text = "0 press up\n" * 20_000

    def reply() -> None:
        held.game.sendall(struct.pack("<i", len(text)) + text.encode())

    game = threading.Thread(target=reply)
    game.start()
    assert held.driver.inputs() == text
    game.join()


def test_leaving_says_so_and_waits_until_the_game_hangs_up(held: Line) -> None:
    heard: list[bytes] = []
    hung_up = threading.Event()

    def game() -> None:
        heard.append(held.game.recv(100))
        time.sleep(0.3)
        held.says(1, 20)  # nobody reads it any more; it must not reset the connection
        hung_up.set()
        held.game.close()

    other = threading.Thread(target=game)
    other.start()
    held.driver.close()
    assert hung_up.is_set()
    other.join()
    assert heard == [SHUTDOWN]


def test_a_port_that_the_system_would_lend_to_ourselves_is_not_taken_for_a_game() -> None:
    driver = SocketDriver(free_port())  # among those that outgoing connections use
    for _ in range(3):
        with pytest.raises(GameGone, match="game check"):
            driver.connect(0.3)


def test_patience_outlasts_a_game_that_starts_late() -> None:
    port = free_port()
    driver = SocketDriver(port)
    servers: list[socket.socket] = []
    late = threading.Timer(0.5, lambda: servers.append(socket.create_server(("127.0.0.1", port))))
    late.start()
    driver.connect(10)
    late.join()
    game, _ = servers[0].accept()
    game.sendall(b"\5\0\0\0")
    assert driver.wait(1) == Connected()
    game.close()
    driver.close()
    servers[0].close()


def noise(rng: random.Random) -> bytes:
    """What a game might say, in no order, cut anywhere, with some numbers that are none."""
    parts = [
        struct.pack("<i", rng.choice([1, 1, 1, 2, 3, 4, 5, 0, -1, 6, 2**31 - 1])),
        struct.pack("<i", rng.choice([0, 1, 10, 8356, 1440, -1, 2**20])),
        rng.randbytes(rng.randrange(40)),
        bytes(rng.randrange(9000)),
    ]
    said = b"".join(rng.choices(parts, k=rng.randrange(1, 30)))
    return said[: rng.randrange(len(said) + 1)]


def test_whatever_is_said_the_link_is_in_order_or_gone() -> None:
    rng = random.Random(1)
    for _ in range(200):
        line = Line()
        line.game.sendall(noise(rng))
        line.game.shutdown(socket.SHUT_WR)
        with pytest.raises(GameGone):
            drive(line.driver, rng)
        line.close()


def drive(driver: SocketDriver, rng: random.Random) -> None:
    """As long as it goes."""
    while True:
        event = driver.wait(1)
        if not isinstance(event, Frame):
            driver.request_frame(rng.choice([1, 5, 60]), rng.choice([1, 6, 60]))
        for ask in (driver.state, driver.inputs, driver.in_menus, driver.race_finished):
            if rng.random() < 0.2:
                ask()
        driver.answer()
