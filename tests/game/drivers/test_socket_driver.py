"""The socket driver against a hostile or broken game, whose bytes the test sends."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from tests.ports import free_port
from tmxdb.errors import GameExited, GameTimeout
from tmxdb.game.capabilities import Capabilities, RunningMap
from tmxdb.game.driver import ConnectedEvent, Frame, StepEvent
from tmxdb.game.tminterface2.messages import HELLO_REPLY
from tmxdb.game.tminterface2.socket_driver import SocketDriver

GREETING = b"\x0f\0\0\0\x74\x27\0\0" + b"\x14\0\0\0"  # timeout 10 100 ms, cancel an earlier request
SHUTDOWN = b"\x0d\0\0\0"


class Line:
    """A driver, and the game's end of its connection."""

    def __init__(self, *, handshake: bool = False, reply_s: float = 0.3) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            self.driver = SocketDriver(server.getsockname()[1], reply_s=reply_s, handshake=handshake)
            self.driver.connect(60)
            self.game, _ = server.accept()
        self.game.settimeout(60)

    def send(self, *numbers: int) -> None:
        self.game.sendall(struct.pack(f"<{len(numbers)}i", *numbers))

    def expect(self, data: bytes) -> None:
        """Receive exactly these bytes."""
        received = b""
        while len(received) < len(data):
            received += self.game.recv(len(data) - len(received))
        assert received == data

    def close(self) -> None:
        self.game.close()
        self.driver.close()


@pytest.fixture
def line(request: pytest.FixtureRequest) -> Iterator[Line]:
    line = Line(reply_s=60 if "patient" in request.fixturenames else 0.3)
    yield line
    line.close()


@pytest.fixture
def patient() -> None:
    """For replies that a thread sends: it may be slow."""


@pytest.fixture
def held(line: Line) -> Line:
    """The first event was a step, which is unanswered."""
    line.send(1, -10)
    assert line.driver.wait(30) == StepEvent(-10)
    line.expect(GREETING)
    return line


def test_the_first_event_resets_what_an_older_client_left(line: Line) -> None:
    line.send(5)
    assert line.driver.wait(30) == ConnectedEvent()
    line.expect(GREETING)
    line.driver.answer()
    line.expect(b"\5\0\0\0")
    line.send(1, 0)
    line.driver.wait(1)
    line.driver.answer()
    line.expect(b"\1\0\0\0")  # and nothing else


def test_a_late_greeting_is_accepted(held: Line) -> None:
    held.driver.answer()
    held.send(5)
    assert held.driver.wait(30) == ConnectedEvent()
    held.expect(b"\1\0\0\0" + GREETING)


HANDSHAKE = GREETING + b"\x18\0\0\0" + b"\x16\0\0\0"  # hello, in menus?


@pytest.fixture
def fresh() -> Iterator[Line]:
    """A connection that begins with a handshake."""
    line = Line(handshake=True)
    yield line
    line.close()


def test_a_plugin_without_hello_replies_only_to_the_question_after_it(fresh: Line) -> None:
    fresh.send(5, 1)
    assert fresh.driver.wait(30) == ConnectedEvent()
    fresh.expect(HANDSHAKE)
    assert fresh.driver.capabilities() == Capabilities()
    assert (fresh.driver.game_state(), fresh.driver.running_map()) == (None, None)
    fresh.driver.focus_window()
    fresh.driver.answer()
    fresh.expect(b"\5\0\0\0")  # none of these was sent


def test_a_plugin_with_hello_reports_its_capabilities(fresh: Line) -> None:
    text = b"version 7\nmap\nprocess 42\nsomething new\n"
    fresh.send(5)
    fresh.game.sendall(struct.pack("<ii", HELLO_REPLY, len(text)) + text + struct.pack("<i", 0))
    assert fresh.driver.wait(30) == ConnectedEvent()
    capabilities = fresh.driver.capabilities()
    assert capabilities == Capabilities("7", frozenset({"map", "something"}), 42)
    fresh.game.sendall(struct.pack("<i", 10) + b"uid\nA name")
    assert fresh.driver.running_map() == RunningMap("uid", "A name")


