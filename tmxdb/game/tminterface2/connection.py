"""Send bytes to a game and receive bytes from it, each wait with a deadline. Used by `socket_driver.py`.

The socket never blocks: one system call takes all bytes that have arrived. Each call releases the interpreter lock, and
getting it back while another thread encodes pictures takes far longer than the call itself.
"""

from __future__ import annotations

import selectors
import socket
import time
from typing import NoReturn

from tmxdb.errors import GameExited, GameTimeout
from tmxdb.game.buffers import BufferPool
from tmxdb.game.tminterface2.messages import NUMBER

_HEAD_BYTES = 64 * 1024
"""The most bytes of one receive: an event, a reply and what follows it, or the first part of a frame."""
TRUNCATED = "stopped in the middle of a message"


class SocketConnection:
    """A connection to a game. It takes over `connection`. `name`: for messages. `reply_s`: limit on sending.

    Raise GameExited when the connection is broken. Later bytes cannot be interpreted then, so only `close` is left.
    `trouble` says why it broke; empty if it works.
    """

    def __init__(self, connection: socket.socket, name: str, reply_s: float) -> None:
        connection.setblocking(False)
        self.trouble = ""
        self._socket, self._name, self._reply_s = connection, name, reply_s
        self._selector = selectors.DefaultSelector()
        self._selector.register(connection, selectors.EVENT_READ)
        self._head = memoryview(bytearray(_HEAD_BYTES))
        self._from = self._to = 0  # the part of `_head` that was received and not used yet

    def close(self, last_message: bytes, linger_s: float) -> None:
        """Send a last message and wait until the game hangs up. Raise OSError; the connection is closed in any case."""
        self._selector.close()
        with self._socket as connection:
            deadline = time.monotonic() + linger_s
            connection.settimeout(linger_s)
            connection.sendall(last_message)
            while (left := deadline - time.monotonic()) > 0:
                connection.settimeout(left)
                # Read: closing with unread bytes would reset the connection and discard the last message.
                if not connection.recv_into(self._head):
                    break

    def send(self, message: bytes | bytearray) -> None:
        """Send in one piece: the plugin reads as soon as one byte has arrived (docs/facts/tminterface.md#protocol)."""
        deadline = time.monotonic() + self._reply_s
        try:
            sent = self._send(message)
            while sent < len(message):
                self._wait(selectors.EVENT_WRITE, deadline)
                sent += self._send(message[sent:])
        except OSError as error:
            self.broken(f"accepts no more messages ({error.strerror or error})", error)

    def number(self, deadline: float, late: str | None = TRUNCATED) -> int:
        """Return the next number.

        `late`: how to report that none comes in time; None: raise GameTimeout.
        """
        self._fill(4, deadline, late)
        (number,) = NUMBER.unpack_from(self._head, self._from)
        self._from += 4
        return int(number)

    def take(self, size: int, deadline: float) -> memoryview:
        """Return the next `size` bytes, valid until the next read."""
        if size > len(self._head):
            data = bytearray(size)
            self._read_into(data, deadline)
            return memoryview(data)
        self._fill(size, deadline, TRUNCATED)
        taken = self._head[self._from : self._from + size]
        self._from += size
        return taken

    def take_from_pool(self, pool: BufferPool, size: int, deadline: float) -> bytearray:
        """Return the next `size` bytes in a buffer of the pool, which the caller releases."""
        data = pool.acquire(size)
        self._read_into(data, deadline)
        return data

    def broken(self, trouble: str, cause: BaseException | None = None) -> NoReturn:
        """Remember the trouble and raise GameExited."""
        self.trouble = f"it {trouble}"
        raise GameExited(f"{self._name} {trouble}.") from cause

    def _read_into(self, data: bytearray, deadline: float) -> None:
        """Fill `data`: with the bytes that came along with the number, then straight from the socket."""
        at = min(len(data), self._to - self._from)
        data[:at] = self._head[self._from : self._from + at]
        self._from += at
        with memoryview(data) as rest:
            while at < len(data):
                at += self._receive(rest[at:], deadline, TRUNCATED)

    def _fill(self, size: int, deadline: float, late: str | None) -> None:
        """Receive until `size` bytes are buffered. `late` as in `number`."""
        buffered = self._to - self._from
        if buffered >= size:
            return
        if not buffered or self._from + size > len(self._head):
            self._head[:buffered] = bytes(self._head[self._from : self._to])
            self._from, self._to = 0, buffered
        while self._to - self._from < size:
            self._to += self._receive(self._head[self._to :], deadline, late)
            late = late or TRUNCATED

    def _receive(self, into: memoryview, deadline: float, late: str | None) -> int:
        """Receive at least one byte."""
        try:
            while True:
                try:
                    count = self._socket.recv_into(into)
                    break
                except BlockingIOError:
                    self._wait(selectors.EVENT_READ, deadline)
        except TimeoutError:
            if late:
                self.broken(late)
            raise GameTimeout(f"{self._name}: no message within the time limit.") from None
        except OSError as error:
            self.broken(f"closed the connection ({error.strerror or error})", error)
        if not count:
            self.broken("closed the connection")
        return count

    def _send(self, message: bytes | bytearray) -> int:
        try:
            return self._socket.send(message)
        except BlockingIOError:
            return 0

    def _wait(self, what: int, deadline: float) -> None:
        """Wait for the socket. Raise TimeoutError if the deadline has passed."""
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        if what == selectors.EVENT_READ:
            self._selector.select(left)
        else:
            with selectors.DefaultSelector() as selector:
                selector.register(self._socket, what)
                selector.select(left)
