"""A cache with a limit in bytes, for what takes long to compute."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class LimitedCache(Generic[T]):
    """Values by key, without the least recently used ones beyond `max_bytes`."""

    def __init__(self, size: Callable[[T], int], max_bytes: int) -> None:
        self._size, self._max_bytes = size, max_bytes
        self._values: OrderedDict[object, T] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, key: object) -> T | None:
        """Return the value, or None."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
            return self._values.get(key)

    def put(self, key: object, value: T) -> None:
        """Keep a value."""
        with self._lock:
            old = self._values.pop(key, None)
            self._bytes += self._size(value) - (0 if old is None else self._size(old))
            self._values[key] = value
            while self._bytes > self._max_bytes and len(self._values) > 1:
                self._bytes -= self._size(self._values.popitem(last=False)[1])