@pytest.mark.parametrize("reply", [[2], [-1], [HELLO_REPLY, 2**30], [HELLO_REPLY, 0, 5], []])
def test_an_invalid_reply_to_hello_breaks_the_connection(fresh: Line, reply: list[int]) -> None:
    fresh.send(5, *reply)
    with pytest.raises(GameExited):
        fresh.driver.wait(1)


def test_a_plugin_that_drops_the_connection_at_hello_is_not_asked_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        driver = SocketDriver(server.getsockname()[1], reply_s=0.3)
        for handshake in (True, False):
            driver.connect(60)
            game, _ = server.accept()
            game.sendall(b"\5\0\0\0")
            if handshake:
                game.shutdown(socket.SHUT_WR)
                with pytest.raises(GameExited):
                    driver.wait(1)
            else:
                assert driver.wait(30) == ConnectedEvent()
                assert driver.capabilities() == Capabilities()
            game.close()
        driver.close()


def test_a_plugin_that_does_not_know_the_inputs_is_recognised_and_not_asked_again(held: Line) -> None:
    state = struct.pack("<i", 8356) + bytes(8356)
    held.game.sendall(state + state)  # one for each question for the state, none for the inputs
    assert held.driver.inputs() is None
    held.expect(struct.pack("<iii", 9, 23, 9))
    assert held.driver.inputs() is None
    held.driver.answer()
    held.expect(b"\1\0\0\0")


def test_a_plugin_that_knows_the_inputs_is_asked_without_the_state_from_then_on(held: Line) -> None:
    state, script = struct.pack("<i", 8356) + bytes(8356), struct.pack("<i", 10) + b"0 press up"
    held.game.sendall(state + script + state)
    assert held.driver.inputs() == "0 press up"
    held.expect(struct.pack("<iii", 9, 23, 9))
    held.game.sendall(script)
    assert held.driver.inputs() == "0 press up"
    held.expect(struct.pack("<i", 23))


@pytest.mark.parametrize("number", [0, -1, 6, 13, 23, 2**31 - 1, 0x474E5089])
def test_an_unknown_message_breaks_the_connection(held: Line, number: int) -> None:
    held.driver.answer()
    held.send(number)
    with pytest.raises(GameExited, match=str(number)):
        held.driver.wait(1)
    with pytest.raises(GameExited):
        held.driver.wait(1)


def test_a_frame_that_was_not_requested_breaks_the_connection(held: Line) -> None:
    held.driver.answer()
    held.send(4, 0, 0, 0)
    with pytest.raises(GameExited, match="size is not known"):
        held.driver.wait(1)


def test_a_frame_larger_than_requested_is_noticed_at_the_next_message(held: Line) -> None:
    held.driver.request_frame(1, 1)
    held.driver.answer()
    held.send(4, 0x010203, 0x7F7F7F7F)
    assert held.driver.wait(30) == Frame(1, 1, b"\3\2\1\0")
    held.driver.answer()
    with pytest.raises(GameExited):
        held.driver.wait(1)


def test_all_commands_of_a_step_are_sent_in_one_piece_with_the_answer_last(held: Line) -> None:
    held.driver.request_frame(2, 1)
    held.driver.unrequest_frame()
    held.game.settimeout(0.05)
    with pytest.raises(TimeoutError):
        held.game.recv(1)
    held.game.settimeout(60)
    held.send(2**31 - 1)  # an invalid state; everything was sent before it is read
    with pytest.raises(GameExited):
        held.driver.answer_and_get_state()
    assert held.game.recv(100) == struct.pack("<iiiiii", 17, 2, 1, 20, 9, 1)


