"""One rate and one pause for all workers of a database together: every request to the site passes this gate.

The rate is kept by handing out time slots from one row of the database; a process takes a few at a time, so
that it writes some four times a second whatever the rate. A pause (429, 503 with Retry-After) is written to the
same row and read before each request.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from sqlalchemy import func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from tmxdb.clock import Clock, wall_clock
from tmxdb.db.engine import Database
from tmxdb.db.models import Politeness, table_of
from tmxdb.queue.job import GivenBack

AHEAD_S = 0.25
"""How much of the future a process reserves at once."""
LOOK_S = 0.1
"""How old our knowledge of the pause may be where there is no rate, and so no other reason to ask."""
_row = table_of(Politeness)


class Gate:
    """`wait_turn()` before each request; `pause()` when the site asks us to slow down."""

    def __init__(self, database: Database, *, stop: threading.Event, clock: Clock = wall_clock) -> None:
        self._database = database
        self._stop = stop
        self._clock = clock
        self._lock = threading.Lock()
        self._slots: deque[int] = deque()
        self._rate: float | None = None
        self._paused_until_ms = 0
        self._looked_at = float("-inf")
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
            now_ms = self._clock()
            due_ms = max(slot_ms, self._pause_ends())
            if now_ms >= due_ms:
                return
            if self._stop.wait(min((due_ms - now_ms) / 1000, 1.0)):
                raise GivenBack("the worker was told to stop")

    def pause(self, seconds: float, reason: str) -> None:
        """Nobody sends anything for `seconds`, in no process."""
        until_ms = self._clock() + round(seconds * 1000)
        with self._database.write() as connection:
            connection.execute(
                update(_row)
                .where(_row.c.id == 1, _row.c.paused_until_ms < until_ms)
                .values(paused_until_ms=until_ms, reason=reason)
            )
        with self._lock:
            news = until_ms > self._paused_until_ms + 1000
            self._paused_until_ms = max(self._paused_until_ms, until_ms)
            self._slots.clear()
        if news:
            self.on_pause(seconds, reason)

    def _take(self) -> int:
        with self._lock:
            now_ms = self._clock()
            while self._slots and self._slots[0] < now_ms - AHEAD_S * 1000:
                self._slots.popleft()  # too old: used now, it would come on top of the present rate
            if not self._slots and (self._rate is not None or self._stale()):
                self._reserve(now_ms)
            return self._slots.popleft() if self._slots else 0

    def _reserve(self, now_ms: int) -> None:
        with self._database.read() as connection:
            self._see(connection.execute(select(_row.c.rate, _row.c.paused_until_ms)).first())
        if self._rate is None:
            return
        n = max(1, int(self._rate * AHEAD_S))
        # Rounded up: whole milliseconds must not add up to more than the rate.
        span_ms = -int(-1000 * n // self._rate)
        later = func.max if self._database.path is not None else func.greatest
        with self._database.write() as connection:
            first_ms = connection.execute(
                update(_row)
                .where(_row.c.id == 1)
                .values(next_slot_ms=later(_row.c.next_slot_ms, _row.c.paused_until_ms, now_ms) + span_ms)
                .returning(_row.c.next_slot_ms)
            ).scalar_one()
        self._slots.extend(first_ms - span_ms + span_ms * i // n for i in range(n))

    def _pause_ends(self) -> int:
        with self._lock:
            if self._stale() or self._rate is not None:
                with self._database.read() as connection:
                    self._see(connection.execute(select(_row.c.rate, _row.c.paused_until_ms)).first())
            return self._paused_until_ms

    def _stale(self) -> bool:
        return time.monotonic() - self._looked_at > LOOK_S

    def _see(self, row: object) -> None:
        self._rate, self._paused_until_ms = row if row is not None else (None, 0)  # type: ignore[misc]
        self._looked_at = time.monotonic()
