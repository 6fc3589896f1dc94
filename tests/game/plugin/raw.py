"""A client without a protocol, for tests that send and read each number by hand. It shares no code with tmxdb."""

from __future__ import annotations

import socket
import struct
import time
from types import TracebackType

STEP, CHECKPOINT, LAP, FRAME, GREETING = 1, 2, 3, 4, 5
WAIT_S = 10.0


class RawClient:
    """A connection to the game on `port` of this machine."""

    def __init__(self, port: int) -> None:
        deadline = time.monotonic() + WAIT_S
        while True:
            try:
                self.socket = socket.create_connection(("127.0.0.1", port), WAIT_S)
                break
            except ConnectionRefusedError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> RawClient:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.socket.close()

    def send(self, *parts: int | float | bytes) -> None:
        """Send integers as i32, floats as f32 and bytes as they are, in one piece."""
        self.socket.sendall(b"".join(map(_packed, parts)))

    def read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            piece = self.socket.recv(size - len(data))
            assert piece, f"the game closed the connection after {len(data)} of {size} bytes"
            data += piece
        return data

    def number(self) -> int:
        value: int = struct.unpack("<i", self.read(4))[0]
        return value

    def numbers(self, count: int) -> tuple[int, ...]:
        return tuple(self.number() for _ in range(count))

    def greet(self) -> RawClient:
        """Read the greeting, unanswered."""
        assert self.number() == GREETING
        return self

    def greet_and_answer(self, *before: int | float | bytes) -> RawClient:
        """Read the greeting, send `before`, and answer."""
        self.greet().send(*before, GREETING)
        return self

    def step(self) -> int:
        """Read a run step and return its race time, unanswered."""
        assert self.number() == STEP
        return self.number()

    def steps(self, count: int) -> list[int]:
        """Return the race times of the next steps, each answered."""
        times = []
        for _ in range(count):
            times.append(self.step())
            self.send(STEP)
        return times

    def step_at(self, race_time_ms: int) -> int:
        """Return the first step from `race_time_ms` on, unanswered; earlier messages are answered."""
        for _ in range(100_000):
            message = self.number()
            if message in (CHECKPOINT, LAP):
                self.numbers(2)
            elif message == STEP and (at := self.number()) >= race_time_ms:
                return at
            self.send(message)
        raise AssertionError(f"no step at {race_time_ms}")

    def ask(self, question: int) -> bytes:
        """Ask a question, and return its reply, which has a length in front."""
        self.send(question)
        return self.read(self.number())

    def frame(self, width: int, height: int) -> bytes:
        """Read a frame, unanswered."""
        assert self.number() == FRAME
        return self.read(width * height * 4)

    def is_closed(self) -> bool:
        """Wait until the game closes the connection; False after a timeout. Discards what still comes."""
        try:
            while self.socket.recv(65536):
                pass
        except ConnectionResetError:
            pass
        except TimeoutError:
            return False
        return True

    def is_silent(self, seconds: float = 0.2) -> bool:
        """Return whether nothing comes for `seconds`."""
        self.socket.settimeout(seconds)
        try:
            return not self.socket.recv(1, socket.MSG_PEEK)
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(WAIT_S)


def _packed(part: int | float | bytes) -> bytes:
    if isinstance(part, bytes):
        return part
    return struct.pack("<i" if isinstance(part, int) else "<f", part)


def race_time(frame: bytes) -> int:
    """Return the race time in the first pixel, where the simulated game writes it."""
    at: int = struct.unpack_from("<i", frame)[0]
    return at


def accepts_clients(port: int) -> bool:
    """Return whether a new client gets steps, and is released."""
    with RawClient(port) as client:
        client.greet_and_answer(6, 1.0, 19, 10)  # at normal speed, every tick
        client.steps(3)
        client.step()
        client.send(13)
        return client.is_closed()