def test_a_picture_is_unchanged_until_it_is_released(held: Line) -> None:
    def picture(number: int) -> Frame:
        held.driver.request_frame(1, 1)
        held.driver.answer()
        held.send(4, number)
        frame = held.driver.wait(30)
        assert isinstance(frame, Frame)
        held.driver.answer()
        held.send(1, 10 * number)
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
        (SocketDriver.answer_and_get_state, [8356, 1, 2, 3]),
        (SocketDriver.inputs, [2**30]),
        (SocketDriver.inputs, [20_000, 0x61616161]),
        (SocketDriver.in_menus, []),
    ],
)
def test_an_invalid_reply_breaks_the_connection_within_its_limit(
    held: Line, ask: Callable[[SocketDriver], object], reply: list[int]
) -> None:
    held.send(*reply)
    with pytest.raises(GameExited):
        ask(held.driver)
    with pytest.raises(GameExited):
        held.driver.answer()


@pytest.mark.usefixtures("patient")
def test_messages_that_arrive_byte_by_byte_are_read(held: Line) -> None:
    held.driver.request_frame(8, 8)
    held.driver.answer()
    pixels = bytes(range(256))

    def dribble() -> None:
        for byte in struct.pack("<ii", 1, 20) + b"\4\0\0\0" + pixels:
            held.game.sendall(bytes([byte]))

    game = threading.Thread(target=dribble)
    game.start()
    assert held.driver.wait(30) == StepEvent(20)
    held.driver.answer()
    assert held.driver.wait(30) == Frame(8, 8, pixels)
    game.join()


@pytest.mark.parametrize("began", [b"\1\0\0", b"\1\0\0\0\5", b"\2\0\0\0\1\0\0\0"])
def test_half_a_message_breaks_the_connection(held: Line, began: bytes) -> None:
    held.driver.answer()
    held.game.sendall(began)
    with pytest.raises(GameExited, match="middle"):
        held.driver.wait(0.1)


def test_a_timeout_between_messages_loses_nothing(held: Line) -> None:
    held.driver.answer()
    with pytest.raises(GameTimeout):
        held.driver.wait(0)
    held.send(1, 30)
    assert held.driver.wait(30) == StepEvent(30)


@pytest.mark.usefixtures("patient")
def test_long_inputs_are_read_completely(held: Line) -> None:
    text = "0 press up\n" * 20_000

    def reply() -> None:
        state = struct.pack("<i", 8356) + bytes(8356)
        held.game.sendall(state + struct.pack("<i", len(text)) + text.encode() + state)

    game = threading.Thread(target=reply)
    game.start()
    assert held.driver.inputs() == text
    game.join()


def test_closing_sends_shutdown_and_waits_until_the_game_closes(held: Line) -> None:
    received: list[bytes] = []
    has_closed = threading.Event()

    def game() -> None:
        received.append(held.game.recv(100))
        time.sleep(0.3)
        held.send(1, 20)  # is not read any more, and must not reset the connection
        has_closed.set()
        held.game.close()

    other = threading.Thread(target=game)
    other.start()
    held.driver.close()
    assert has_closed.is_set()
    other.join()
    assert received == [SHUTDOWN]


def test_a_connection_of_a_port_to_itself_is_not_taken_for_a_game() -> None:
    driver = SocketDriver(free_port())  # in the range of outgoing connections
    for _ in range(3):
        with pytest.raises(GameExited, match="game check"):
            driver.connect(0.3)


def test_connecting_waits_for_a_game_that_starts_late() -> None:
    port = free_port()
    driver = SocketDriver(port, handshake=False)
    servers: list[socket.socket] = []
    late = threading.Timer(0.5, lambda: servers.append(socket.create_server(("127.0.0.1", port))))
    late.start()
    driver.connect(60)
    late.join()
    game, _ = servers[0].accept()
    game.sendall(b"\5\0\0\0")
    assert driver.wait(30) == ConnectedEvent()
    game.close()
    driver.close()
    servers[0].close()
