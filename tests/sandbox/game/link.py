"""The other end of the wire, in bytes written by hand: shares nothing with tmxdb's own driver."""

from __future__ import annotations

import contextlib
import socket
import struct
from dataclasses import dataclass
from typing import Any

STEP, CHECKPOINT, LAP, FRAME, GREETING = 1, 2, 3, 4, 5


@dataclass
class Said:
    """One message of the game: its number, its numbers, and for a frame its pixels."""

    number: int
    values: tuple[int, ...] = ()
    pixels: bytes = b""

    @property
    def time_ms(self) -> int:
        assert self.number == STEP
        return self.values[0]


class Link:
    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.size = (0, 0)

    def __enter__(self) -> Link:
        return self

    def __exit__(self, *_: object) -> None:
        """Lets go of the game, which would else stand still until its timeout."""
        with contextlib.suppress(OSError):
            self.send("i", 13)
        self._socket.close()

    def close(self) -> None:
        """Without a word."""
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
                raise EOFError("the game hung up")
            data += piece
        return data

    def numbers(self, layout: str) -> tuple[int, ...]:
        return struct.unpack("<" + layout, self.read(struct.calcsize("<" + layout)))

    def is_silent(self, seconds: float = 0.15) -> bool:
        """Whether nothing comes for so long."""
        self._socket.settimeout(seconds)
        try:
            return self._socket.recv(1, socket.MSG_PEEK) == b""
        except TimeoutError:
            return True
        finally:
            self._socket.settimeout(10)

    def hung_up(self, seconds: float = 5) -> bool:
        self._socket.settimeout(seconds)
        try:
            return self._socket.recv(1) == b""
        except ConnectionError:
            return True

    # Messages

    def hear(self) -> Said:
        (number,) = self.numbers("i")
        if number == STEP:
            return Said(number, self.numbers("i"))
        if number in (CHECKPOINT, LAP):
            return Said(number, self.numbers("2i"))
        if number == FRAME:
            return Said(number, (), self.read(self.size[0] * self.size[1] * 4))
        assert number == GREETING, number
        return Said(number)

    def answer(self, number: int) -> None:
        self.send("i", number)

    def expect(self, number: int) -> Said:
        said = self.hear()
        assert said.number == number, said
        return said

    def command(self, *lines: str) -> None:
        for line in lines:
            data = line.encode()
            self.send(f"2i{len(data)}s", 14, len(data), data)

    def ask_frame(self, width: int, height: int) -> None:
        self.size = width, height
        self.send("3i", 17, width, height)

    def ask(self, number: int) -> int:
        """One of the questions that are answered with a number."""
        self.send("i", number)
        return self.numbers("i")[0]

    def ask_bytes(self, number: int) -> bytes:
        self.send("i", number)
        return self.read(self.numbers("i")[0])

    # Getting somewhere

    def greeted(self) -> Link:
        self.expect(GREETING)
        return self

    def into_race(self, file: str, *settings: str) -> Said:
        """From a greeting that was heard: `map`, and its first step, unanswered."""
        self.command("set skip_map_load_screens true", "set disable_forced_camera true", "set countdown_speed 1")
        self.command(*settings, f'map "{file}"')
        self.answer(GREETING)
        return self.expect(STEP)

    def to(self, time_ms: int) -> Said:
        """Answers whatever is unanswered, a step, and all that follow until the one of `time_ms`, unanswered."""
        self.answer(STEP)
        for _ in range(100_000):
            said = self.hear()
            if said.number == STEP and said.time_ms == time_ms:
                return said
            self.answer(said.number)
        raise AssertionError(f"there is no step at {time_ms}")

    def armed(self, script: str) -> Said:
        """From the first step on a map to the first one of the next countdown, with a script loaded."""
        self.command(f"load {script}")
        self.ask_frame(8, 8)
        self.answer(STEP)
        self.expect(FRAME)
        self.answer(FRAME)
        self.expect(STEP)
        self.send("i", 11)
        self.answer(STEP)
        return self.expect(STEP)
