"""Who asked for what, and what they got: for tests, and to see whether a client is polite."""

from __future__ import annotations

import json
import time
from collections import Counter, deque
from pathlib import Path
from typing import Any, TextIO

from tmxdb.sandbox.wire.messages import Request, Response

_KEPT = 200_000  # requests in memory; the counters go on


class Journal:
    def __init__(self, file: str | None = None) -> None:
        # Line by line, so that whoever follows the file sees whole lines.
        self._file: TextIO | None = None
        if file:
            self._file = Path(file).open("a", encoding="utf-8", buffering=1)  # noqa: SIM115  open while the site is
        self._open = self._in_flight = 0
        self.clear()

    def clear(self) -> None:
        """Forgets what was; connections that are open stay counted."""
        self._lines: deque[tuple[float, str, str, int, int, str, str]] = deque(maxlen=_KEPT)
        self._by_path: Counter[str] = Counter()
        self._by_status: Counter[int] = Counter()
        self._by_fault: Counter[str] = Counter()
        self._bytes = 0
        self._connections = 0
        self._most_open, self._most_in_flight = self._open, self._in_flight

    # What happens

    def connected(self) -> None:
        self._connections += 1
        self._open += 1
        self._most_open = max(self._most_open, self._open)

    def disconnected(self) -> None:
        self._open -= 1

    def began(self, request: Request, response: Response, connection: int) -> None:
        """A request came in, and this is going to be its answer."""
        self._in_flight += 1
        self._most_in_flight = max(self._most_in_flight, self._in_flight)
        self._by_path[_kind(request.path)] += 1
        self._by_status[response.status] += 1
        self._bytes += len(response.body)
        if response.fault:
            self._by_fault[response.fault] += 1
        agent = request.headers.get("user-agent", "")
        line = (
            time.time(),
            request.method,
            request.target,
            response.status,
            connection,
            response.fault,
            agent,
        )
        self._lines.append(line)
        if self._file:
            self._file.write(json.dumps(_entry(line)) + "\n")

    def ended(self) -> None:
        self._in_flight -= 1

    def close(self) -> None:
        if self._file:
            self._file.close()

    # What is said about it

    def stats(self) -> dict[str, Any]:
        return {
            "requests": sum(self._by_path.values()),
            "by_path": dict(self._by_path),
            "by_status": {str(status): count for status, count in self._by_status.items()},
            "faults": dict(self._by_fault),
            "body_bytes": self._bytes,
            "connections": self._connections,
            "open_connections": self._open,
            "max_connections": self._most_open,
            "max_in_flight": self._most_in_flight,
        }

    def log(self) -> list[dict[str, Any]]:
        return [_entry(line) for line in self._lines]


def _kind(path: str) -> str:
    """`/recordgbx` for `/recordgbx/17`, `/api/tracks` as it is."""
    head, _, last = path.rpartition("/")
    return head if last.isdecimal() else path


def _entry(line: tuple[float, str, str, int, int, str, str]) -> dict[str, Any]:
    return dict(zip(("time", "method", "path", "status", "connection", "fault", "user_agent"), line, strict=True))
