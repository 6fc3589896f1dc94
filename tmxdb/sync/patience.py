"""Asking for pages with patience: what may pass by itself is asked again, and Ctrl-C need not wait for an answer.

Jobs have the queue for this; a sync has no rows to put back, so it waits here.
"""

from __future__ import annotations

import queue
import random
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from tmxdb.clock import span
from tmxdb.errors import TryLater
from tmxdb.queue.backoff import backoff_s, snooze_s
from tmxdb.queue.job import GivenBack
from tmxdb.retrying import Rule, Then, rule_for
from tmxdb.tmx.client import Exchange

TRIES = 5
NEVER_SEEN_S = 0.5
"""How long to wait for a site that has never answered: a wrong address should be told soon."""
_LOOK_S = 0.1
T = TypeVar("T")


class Asker:
    """Asks one exchange. `stop` ends all waiting with GivenBack: an answer on its way is dropped, nothing is lost."""

    def __init__(self, exchange: Exchange, stop: threading.Event, note: Callable[[str], None]) -> None:
        self._exchange, self._stop, self._note = exchange, stop, note

    def begin(self, ask: Callable[[Exchange], T]) -> Coming[T]:
        """Begin to ask; the answer comes while the caller does something else."""
        return Coming(lambda: self._patiently(ask), self._stop)

    def ask(self, ask: Callable[[Exchange], T]) -> T:
        """The answer."""
        return self.begin(ask).result()

    def _patiently(self, ask: Callable[[Exchange], T]) -> T:
        attempt = free = 0
        while True:
            try:
                return ask(self._exchange)
            except TryLater as error:
                rule = rule_for(error)
                if rule.then is Then.WAIT and free < rule.free:
                    # The gate holds everybody back, and Health says when it has lasted too long.
                    free += 1
                    wait_s = snooze_s(rule, error.retry_after_s)
                    self._note(f"{error} Going on in {span(wait_s)}.")
                else:
                    attempt += 1
                    wait_s = self._before_another(attempt, rule, error)
            if self._stop.wait(wait_s):
                raise _stopped()

    def _before_another(self, attempt: int, rule: Rule, error: TryLater) -> float:
        """Seconds to wait after `attempt` tries. Raises `error` when that were enough."""
        if attempt >= TRIES:
            advice = "run the same command again later, it goes on from here"
            raise type(error)(f"{error} Gave up after {TRIES} tries; {advice}.", code=error.code) from error
        if error.code == "tmx.connection" and not self._exchange.health.has_answered:
            return NEVER_SEEN_S
        wait_s = backoff_s(rule, attempt, jitter=random.random(), asked_s=error.retry_after_s)
        self._note(f"{error} Trying again in {span(wait_s)}.")
        return wait_s


class Coming(Generic[T]):
    """An answer that is on its way, in a thread that the end of the program does not wait for."""

    def __init__(self, ask: Callable[[], T], stop: threading.Event) -> None:
        self._ask, self._stop = ask, stop
        self._answers: queue.SimpleQueue[tuple[T] | BaseException] = queue.SimpleQueue()
        threading.Thread(target=self._work, name="asking", daemon=True).start()

    def result(self) -> T:
        """The answer, or what was raised instead. Raises GivenBack at once when told to stop."""
        while True:
            try:
                answer = self._answers.get(timeout=_LOOK_S)
            except queue.Empty:
                if self._stop.is_set():
                    raise _stopped() from None
                continue
            if isinstance(answer, BaseException):
                raise answer
            return answer[0]

    def _work(self) -> None:
        try:
            self._answers.put((self._ask(),))
        except BaseException as error:  # noqa: BLE001  # carried over to the one who waits for the answer
            self._answers.put(error)


def _stopped() -> GivenBack:
    return GivenBack("told to stop")
