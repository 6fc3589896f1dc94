"""Where threads lay down their results, and from where the worker takes them together.

A queue would wake the worker for each of them: with 64 threads and short jobs it would do little else.
"""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class Tray(Generic[T]):
    """Many may `put`, one may `take`."""

    def __init__(self) -> None:
        self._enough = threading.Condition()
        self._there: list[T] = []
        self._wanted = 1

    def __len__(self) -> int:
        return len(self._there)

    def put(self, result: T) -> None:
        """Lay down one more."""
        with self._enough:
            self._there.append(result)
            if len(self._there) == self._wanted:
                self._enough.notify()

    def take(self, enough: int, *, first_s: float, more_s: float) -> list[T]:
        """All that is there, after `first_s` seconds at most; when there is one, it waits `more_s` for `enough`."""
        with self._enough:
            self._wait_for(1, first_s)
            if self._there:
                self._wait_for(enough, more_s)
            taken, self._there = self._there, []
        return taken

    def _wait_for(self, wanted: int, seconds: float) -> None:
        if len(self._there) < wanted and seconds > 0:
            self._wanted = wanted
            self._enough.wait(seconds)
