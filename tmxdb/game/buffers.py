"""Reusable memory for received pictures.

Allocating a fresh 1.2 MB for each 640x480 picture costs 300 page faults while the game is held.
"""

from __future__ import annotations

from collections import deque

MAX_FREE = 4
"""Free buffers to keep. Only pictures between the socket and the encoder are in use at the same time."""


class BufferPool:
    """A pool of buffers. Thread-safe."""

    def __init__(self) -> None:
        self._free: deque[bytearray] = deque(maxlen=MAX_FREE)

    def acquire(self, size: int) -> bytearray:
        """Return a buffer of `size` bytes; its contents are undefined."""
        while True:
            try:
                buffer = self._free.pop()
            except IndexError:
                return bytearray(size)
            if len(buffer) == size:
                return buffer

    def release(self, buffer: bytearray) -> None:
        """Return a buffer to the pool. The caller must not use it afterwards."""
        self._free.append(buffer)
