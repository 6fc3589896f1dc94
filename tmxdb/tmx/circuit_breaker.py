"""The circuit breaker: recognises outages from the outcomes of all requests of this process.

When everything fails alike it is an outage, not ten thousand failures: all workers pause, no row is charged, and the
run stops when the outage lasts.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tmxdb.clock import span
from tmxdb.errors import (
    InvalidResponse,
    PermanentError,
    RetryLater,
    SiteOutage,
    SiteRefused,
    SiteUnreachable,
    Throttled,
    TmxdbError,
    UserActionRequired,
)
from tmxdb.failure_policy import escalate_after, policy_for
from tmxdb.tmx.response_errors import DEFAULT_PAUSE_S

MAX_FORBIDDEN = escalate_after("tmx.forbidden")
"""403 in a row before the run stops: the site does not want us, and further requests would make it worse."""
MAX_PAUSE_S, MAX_OUTAGE_S = 60.0, 15 * 60.0
MAX_ABSENCE_S = 120.0
"""How long 404 for everything is taken for an outage. Then the items are accepted as deleted."""
_SERVED = ("tmx.bad_request", "tmx.forbidden")
"""Answers that are not what was wanted but show that the site works."""


class CircuitBreaker:
    """Tracks how the site as a whole is doing. Thread-safe.

    `pause(seconds, reason)` makes all workers of the database pause.
    """

    def __init__(
        self, base_url: str, pause: Callable[[float, str], None], *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._base_url, self._pause, self._monotonic = base_url, pause, monotonic
        self._lock = threading.Lock()
        self._lost, self._failing, self._wrong, self._gone = _Streak(), _Streak(), _Streak(), _Streak()
        self._forbidden = 0
        self._has_answered = False
        self._pauses, self._paused_until_s = 0, float("-inf")
        self._stopped: UserActionRequired | None = None

    @property
    def has_answered(self) -> bool:
        """Whether the site has ever answered, with anything."""
        return self._has_answered

    def check(self) -> None:
        """Raise the error that stopped the run, so that no thread sends another request."""
        if self._stopped is not None:
            raise self._stopped

    @contextmanager
    def recording(self, item: str, *, before: str | None = None) -> Iterator[None]:
        """Record the outcome of the request for `item` that the block sends and whose answer it checks.

        `before`: the error code of the last attempt for `item`.
        Raise SiteOutage instead of the error of the block during an outage, SiteUnreachable or SiteRefused when the
        run has to stop.
        """
        try:
            yield
        except (RetryLater, PermanentError) as error:
            verdict = self.judged(error, item, before=before)
            try:
                if verdict is not error:
                    raise verdict from error
                raise
            finally:
                # Its traceback refers to this frame and this frame to it: a cycle that would keep the answer in memory
                # until the next garbage collection.
                del verdict
        self.record_success()

    def judged(self, error: BaseException, item: str, *, before: str | None = None) -> BaseException:
        """Record a request that ended with `error`, if that is about the site. Return the error to raise instead.

        `before`: the error code of the last attempt for `item`.
        """
        if isinstance(error, RetryLater | PermanentError) and _is_of_site(error):
            return self.record_failure(error, item, before=before)
        return error

    def record_success(self) -> None:
        """Record a request that was answered as it should be."""
        with self._lock:
            for streak in (self._lost, self._failing, self._wrong, self._gone):
                streak.end()
            self._forbidden = self._pauses = 0
            self._has_answered = True

    def record_failure(self, error: TmxdbError, item: str, *, before: str | None = None) -> TmxdbError:
        """Record a request that failed with `error`. Return the error to raise, mostly the same one."""
        with self._lock:
            verdict = self._judge(error, item, before)
        if verdict.pause is not None:  # writes to the database: other threads must not wait for the lock meanwhile
            self._pause(*verdict.pause)
        return verdict.error

    def _judge(self, error: TmxdbError, item: str, before: str | None) -> _Verdict:
        if error.code == "tmx.connection":
            return self._not_reached(error, item)
        self._lost.end()
        if error.code != "tmx.timeout":
            self._has_answered = True
        if isinstance(error, Throttled):
            return _Verdict(error, (error.retry_after_s or DEFAULT_PAUSE_S, "the site asked us to slow down"))
        self._forbidden = self._forbidden + 1 if error.code == "tmx.forbidden" else 0
        if self._forbidden >= MAX_FORBIDDEN:
            self._stopped = SiteRefused(
                f"{self._base_url} refuses our requests ({self._forbidden} times 403 in a row). Nothing is lost; ask"
                " the site's operators, or come back later."
            )
            return _Verdict(self._stopped)
        if error.code == "tmx.gone":
            return self._not_found(error, item, before)
        if error.code in _SERVED:
            self._failing.end()
            self._wrong.end()
            self._pauses = 0
            return _Verdict(error)
        if error.code == "tmx.unavailable":
            self._failing.add(item, self._monotonic())
            if self._failing.count < _threshold(error):
                return _Verdict(error)
            return self._outage(error, self._failing, "every request fails with a server error")
        if policy_for(error).escalate_after is None:
            return _Verdict(error)
        # A row whose own file is bad fails alone. An outage fails one item after the other.
        self._wrong.add(item, self._monotonic())
        if self._wrong.items < _threshold(error):
            return _Verdict(error)
        return self._outage(error, self._wrong, "no request gets a valid response")

    def _not_found(self, error: TmxdbError, item: str, before: str | None) -> _Verdict:
        now_s = self._monotonic()
        self._failing.end()
        self._wrong.end()
        # At the end of a run only missing items are left. A second 404 is expected, and no sign of an outage.
        if before != error.code:
            self._gone.add(item, now_s)
        if self._gone.items < _threshold(error) or self._gone.lasts_s(now_s) > MAX_ABSENCE_S:
            self._pauses = 0
            return _Verdict(error)
        reason = f"every requested item is missing (404); accepted as deleted after {span(MAX_ABSENCE_S)}"
        return self._pause_for_outage(error, reason)

    def _not_reached(self, error: TmxdbError, item: str) -> _Verdict:
        now_s = self._monotonic()
        self._lost.add(item, now_s)
        if self._lost.count < _threshold(error):
            return _Verdict(error)
        if not self._has_answered or self._lost.lasts_s(now_s) > MAX_OUTAGE_S:
            return self._stop(
                f"{self._base_url} cannot be reached: {error}"
                " Check the address (--site) and the connection, then run the same command again: nothing is lost."
            )
        return self._pause_for_outage(error, "the site cannot be reached")

    def _outage(self, error: TmxdbError, streak: _Streak, reason: str) -> _Verdict:
        lasts_s = streak.lasts_s(self._monotonic())
        if lasts_s > MAX_OUTAGE_S:
            return self._stop(
                f"{self._base_url} has given no valid response for {span(lasts_s)}: {error}"
                " Run the same command again later: nothing is lost."
            )
        return self._pause_for_outage(error, reason)

    def _stop(self, message: str) -> _Verdict:
        self._stopped = SiteUnreachable(message)
        return _Verdict(self._stopped)

    def _pause_for_outage(self, error: TmxdbError, reason: str) -> _Verdict:
        # Failures of requests that were sent before the pause say nothing new: 64 of them would make it a long one.
        now_s, pause = self._monotonic(), None
        if now_s >= self._paused_until_s:
            self._pauses += 1
            pause_s = min(2.0 ** min(self._pauses, 6), MAX_PAUSE_S)
            self._paused_until_s = now_s + pause_s
            pause = (pause_s, reason)
        return _Verdict(SiteOutage(str(error), retry_after_s=max(self._paused_until_s - now_s, 0.1)), pause)


@dataclass(frozen=True, slots=True)
class _Verdict:
    """The error to raise for a failed request, and the pause of all workers that begins with it."""

    error: TmxdbError
    pause: tuple[float, str] | None = None
    """Its length in seconds and its reason."""


class _Streak:
    """Failures of one sort without a correct answer between them."""

    _MAX_ITEMS = 1000

    def __init__(self) -> None:
        self.count, self._since_s = 0, 0.0
        self._items: set[str] = set()

    @property
    def items(self) -> int:
        """How many different items failed, counted up to 1,000."""
        return len(self._items)

    def add(self, item: str, now_s: float) -> None:
        """Count a failure for `item`."""
        if not self.count:
            self._since_s = now_s
        self.count += 1
        if len(self._items) < self._MAX_ITEMS:
            self._items.add(item)

    def end(self) -> None:
        """Forget all failures: the site works."""
        self.count = 0
        self._items.clear()

    def lasts_s(self, now_s: float) -> float:
        """Return the seconds since the first failure."""
        return now_s - self._since_s


def _is_of_site(error: TmxdbError) -> bool:
    """Return whether `error` is about an answer of the site, rather than about the disk or the worker."""
    return error.code.startswith("tmx.") or (error.code.startswith("gbx.") and isinstance(error, InvalidResponse))


def _threshold(error: TmxdbError) -> float:
    return policy_for(error).escalate_after or float("inf")
