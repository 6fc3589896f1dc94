"""A client whose bytes are written by hand. It shares no code with tmxdb's own driver."""

from __future__ import annotations

import contextlib
import socket
import struct
from dataclasses import dataclass
from typing import Any

STEP, CHECKPOINT, LAP, FRAME, GREETING = 1, 2, 3, 4, 5


@dataclass
class Message:
    """One message of the game: its number, its values, and for a frame its pixels."""

    number: int
    values: tuple[int, ...] = ()
    pixels: bytes = b""

    @property
    def time_ms(self) -> int:
        assert self.number == STEP
        return self.values[0]


class WireClient:
    """A connection to a game."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.size = (0, 0)

    def __enter__(self) -> WireClient:
        return self

    def __exit__(self, *_: object) -> None:
        """Release the game, which would otherwise stand still until its timeout."""
        with contextlib.suppress(OSError):
            self.send("i", 13)
        self._socket.close()

    def close(self) -> None:
        """Close without a message."""
        self._socket.close()

    # Bytes

    def send(self, layout: str, *values: Any) -> None:
        self._socket.sendall(struct.pack("<" + layout, *values))

    def send_bytes(self, data: bytes) -> None:
        self._socket.sendall(data)

    def read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            piece = self._socket.recv(size - len(data))
            if not piece:
                raise EOFError("the game closed the connection")
            data += piece
        return data

    def numbers(self, layout: str) -> tuple[int, ...]:
        return struct.unpack("<" + layout, self.read(struct.calcsize("<" + layout)))

    def is_silent(self, seconds: float = 0.15) -> bool:
        """Return whether nothing comes for `seconds`."""
        self._socket.settimeout(seconds)
        try:
            return self._socket.recv(1, socket.MSG_PEEK) == b""
        except TimeoutError:
            return True
        finally:
            self._socket.settimeout(60)

    def is_closed(self, seconds: float = 60) -> bool:
        self._socket.settimeout(seconds)
        try:
            return self._socket.recv(1) == b""
        except ConnectionError:
            return True

    # Messages

    def receive(self) -> Message:
        (number,) = self.numbers("i")
        if number == STEP:
            return Message(number, self.numbers("i"))
        if number in (CHECKPOINT, LAP):
            return Message(number, self.numbers("2i"))
        if number == FRAME:
            return Message(number, (), self.read(self.size[0] * self.size[1] * 4))
        assert number == GREETING, number
        return Message(number)

    def answer(self, number: int) -> None:
        self.send("i", number)

    def expect(self, number: int) -> Message:
        message = self.receive()
        assert message.number == number, message
        return message

    def command(self, *lines: str) -> None:
        for line in lines:
            data = line.encode()
            self.send(f"2i{len(data)}s", 14, len(data), data)

    def request_frame(self, width: int, height: int) -> None:
        self.size = width, height
        self.send("3i", 17, width, height)

    def ask(self, number: int) -> int:
        """Ask a question whose reply is a number."""
        self.send("i", number)
        return self.numbers("i")[0]

    def ask_bytes(self, number: int) -> bytes:
        self.send("i", number)
        return self.read(self.numbers("i")[0])

    # Sequences

    def greet(self) -> WireClient:
        self.expect(GREETING)
        return self

    def start_race(self, file: str, *settings: str) -> Message:
        """Answer the greeting with `map`, and return the first step of the map, unanswered."""
        self.command("set skip_map_load_screens true", "set disable_forced_camera true", "set countdown_speed 1")
        self.command(*settings, f'map "{file}"')
        self.answer(GREETING)
        return self.expect(STEP)

    def advance_to(self, time_ms: int) -> Message:
        """Answer the current step and all messages until the step of `time_ms`, which is returned unanswered."""
        self.answer(STEP)
        for _ in range(100_000):
            message = self.receive()
            if message.number == STEP and message.time_ms == time_ms:
                return message
            self.answer(message.number)
        raise AssertionError(f"no step at {time_ms}")

    def arm(self, script: str) -> Message:
        """Load a script in the first step of a map, restart, and return the first step of the next countdown."""
        self.command(f"load {script}")
        self.request_frame(8, 8)
        self.answer(STEP)
        self.expect(FRAME)
        self.answer(FRAME)
        self.expect(STEP)
        self.send("i", 11)
        self.answer(STEP)
        return self.expect(STEP)
