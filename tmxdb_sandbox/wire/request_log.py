"""The log of requests and their counters, for tests and for checks of a client's request rate."""

from __future__ import annotations

import json
import time
from collections import Counter, deque
from pathlib import Path
from typing import Any, TextIO

from tmxdb_sandbox.wire.http_messages import Request, Response

_MAX_ENTRIES = 200_000  # requests in memory; the counters cover all


class RequestLog:
    """Counts requests and connections and keeps the last requests, in memory and optionally in a file."""

    def __init__(self, file: str | None = None) -> None:
        # Line buffered, so that a reader of the file sees complete lines.
        self._file: TextIO | None = None
        if file:
            self._file = Path(file).open("a", encoding="utf-8", buffering=1)  # noqa: SIM115  open while the site runs
        self._open = self._in_flight = 0
        self.clear()

    def clear(self) -> None:
        """Delete all entries and reset the counters. Open connections stay counted."""
        self._entries: deque[tuple[float, str, str, int, int, str, str]] = deque(maxlen=_MAX_ENTRIES)
        self._by_path: Counter[str] = Counter()
        self._by_status: Counter[int] = Counter()
        self._by_fault: Counter[str] = Counter()
        self._bytes = 0
        self._connections = 0
        self._max_open, self._max_in_flight = self._open, self._in_flight

    # Events

    def connected(self) -> None:
        self._connections += 1
        self._open += 1
        self._max_open = max(self._max_open, self._open)

    def disconnected(self) -> None:
        self._open -= 1

    def request_started(self, request: Request, response: Response, connection: int) -> None:
        """Record a request and the response that will be sent."""
        self._in_flight += 1
        self._max_in_flight = max(self._max_in_flight, self._in_flight)
        self._by_path[_endpoint(request.path)] += 1
        self._by_status[response.status] += 1
        self._bytes += len(response.body)
        if response.fault:
            self._by_fault[response.fault] += 1
        agent = request.headers.get("user-agent", "")
        entry = (
            time.time(),
            request.method,
            request.target,
            response.status,
            connection,
            response.fault,
            agent,
        )
        self._entries.append(entry)
        if self._file:
            self._file.write(json.dumps(_as_json(entry)) + "\n")

    def request_finished(self) -> None:
        self._in_flight -= 1

    def close(self) -> None:
        if self._file:
            self._file.close()

    # Reports

    def stats(self) -> dict[str, Any]:
        return {
            "requests": sum(self._by_path.values()),
            "by_path": dict(self._by_path),
            "by_status": {str(status): count for status, count in self._by_status.items()},
            "faults": dict(self._by_fault),
            "body_bytes": self._bytes,
            "connections": self._connections,
            "open_connections": self._open,
            "max_connections": self._max_open,
            "in_flight": self._in_flight,
            "max_in_flight": self._max_in_flight,
        }

    def log(self) -> list[dict[str, Any]]:
        return [_as_json(entry) for entry in self._entries]


def _endpoint(path: str) -> str:
    """Return `/recordgbx` for `/recordgbx/17`, and a path without an id unchanged."""
    head, _, last = path.rpartition("/")
    return head if last.isdecimal() else path


def _as_json(entry: tuple[float, str, str, int, int, str, str]) -> dict[str, Any]:
    return dict(zip(("time", "method", "path", "status", "connection", "fault", "user_agent"), entry, strict=True))
