"""A buffer in which threads leave their results until the worker takes them as one batch.

`queue.Queue` would wake the worker for each result. With 64 threads and short jobs it would do little else.
"""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class ResultBuffer(Generic[T]):
    """Any number of threads may `put`, one may `take`."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._results: list[T] = []
        self._wanted = 1

    def __len__(self) -> int:
        return len(self._results)

    def put(self, result: T) -> None:
        """Add `result`."""
        with self._changed:
            self._results.append(result)
            if len(self._results) == self._wanted:
                self._changed.notify()

    def take(self, wanted: int, *, first_s: float, more_s: float) -> list[T]:
        """Remove and return all results: wait up to `first_s` for the first, then up to `more_s` for `wanted`."""
        with self._changed:
            self._wait_for(1, first_s)
            if self._results:
                self._wait_for(wanted, more_s)
            taken, self._results = self._results, []
        return taken

    def _wait_for(self, wanted: int, seconds: float) -> None:
        if len(self._results) < wanted and seconds > 0:
            self._wanted = wanted
            self._changed.wait(seconds)
