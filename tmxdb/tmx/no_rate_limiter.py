"""The rate limiter of a single request, which is sent without a database to keep a rate in."""

from __future__ import annotations

from collections.abc import Callable


class NoTurn:
    """A turn that has come. Fulfils `RequestTurn`."""

    def wait_s(self, wanted: int = 1) -> float:
        """Return 0: the request may be sent now."""
        return 0.0


class NoRateLimiter:
    """Lets each request pass immediately. Fulfils `RequestRateLimiter`."""

    def __init__(self) -> None:
        self.on_pause: Callable[[float, str], None] = lambda seconds, reason: None
        self.waiting_threads: set[int] = set()

    def wait_turn(self) -> None:
        """Return immediately."""

    def turn(self) -> NoTurn:
        """Return a turn that has come."""
        return NoTurn()

    def check_stop(self) -> None:
        """Never stop a request."""

    def pause(self, seconds: float, reason: str) -> None:
        """Ignore it: there are no other requests."""
