"""How many requests a process sends at the same time: halved when the site is overloaded, then raised step by step.

A rate limits how often requests are sent, this limits how many are unanswered; a slow site needs less of both. The
numbers follow TCP (additive increase, multiplicative decrease): half on a failure, one more when as many requests as
are allowed were answered well.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tmxdb.errors import TmxdbError
from tmxdb.failure_policy import policy_for_code

STEP = 10
"""Least number of good answers before the limit is raised by one."""
LOOK_S = 0.1
"""How often a waiting thread checks whether it should stop."""


@dataclass(frozen=True, slots=True)
class SentRequest:
    """When a request was sent (monotonic seconds), and how many were unanswered then, including itself."""

    at_s: float
    in_flight: int


class ConcurrencyLimit:
    """The limit itself, from 1 to `maximum`. Not thread-safe; see `ConcurrencyLimiter`."""

    def __init__(self, maximum: int, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.maximum = max(maximum, 1)
        self.current = self.maximum
        self._monotonic = monotonic
        self._halved_at_s = float("-inf")
        self._successes = 0

    def record_success(self, sent: SentRequest) -> None:
        """Count a good answer, unless the request was sent under an older, higher limit."""
        if sent.at_s < self._halved_at_s or self.current == self.maximum:
            return
        self._successes += 1
        if self._successes >= max(self.current, STEP):
            self._successes = 0
            self.current += 1

    def record_failure(self, sent: SentRequest) -> None:
        """Halve the limit, once for all requests sent before the last halving.

        Half of what was in flight, not of what was allowed: with a low rate, the limit would otherwise have no effect
        for the first few failures.
        """
        if sent.at_s < self._halved_at_s:
            return
        self.current = max(min(self.current, sent.in_flight) // 2, 1)
        self._halved_at_s = self._monotonic()
        self._successes = 0


class ConcurrencyLimiter:
    """Limits the requests of all threads of a process."""

    def __init__(self, maximum: int, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._limit = ConcurrencyLimit(maximum, monotonic=monotonic)
        self._monotonic = monotonic
        self._changed = threading.Condition()
        self._slots_taken = self._in_flight = 0

    @property
    def limit(self) -> int:
        """How many requests may be in flight now."""
        return self._limit.current

    @contextmanager
    def slot(self, check_stop: Callable[[], None]) -> Iterator[None]:
        """Wait for a slot for one request and hold it during the block.

        `check_stop` is called while waiting and raises to end the wait. Take the slot before waiting for the rate
        limiter: a thread that holds a turn of the rate must be able to use it.
        """
        with self._changed:
            while self._slots_taken >= self._limit.current:
                self._changed.wait(LOOK_S)
                check_stop()
            self._slots_taken += 1
        try:
            yield
        finally:
            with self._changed:
                self._slots_taken -= 1
                self._changed.notify()

    @contextmanager
    def in_flight(self) -> Iterator[None]:
        """Count a request as in flight during the block, and adjust the limit by how the block ends."""
        with self._changed:
            self._in_flight += 1
            sent = SentRequest(self._monotonic(), self._in_flight)
        code: str | None = None
        succeeded = False
        try:
            yield
            succeeded = True
        except TmxdbError as error:
            code = error.code
            raise
        finally:
            with self._changed:
                if succeeded:
                    self._record_success(sent)
                elif code is not None and policy_for_code(code).halves_concurrency:
                    # The first request of a burst was sent alone, the last one is answered alone.
                    self._limit.record_failure(SentRequest(sent.at_s, max(sent.in_flight, self._in_flight)))
                self._in_flight -= 1

    def _record_success(self, sent: SentRequest) -> None:
        before = self._limit.current
        self._limit.record_success(sent)
        if self._limit.current > before:
            self._changed.notify()
