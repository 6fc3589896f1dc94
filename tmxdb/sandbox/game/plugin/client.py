"""The connection that the plugin has: bytes are kept until the plugin is willing to read them."""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from collections.abc import Callable

_LONGEST_WAIT_S = 1.0  # then it is looked again whether the time is over: it may be weeks away
_PIECE = 65536
_SEND_S = 600.0


class ClientSilent(Exception):
    """No byte, or no whole message, came until the deadline."""


class Client:
    def __init__(self, link: socket.socket, number: int) -> None:
        link.settimeout(_SEND_S)
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.number = number
        self._link = link
        self._kept = bytearray()
        self._ended = False

    def write(self, data: bytes | bytearray) -> None:
        """Whoever has gone away gets nothing, and the plugin does not notice."""
        with contextlib.suppress(OSError):
            self._link.settimeout(_SEND_S)
            self._link.sendall(data)

    def read(self, size: int, deadline: Callable[[], float]) -> bytes:
        """Exactly `size` bytes. Raises ClientSilent if they are not there at the deadline, which may move."""
        while len(self._kept) < size:
            left_s = deadline() - time.monotonic()
            if not self._receive(max(0.0, min(left_s, _LONGEST_WAIT_S))) and left_s <= 0:
                raise ClientSilent
        data = bytes(self._kept[:size])
        del self._kept[:size]
        return data

    def numbers(self, layout: str, deadline: Callable[[], float]) -> tuple[int | float, ...]:
        fields = struct.Struct(f"<{layout}")
        return fields.unpack(self.read(fields.size, deadline))

    def hang_up(self) -> None:
        with contextlib.suppress(OSError):
            self._link.close()

    def _receive(self, wait_s: float) -> bool:
        """Whether something came. An end is not noticed: there is just nothing there any more."""
        if self._ended:
            time.sleep(wait_s)
            return False
        try:
            self._link.settimeout(wait_s)
            piece = self._link.recv(_PIECE)
        except (TimeoutError, BlockingIOError):
            return False
        except OSError:
            piece = b""
        self._ended = not piece
        self._kept += piece
        return bool(piece)
