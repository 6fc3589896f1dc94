"""Send commands and questions over a connection, and read their replies. Used by `socket_driver.py` and `link.py`."""

from __future__ import annotations

import time

from tmxdb.errors import GameExited
from tmxdb.game.buffers import BufferPool
from tmxdb.game.tminterface2 import messages
from tmxdb.game.tminterface2.connection import SocketConnection
from tmxdb.game.tminterface2.messages import ClientMessage


class QuestionChannel:
    """The messages of a client, which the game reads only while one of its events is unanswered.

    Commands wait for the next question or answer. `reply_s`: limit on each reply. One that does not come in time never
    comes, so the connection is given up (docs/facts/tminterface.md#who-may-speak-when).
    """

    def __init__(self, reply_s: float) -> None:
        self._reply_s = reply_s
        self._connection: SocketConnection | None = None
        self._trouble = "it was never connected"
        self._unsent = b""  # commands to send with the next question or answer
        self._held = 0  # the number to answer with; 0 while the game runs

    def command(self, message: bytes) -> None:
        self.connected()
        if not self._held:
            raise RuntimeError(f"{self} reads commands only while an event is unanswered")
        self._unsent += message

    def ask(self, question: ClientMessage) -> None:
        self.command(messages.bare(question))
        self.flush()

    def read_string(self, question: ClientMessage, max_bytes: int) -> str:
        return bytes(self.read_text(question, max_bytes)).decode("utf-8", "replace")

    def read_text(self, question: ClientMessage, max_bytes: int) -> memoryview:
        """Read a reply with its length in front; valid until the next read."""
        size = self.read_number(question, 0, max_bytes)
        return self.connected().take(size, time.monotonic() + self._reply_s)

    def read_number(self, question: ClientMessage, lowest: int, highest: int) -> int:
        """Read the number that replies to a question."""
        connection = self.connected()
        late = f"sent no reply to question {question.value} within {self._reply_s:g} s"
        number = connection.number(time.monotonic() + self._reply_s, late)
        if not lowest <= number <= highest:
            connection.broken(f"replied {number} to question {question.value}")
        return number

    def flush(self, last: bytes = b"") -> None:
        """Send the waiting commands and `last` in one piece."""
        message, self._unsent = self._unsent + last, b""
        self.connected().send(message)

    def connected(self) -> SocketConnection:
        if self._connection is None or self._connection.trouble:
            trouble = self._trouble if self._connection is None else self._connection.trouble
            raise GameExited(f"{self} is not connected: {trouble}.")
        return self._connection

    def read_pixels(self, question: ClientMessage, size: int, buffers: BufferPool) -> bytearray | None:
        """Read a reply of exactly `size` bytes with its length in front; None if it has none."""
        announced = self.read_number(question, 0, size)
        if announced == 0:
            return None
        if announced != size:
            self.connected().broken(f"replied {announced} bytes to question {question.value}")
        return self.connected().take_from_pool(buffers, size, time.monotonic() + self._reply_s)
