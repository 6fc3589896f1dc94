"""One rate and one pause for all workers of a database together: every request to the site passes this gate.

The rate is kept by handing out time slots from one row of the database; a process takes a few at a time, so
that it writes some four times a second whatever the rate. A pause (429, 503 with Retry-After) is written to the
same row and read ten times a second.

A slot is for its moment: one that was missed is thrown away, for used late it would come on top of those of
the present second. And since no one is ever quite on time, slots are that much wider than the rate asks for.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable

from sqlalchemy import or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from tmxdb.clock import Clock, wall_clock
from tmxdb.db.engine import Database
from tmxdb.db.models import Politeness, table_of
from tmxdb.queue.backoff import LONGEST_ASKED_S
from tmxdb.queue.job import GivenBack

AHEAD_S = 0.25
"""How much of the future a process reserves at once."""
LATE_MS = 25
"""How late a slot may be used."""
MARGIN_MS = 50
"""Slots are as wide as if a second had so much more: for the lateness, and for that of the way to the site."""
LOOK_S = 0.1
"""How old our knowledge of the pause may be."""
MOST_WAITING = 2000
"""Slots so far in the future that more threads would have to wait for them: somebody has set a clock back."""
_row = table_of(Politeness)


class Gate:
    """`wait_turn()` before each request; `pause()` when the site asks us to slow down."""

    def __init__(
        self,
        database: Database,
        *,
        stop: threading.Event,
        clock: Clock = wall_clock,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._stop = stop
        self._clock, self._monotonic = clock, monotonic
        self._lock = threading.Lock()
        self._counting = threading.Lock()
        self._wanted = 0
        self._slots: deque[int] = deque()
        self._rate: float | None = None
        self._paused_until_ms = 0
        self._pause_over_s = 0.0  # the same by the steady clock
        self._looked_at = float("-inf")
        self._look_ms = self._lead_ms = 0  # how long it took to look, to reserve
        self.on_pause: Callable[[float, str], None] = lambda seconds, reason: None

    def set_rate(self, rate: float | None) -> None:
        """Requests a second for the whole database from now on; None: as fast as it goes."""
        with self._database.write() as connection:
            dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
            insert = dialect.insert(_row).values(id=1, rate=rate)
            connection.execute(insert.on_conflict_do_update(index_elements=["id"], set_={"rate": rate}))

    def wait_turn(self) -> None:
        """Return when a request may be sent. Raises GivenBack when the worker is told to stop meanwhile."""
        slot_ms = self._take()
        while True:
            paused_until_ms = self._pause_ends()
            now_ms = self._clock()
            left_s = (max(slot_ms or 0, paused_until_ms) - now_ms) / 1000
            if left_s > 0:
                # The last look is taken a little before it is time: on a slow database it would make us late.
                look_s = LOOK_S / 2 + self._look_ms / 1000
                if self._stop.wait(min(left_s if left_s <= look_s else left_s - look_s, 1.0)):
                    raise GivenBack("the worker was told to stop")
            elif slot_ms is None or now_ms - slot_ms <= LATE_MS:
                return
            else:
                slot_ms = self._take()

    def may_go_on(self) -> None:
        """Raise GivenBack when the worker is told to stop."""
        if self._stop.is_set():
            raise GivenBack("the worker was told to stop")

    def pause(self, seconds: float, reason: str) -> None:
        """Nobody sends anything for `seconds`, in no process; a day is the longest anybody can ask for."""
        seconds = min(seconds, LONGEST_ASKED_S)
        now_ms = self._clock()
        until_ms = now_ms + round(seconds * 1000)
        known = _row.c.paused_until_ms  # more than a day away: written before somebody set a clock back
        replaced = or_(known < until_ms, known > now_ms + LONGEST_ASKED_S * 1000)
        with self._database.write() as connection:
            dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
            values = {"paused_until_ms": until_ms, "reason": reason}
            connection.execute(
                dialect.insert(_row)
                .values(id=1, **values)
                .on_conflict_do_update(index_elements=["id"], set_=values, where=replaced)
            )
        with self._lock:
            news = until_ms > self._paused_until_ms + 1000
            self._pause_until(max(self._paused_until_ms, until_ms))
            self._slots.clear()
        if news:
            self.on_pause(seconds, reason)

    def _take(self) -> int | None:
        """The next slot that is not missed yet; None where there is no rate."""
        with self._counting:
            self._wanted += 1
        try:
            return self._taken()
        finally:
            with self._counting:
                self._wanted -= 1

    def _taken(self) -> int | None:
        with self._lock:
            now_ms = self._clock()
            while self._slots and self._slots[0] < now_ms - LATE_MS:
                self._slots.popleft()
            if not self._slots and (self._rate is not None or self._stale()):
                self._reserve()
            return self._slots.popleft() if self._slots else None

    def _reserve(self) -> None:
        self._look()
        if self._rate is None:
            return
        # As many as threads stand here: one that nobody used in time would be lost for others, too.
        n = max(1, min(int(self._rate * AHEAD_S), self._wanted))
        # Rounded up: whole milliseconds must not add up to more than the rate.
        span_ms = -int(-(1000 + MARGIN_MS) * n // self._rate)
        with self._database.write() as connection:
            row = select(_row.c.next_slot_ms, _row.c.paused_until_ms).where(_row.c.id == 1).with_for_update()
            next_slot_ms, until_ms = connection.execute(row).one()
            # Now, not before: others may have had the database for a while. And writing takes its time, too.
            began_ms = self._clock()
            self._know(until_ms)
            first_ms = max(began_ms + self._lead_ms, self._pause_left_until())
            if next_slot_ms - first_ms < MOST_WAITING * span_ms // n:
                first_ms = max(first_ms, next_slot_ms)
            connection.execute(update(_row).where(_row.c.id == 1).values(next_slot_ms=first_ms + span_ms))
        self._lead_ms = min(max(self._clock() - began_ms, 0), 5000)
        self._slots.extend(first_ms + span_ms * i // n for i in range(n))

    def _pause_ends(self) -> int:
        with self._lock:
            if self._stale():
                self._look()
            return self._pause_left_until()

    def _stale(self) -> bool:
        return self._monotonic() - self._looked_at > LOOK_S

    def _look(self) -> None:
        began_ms = self._clock()
        with self._database.read() as connection:
            row = connection.execute(select(_row.c.rate, _row.c.paused_until_ms).where(_row.c.id == 1)).first()
        self._rate, until_ms = row if row is not None else (None, 0)
        self._know(until_ms)
        self._look_ms = min(max(self._clock() - began_ms, 0), 5000)

    def _know(self, until_ms: int) -> None:
        """The end of the pause; none that is longer than can be asked for: then somebody has set a clock back."""
        self._pause_until(until_ms if until_ms - self._clock() <= LONGEST_ASKED_S * 1000 else 0)
        self._looked_at = self._monotonic()

    def _pause_until(self, until_ms: int) -> None:
        if until_ms != self._paused_until_ms:
            self._paused_until_ms = until_ms
            self._pause_over_s = self._monotonic() + (until_ms - self._clock()) / 1000

    def _pause_left_until(self) -> int:
        """The end of the pause; sooner where it is over sooner by the steady clock: somebody has set the other back."""
        left_ms = math.ceil((self._pause_over_s - self._monotonic()) * 1000)
        return min(self._paused_until_ms, self._clock() + left_ms) if left_ms > 0 else 0
