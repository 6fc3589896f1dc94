"""The log of what happened in the game, in order and counted, for tests and for people."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter, deque
from heapq import merge
from operator import itemgetter
from pathlib import Path
from typing import Any, TextIO

_MAX_ROWS = 100_000  # of steps, of frames, and of all other events; a race of ten minutes has 60 000 steps
_FREQUENT = ("step", "frame")


class GameJournal:
    """Written by the game's thread, read by another one."""

    def __init__(self, log_file: str | None) -> None:
        """Raise OSError if `log_file` cannot be written."""
        # Separate limits, so that a long race does not push out commands and connections.
        self._rows: dict[str, deque[tuple[int, dict[str, Any]]]] = {
            kind: deque(maxlen=_MAX_ROWS) for kind in (*_FREQUENT, "others")
        }
        self._number = 0
        self._count_messages: Counter[str] = Counter()
        self._held_ms: dict[str, float] = {}
        self._longest_ms: dict[str, float] = {}
        self._lock = threading.Lock()
        self._begin_s = time.monotonic()
        self._file: TextIO | None = None
        if log_file:
            self._file = Path(log_file).open("a", encoding="utf-8", buffering=1)  # noqa: SIM115  # open as long as the process

    def note(self, event: str, **fields: Any) -> None:
        row = {"event": event, "s": round(time.monotonic() - self._begin_s, 4), **fields}
        with self._lock:
            self._number += 1
            self._rows[event if event in _FREQUENT else "others"].append((self._number, row))
            self._count_messages[event] += 1
            held_ms = fields.get("held_ms")
            if held_ms is not None:
                self._held_ms[event] = self._held_ms.get(event, 0.0) + held_ms
                self._longest_ms[event] = max(self._longest_ms.get(event, 0.0), held_ms)
            if self._file:
                self._file.write(json.dumps(row) + "\n")

    def log(self) -> list[dict[str, Any]]:
        with self._lock:
            return [row for _, row in merge(*self._rows.values(), key=itemgetter(0))]

    def stats(self) -> dict[str, Any]:
        """Return the number of events, and how long messages were unanswered in total and at most, by event."""
        with self._lock:
            return {
                "counts": dict(self._count_messages),
                "held_ms": {event: round(ms, 3) for event, ms in self._held_ms.items()},
                "longest_ms": {event: round(ms, 3) for event, ms in self._longest_ms.items()},
            }

    def clear(self) -> None:
        with self._lock:
            for rows in self._rows.values():
                rows.clear()
            self._count_messages.clear()
            self._held_ms.clear()
            self._longest_ms.clear()
