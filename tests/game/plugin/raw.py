"""A client with no protocol in it: numbers out, numbers in, each by hand. Knows no word of tmxdb."""

from __future__ import annotations

import socket
import struct
import time
from types import TracebackType

STEP, CHECKPOINT, LAP, FRAME, GREETING = 1, 2, 3, 4, 5
WAIT_S = 10.0


class Raw:
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

    def __enter__(self) -> Raw:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.socket.close()

    def send(self, *parts: int | float | bytes) -> None:
        """Whole numbers as i32, others as f32, bytes as they are; all in one piece."""
        self.socket.sendall(b"".join(map(_packed, parts)))

    def read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            piece = self.socket.recv(size - len(data))
            assert piece, f"the game hung up after {len(data)} of {size} bytes"
            data += piece
        return data

    def number(self) -> int:
        value: int = struct.unpack("<i", self.read(4))[0]
        return value

    def numbers(self, count: int) -> tuple[int, ...]:
        return tuple(self.number() for _ in range(count))

    def greeted(self) -> Raw:
        """Take the greeting, and hold the game."""
        assert self.number() == GREETING
        return self

    def go(self, *before: int | float | bytes) -> Raw:
        """Take the greeting, say something, and let the game go."""
        self.greeted().send(*before, GREETING)
        return self

    def step(self) -> int:
        """The race time of the message that comes next, which has to be a run step; unanswered."""
        assert self.number() == STEP
        return self.number()

    def steps(self, count: int) -> list[int]:
        """The next ones, each answered."""
        times = []
        for _ in range(count):
            times.append(self.step())
            self.send(STEP)
        return times

    def step_at(self, race_time_ms: int) -> int:
        """That step, unanswered; the messages before it are answered."""
        for _ in range(100_000):
            message = self.number()
            if message in (CHECKPOINT, LAP):
                self.numbers(2)
            elif message == STEP and (at := self.number()) >= race_time_ms:
                return at
            self.send(message)
        raise AssertionError(f"no step at {race_time_ms}")

    def ask(self, question: int) -> bytes:
        """A reply with its length in front."""
        self.send(question)
        return self.read(self.number())

    def frame(self, width: int, height: int) -> bytes:
        """The message that comes next, which has to be a frame; unanswered."""
        assert self.number() == FRAME
        return self.read(width * height * 4)

    def hung_up(self) -> bool:
        """Whether the game has closed the line, which is waited for; what still comes is not looked at."""
        try:
            while self.socket.recv(65536):
                pass
        except ConnectionResetError:
            pass
        except TimeoutError:
            return False
        return True

    def silent(self, seconds: float = 0.2) -> bool:
        """Whether nothing comes for so long."""
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
    """What the picture shows: the simulated game writes it into its first pixel."""
    at: int = struct.unpack_from("<i", frame)[0]
    return at


def served(port: int) -> bool:
    """Whether a new client is told steps, and let go."""
    with Raw(port) as client:
        client.go(6, 1.0, 19, 10)  # at usual speed, every tick
        client.steps(3)
        client.step()
        client.send(13)
        return client.hung_up()
