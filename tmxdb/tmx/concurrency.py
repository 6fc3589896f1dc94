"""How many requests a process sends at the same time: halved when the site is overloaded, then raised step by step.

A rate limits how often requests are sent, this limits how many are unanswered; a slow site needs less of both. The
numbers follow TCP (additive increase, multiplicative decrease): half on a failure, one more when as many requests as
are allowed were answered well.
"""

from __future__ import annotations

import threading
import time
from collections import deque
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


class RequestedSlot:
    """A slot for one request, or its place in the queue for one."""

    def __init__(self, give_back: Callable[[RequestedSlot], None]) -> None:
        self._give_back = give_back
        self._granted = threading.Event()

    @property
    def is_granted(self) -> bool:
        """Whether the limit allows the request to be sent."""
        return self._granted.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait up to `seconds` until the slot is granted. Return whether it is."""
        return self._granted.is_set() or self._granted.wait(seconds)

    def grant(self) -> None:
        """Let the request be sent."""
        self._granted.set()

    def give_back(self) -> None:
        """Give the slot back, or stop waiting for it."""
        self._give_back(self)


class ConcurrencyLimiter:
    """Limits the requests of all threads of a process."""

    def __init__(self, maximum: int, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._limit = ConcurrencyLimit(maximum, monotonic=monotonic)
        self._monotonic = monotonic
        self._changing = threading.Lock()
        self._queue = deque[RequestedSlot]()
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
        slot = self.request_slot()
        try:
            while not slot.wait(LOOK_S):
                check_stop()
            yield
        finally:
            slot.give_back()

    def request_slot(self) -> RequestedSlot:
        """Request a slot without waiting for it. Give it back at the end, whether it was granted or not."""
        slot = RequestedSlot(self._give_back)
        with self._changing:
            self._queue.append(slot)
            self._grant()
        return slot

    def _give_back(self, slot: RequestedSlot) -> None:
        with self._changing:
            if slot.is_granted:
                self._slots_taken -= 1
            else:
                self._queue.remove(slot)
            self._grant()

    def _grant(self) -> None:
        """Give free slots to those that wait, first come, first served."""
        while self._queue and self._slots_taken < self._limit.current:
            self._slots_taken += 1
            self._queue.popleft().grant()

    @contextmanager
    def in_flight(self) -> Iterator[None]:
        """Count a request as in flight during the block, and adjust the limit by how the block ends."""
        sent, error = self.begin(), None
        try:
            yield
        except BaseException as raised:
            error = raised
            raise
        finally:
            self.end(sent, error)
            del error

    def begin(self) -> SentRequest:
        """Count a request as in flight until `end`."""
        with self._changing:
            self._in_flight += 1
            return SentRequest(self._monotonic(), self._in_flight)

    def end(self, sent: SentRequest, error: BaseException | None) -> None:
        """Adjust the limit by how a request ended. `error`: None for a good answer."""
        with self._changing:
            if error is None:
                before = self._limit.current
                self._limit.record_success(sent)
                if self._limit.current > before:
                    self._grant()
            elif isinstance(error, TmxdbError) and policy_for_code(error.code).halves_concurrency:
                # The first request of a burst was sent alone, the last one is answered alone.
                self._limit.record_failure(SentRequest(sent.at_s, max(sent.in_flight, self._in_flight)))
            self._in_flight -= 1
