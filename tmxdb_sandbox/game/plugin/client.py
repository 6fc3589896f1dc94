"""The connection of the plugin's client. Received bytes are buffered until the plugin reads them."""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from collections.abc import Callable

_MAX_WAIT_S = 1.0  # the deadline is checked again after this; it may be weeks away
_PIECE = 65536
_SEND_S = 600.0


class ClientTimeout(Exception):
    """No complete message came before the deadline."""


class Client:
    """One connected client."""

    def __init__(self, connection: socket.socket, number: int) -> None:
        connection.settimeout(_SEND_S)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.number = number
        self._socket = connection
        self._buffer = bytearray()
        self._ended = False

    def write(self, data: bytes | bytearray) -> None:
        """Send bytes. The plugin does not notice if the client has left."""
        with contextlib.suppress(OSError):
            self._socket.settimeout(_SEND_S)
            self._socket.sendall(data)

    def read(self, size: int, deadline: Callable[[], float]) -> bytes:
        """Return exactly `size` bytes. Raise ClientTimeout if they have not come by the deadline, which may move."""
        while len(self._buffer) < size:
            left_s = deadline() - time.monotonic()
            if not self._receive(max(0.0, min(left_s, _MAX_WAIT_S))) and left_s <= 0:
                raise ClientTimeout
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    def numbers(self, layout: str, deadline: Callable[[], float]) -> tuple[int | float, ...]:
        """Read numbers in `struct` layout."""
        fields = struct.Struct(f"<{layout}")
        return fields.unpack(self.read(fields.size, deadline))

    def close(self) -> None:
        """Close the connection."""
        with contextlib.suppress(OSError):
            self._socket.close()

    def _receive(self, wait_s: float) -> bool:
        """Return whether bytes came. A closed connection looks like silence."""
        if self._ended:
            time.sleep(wait_s)
            return False
        try:
            self._socket.settimeout(wait_s)
            piece = self._socket.recv(_PIECE)
        except (TimeoutError, BlockingIOError):
            return False
        except OSError:
            piece = b""
        self._ended = not piece
        self._buffer += piece
        return bool(piece)
