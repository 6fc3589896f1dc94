"""Requests that are retried, and that Ctrl-C can leave without waiting for their answer.

Jobs have the queue for this. A sync has no rows to put back, so it waits here.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from tmxdb.clock import span
from tmxdb.errors import RetryLater
from tmxdb.failure_policy import Action, FailurePolicy, policy_for
from tmxdb.queue.backoff import backoff_s, snooze_s
from tmxdb.queue.job import WorkerStopping
from tmxdb.tmx.client import Exchange

TRIES = 5
NEVER_SEEN_S = 0.5
"""Wait between tries at a site that has never answered: a wrong address should be reported soon."""
_LOOK_S = 0.1
T = TypeVar("T")


def in_background(call: Callable[[], T]) -> Future[T]:
    """Run `call` in a thread of its own, which does not delay the end of the program as an executor's would."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # noqa: BLE001  # raised again where the result is waited for
            future.set_exception(error)

    threading.Thread(target=run, name="request", daemon=True).start()
    return future


def result_of(future: Future[T], stop: threading.Event) -> T:
    """Wait for the result and return it. Raise WorkerStopping when `stop` is set; the result is then dropped."""
    while True:
        try:
            return future.result(timeout=_LOOK_S)
        except TimeoutError:
            if future.done():  # since the wait timed out, or the call itself raised TimeoutError
                return future.result()
            if stop.is_set():
                raise WorkerStopping("the sync is stopping") from None


class RetryingClient:
    """Sends requests to one exchange and retries them. `stop` ends all waiting with WorkerStopping."""

    def __init__(self, exchange: Exchange, stop: threading.Event, note: Callable[[str], None]) -> None:
        self._exchange, self._stop, self._note = exchange, stop, note

    def begin(self, send: Callable[[Exchange], T]) -> Future[T]:
        """Start a request. Pass the future to `result`."""
        return in_background(lambda: self._retried(send))

    def result(self, future: Future[T]) -> T:
        """Wait for the answer and return it. Raise WorkerStopping when the sync should stop."""
        return result_of(future, self._stop)

    def request(self, send: Callable[[Exchange], T]) -> T:
        """Send a request and return its answer."""
        return self.result(self.begin(send))

    def _retried(self, send: Callable[[Exchange], T]) -> T:
        attempt, snoozed_s = 0, 0.0
        while True:
            try:
                return send(self._exchange)
            except RetryLater as error:
                policy = policy_for(error)
                if policy.action is Action.SNOOZE and (policy.max_snooze_s is None or snoozed_s < policy.max_snooze_s):
                    # The rate limiter pauses all workers, and the circuit breaker ends an outage that lasts.
                    wait_s = snooze_s(policy, error.retry_after_s)
                    snoozed_s += wait_s
                    self._note(f"{error} Continuing in {span(wait_s)}.")
                else:
                    attempt += 1
                    wait_s = self._wait_s(attempt, policy, error)
            if self._stop.wait(wait_s):
                raise WorkerStopping("the sync is stopping")

    def _wait_s(self, attempt: int, policy: FailurePolicy, error: RetryLater) -> float:
        """Return the seconds to wait after `attempt` tries. Raise `error` after the last one."""
        if attempt >= TRIES:
            advice = "Run the same command again later; it continues from here."
            raise type(error)(f"{error} Gave up after {TRIES} tries. {advice}", code=error.code) from error
        if error.code == "tmx.connection" and not self._exchange.breaker.has_answered:
            return NEVER_SEEN_S
        wait_s = backoff_s(policy, attempt, jitter=random.random(), asked_s=error.retry_after_s)
        self._note(f"{error} Trying again in {span(wait_s)}.")
        return wait_s
