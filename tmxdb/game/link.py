"""Bytes to and from a game over one connection, every wait with a deadline: below the words of `socket_driver.py`.

The socket never blocks: what is there is taken with one call of the system. Each call lets go of the interpreter's
lock, and to have it back while another thread encodes pictures takes far longer than the call.
"""

from __future__ import annotations

import selectors
import socket
import time
from typing import NoReturn

from tmxdb.errors import GameGone, GameSilent
from tmxdb.game.buffers import Buffers
from tmxdb.game.messages import NUMBER

_HEAD_BYTES = 64 * 1024
"""Read at once: an event, a reply, what follows it, or the first part of a frame."""
CUT = "stopped in the middle of a message"


class Link:
    """`connection` is its own from now on. `name`: of the game, for messages. `reply_s`: the limit on sending.

    Raises GameGone when the link is broken; what comes then can not be told apart any more, so all that is left is
    `close`. `trouble`: why it broke, or empty.
    """

    def __init__(self, connection: socket.socket, name: str, reply_s: float) -> None:
        connection.setblocking(False)
        self.trouble = ""
        self._socket, self._name, self._reply_s = connection, name, reply_s
        self._selector = selectors.DefaultSelector()
        self._selector.register(connection, selectors.EVENT_READ)
        self._head = memoryview(bytearray(_HEAD_BYTES))
        self._from = self._to = 0  # what of `_head` was received and not used yet

    def close(self, last_word: bytes, linger_s: float) -> None:
        """Say it, and wait until the game hangs up. Raises OSError, closed all the same."""
        self._selector.close()
        with self._socket as link:
            deadline = time.monotonic() + linger_s
            link.settimeout(linger_s)
            link.sendall(last_word)
            while (left := deadline - time.monotonic()) > 0:
                link.settimeout(left)
                # Read, or closing would reset the connection and throw our last word away with what was not read.
                if not link.recv_into(self._head):
                    break

    def send(self, message: bytes | bytearray) -> None:
        """In one piece: the plugin begins to read as soon as one byte is there (sheet, "Who may speak when")."""
        deadline = time.monotonic() + self._reply_s
        try:
            sent = self._send(message)
            while sent < len(message):
                self._wait(selectors.EVENT_WRITE, deadline)
                sent += self._send(message[sent:])
        except OSError as error:
            self.broken(f"takes no more messages ({error.strerror or error})", error)

    def number(self, deadline: float, late: str | None = CUT) -> int:
        """The next number. `late`: what it means if none comes in time; None: that the game is silent, which raises
        GameSilent."""
        self._fill(4, deadline, late)
        (number,) = NUMBER.unpack_from(self._head, self._from)
        self._from += 4
        return int(number)

    def take(self, size: int, deadline: float) -> memoryview:
        """The next `size` bytes, valid until something else is read."""
        if size > len(self._head):
            whole = bytearray(size)
            self._read_into(whole, deadline)
            return memoryview(whole)
        self._fill(size, deadline, CUT)
        taken = self._head[self._from : self._from + size]
        self._from += size
        return taken

    def take_into(self, buffers: Buffers, size: int, deadline: float) -> bytearray:
        """The next `size` bytes, in a buffer that is the caller's."""
        whole = buffers.take(size)
        self._read_into(whole, deadline)
        return whole

    def broken(self, trouble: str, cause: BaseException | None = None) -> NoReturn:
        """Raises GameGone."""
        self.trouble = f"it {trouble}"
        raise GameGone(f"{self._name} {trouble}.") from cause

    def _read_into(self, whole: bytearray, deadline: float) -> None:
        """Straight from the socket to where it stays, but for what came along with the number."""
        at = min(len(whole), self._to - self._from)
        whole[:at] = self._head[self._from : self._from + at]
        self._from += at
        with memoryview(whole) as rest:
            while at < len(whole):
                at += self._receive(rest[at:], deadline, CUT)

    def _fill(self, size: int, deadline: float, late: str | None) -> None:
        """Have `size` bytes at hand; `late` as in `number`."""
        there = self._to - self._from
        if there >= size:
            return
        if not there or self._from + size > len(self._head):
            self._head[:there] = bytes(self._head[self._from : self._to])
            self._from, self._to = 0, there
        while self._to - self._from < size:
            self._to += self._receive(self._head[self._to :], deadline, late)
            late = late or CUT

    def _receive(self, into: memoryview, deadline: float, late: str | None) -> int:
        """At least one byte."""
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
            raise GameSilent(f"{self._name} has said nothing in the time it had.") from None
        except OSError as error:
            self.broken(f"is gone ({error.strerror or error})", error)
        if not count:
            self.broken("hung up")
        return count

    def _send(self, message: bytes | bytearray) -> int:
        try:
            return self._socket.send(message)
        except BlockingIOError:
            return 0

    def _wait(self, what: int, deadline: float) -> None:
        """Raises TimeoutError if the time is up already."""
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        if what == selectors.EVENT_READ:
            self._selector.select(left)
        else:
            with selectors.DefaultSelector() as selector:
                selector.register(self._socket, what)
                selector.select(left)
