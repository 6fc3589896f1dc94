"""How many requests a process has on their way to the site at once: halved when the site suffers, then wider by and by.

A rate says how often may be asked, a width how much may be asked at the same time; a slow site wants less of both.
The numbers follow TCP: half when something is wrong, one more when everything on its way was answered well.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tmxdb.errors import TmxdbError
from tmxdb.retrying import rule_of

STEP = 10
"""At least so many good answers before there is room for one more."""
LOOK_S = 0.1
"""How long a thread waits for room before it looks whether it is to stop."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A request on its way: when it was sent (steady seconds), and how many there were, itself included."""

    at_s: float
    beside: int


class Width:
    """The number itself, from 1 to `most`. Not for several threads; see `Lanes`."""

    def __init__(self, most: int, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.most = max(most, 1)
        self.now = self.most
        self._monotonic = monotonic
        self._halved_s = float("-inf")
        self._good = 0

    def good(self, sent: Sent) -> None:
        """It was answered well. If it was sent before the last halving, that says nothing about the present width."""
        if sent.at_s < self._halved_s or self.now == self.most:
            return
        self._good += 1
        if self._good >= max(self.now, STEP):
            self._good = 0
            self.now += 1

    def bad(self, sent: Sent) -> None:
        """The site suffers. One halving for a burst: what was sent before the last one has been answered for already.

        Half of what was on its way, not of what would have been allowed: else a rate would hide the first few.
        """
        if sent.at_s < self._halved_s:
            return
        self.now = max(min(self.now, sent.beside) // 2, 1)
        self._halved_s = self._monotonic()
        self._good = 0


class Lanes:
    """Room for requests of all threads of a process, as many at once as the width says."""

    def __init__(self, most: int, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._width = Width(most, monotonic=monotonic)
        self._monotonic = monotonic
        self._room = threading.Condition()
        self._taken = self._flying = 0

    @property
    def width(self) -> int:
        """Requests that may be on their way at once now."""
        return self._width.now

    @contextmanager
    def lane(self, may_go_on: Callable[[], None]) -> Iterator[None]:
        """Room for one request, waited for. `may_go_on` is called meanwhile, and raises when the waiting is to end.

        It comes before the turn at the gate: whoever holds a slot of the rate must not be kept from using it.
        """
        with self._room:
            while self._taken >= self._width.now:
                self._room.wait(LOOK_S)
                may_go_on()
            self._taken += 1
        try:
            yield
        finally:
            with self._room:
                self._taken -= 1
                self._room.notify()

    @contextmanager
    def flight(self) -> Iterator[Sent]:
        """A request is on its way as long as the block lasts."""
        with self._room:
            self._flying += 1
            sent = Sent(self._monotonic(), self._flying)
        try:
            yield sent
        finally:
            with self._room:
                self._flying -= 1

    def judge(self, sent: Sent, error: TmxdbError | None) -> None:
        """What the answer says about the width: the table of `retrying.py` knows which errors narrow it."""
        with self._room:
            if error is None:
                before = self._width.now
                self._width.good(sent)
                if self._width.now > before:
                    self._room.notify()
            elif rule_of(error.code).narrows:
                # The first of a burst was sent alone, the last one is answered alone.
                self._width.bad(Sent(sent.at_s, max(sent.beside, self._flying + 1)))
