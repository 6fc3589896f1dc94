"""Memory that pictures are received into, used again and again.

A fresh 1.2 MB for each picture of 640x480 is 300 page faults, while the game is held.
"""

from __future__ import annotations

from collections import deque

KEPT = 4
"""More are not needed: they are on their way only between the encoder and the socket."""


class Buffers:
    """Given back by any thread, taken by any thread."""

    def __init__(self) -> None:
        self._free: deque[bytearray] = deque(maxlen=KEPT)

    def take(self, size: int) -> bytearray:
        """One of exactly this size; what is in it is not told."""
        while True:
            try:
                buffer = self._free.pop()
            except IndexError:
                return bytearray(size)
            if len(buffer) == size:
                return buffer

    def give_back(self, buffer: bytearray) -> None:
        """Nobody looks into it any more."""
        self._free.append(buffer)
