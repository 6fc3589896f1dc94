"""The rate limiter: one rate and one pause for all workers of a database. Every request to the site passes it.

Time slots are reserved in one row of the database. A process reserves several at a time, so that it writes about four
times a second at any rate. A pause (429, 503 with Retry-After) is written to the same row and read ten times a second.

Slots and the end of a pause are times of the database's clock, because the clocks of two machines may disagree. The
server's time comes with each statement that is sent anyway.

A slot is valid for its moment only. A missed slot is dropped, because a late request would exceed the rate of the
current second. Requests are always a little late, so slots are that much wider than the rate requires.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable

from sqlalchemy import or_, select, update

from tmxdb.clock import Clock, wall_clock
from tmxdb.db.database import Database
from tmxdb.db.database_clock import DatabaseClock
from tmxdb.db.dialect import engine_name, insert_into, server_ms
from tmxdb.db.models import RateLimitRow, table_of
from tmxdb.queue.backoff import MAX_REQUESTED_WAIT_S
from tmxdb.queue.job import WorkerStopping

AHEAD_S = 0.25
"""For how long ahead a process reserves slots."""
LATE_MS = 25
"""How late a slot may be used, in ms."""
MARGIN_MS = 50
"""Each slot is 5 % (50 ms a second) wider than the rate requires, to allow for late requests and network delays."""
REFRESH_S = 0.1
"""How old the known rate and pause may be, besides the time that the database needs to answer twice."""
MAX_ANSWER_S = 1.0
"""Longest time that counts as such."""
MAX_RESERVED_SLOTS = 2000
"""If more slots than this are reserved ahead, the database's clock was set back, and they are ignored."""
_row = table_of(RateLimitRow)
# Always one row, because the time of the server is needed even if no rate was ever set.
_KNOWN = select(
    select(_row.c.rate).where(_row.c.id == 1).scalar_subquery(),
    select(_row.c.paused_until_ms).where(_row.c.id == 1).scalar_subquery(),
    server_ms(),
)
_NEXT_SLOT = select(_row.c.next_slot_ms, _row.c.paused_until_ms, server_ms()).where(_row.c.id == 1).with_for_update()


class Turn:
    """The turn of one request. Call `wait_s` until it returns 0, then send the request immediately."""

    def __init__(self, take: Callable[[int], int | None], left_s: Callable[[int | None], float | None]) -> None:
        self._take, self._left_s = take, left_s
        self._slot_ms: int | None = None
        self._has_slot = False

    def wait_s(self, wanted: int = 1) -> float:
        """Return in how many seconds to call this again; 0 if the request may be sent now.

        `wanted`: how many requests wait for a turn, including this one.
        """
        if not self._has_slot:
            self._slot_ms, self._has_slot = self._take(wanted), True
        while (left_s := self._left_s(self._slot_ms)) is None:
            self._slot_ms = self._take(wanted)
        return left_s


class RateLimiter:
    """Call `wait_turn()` before each request, and `pause()` when the site asks to slow down.

    `on_pause` is called with the seconds and the reason of each new pause. `waiting_threads`: identifiers of the
    threads that wait for their turn now; the jobs of these threads are not being worked on.
    """

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
        self._now, self._monotonic = DatabaseClock(clock, monotonic), monotonic
        self._lock = threading.Lock()
        self._waiting_lock = threading.Lock()
        self._waiting = 0
        self._slots: deque[int] = deque()
        self._rate: float | None = None
        self._paused_until_ms = self._announced_until_ms = 0
        self._pause_ends_s = 0.0  # the same by the monotonic clock
        self._refreshed_s = float("-inf")
        self._refresh_ms = self._reserve_ms = 0  # how long the last refresh and reservation took
        self.waiting_threads: set[int] = set()
        self.on_pause: Callable[[float, str], None] = lambda seconds, reason: None

    def set_rate(self, rate: float | None) -> None:
        """Allow `rate` requests per second for the whole database; None means no limit."""
        with self._database.write() as connection:
            insert = insert_into(_row, engine_name(connection)).values(id=1, rate=rate)
            connection.execute(insert.on_conflict_do_update(index_elements=["id"], set_={"rate": rate}))

    def wait_turn(self) -> None:
        """Wait until a request may be sent. Raise WorkerStopping if the worker is stopped meanwhile."""
        thread = threading.get_ident()
        self.waiting_threads.add(thread)
        try:
            turn = self.turn()
            while (wait_s := turn.wait_s()) > 0:
                if self._stop.wait(wait_s):
                    raise WorkerStopping("the worker is stopping")
        finally:
            self.waiting_threads.discard(thread)

    def turn(self) -> Turn:
        """Return the turn of one request, for a thread that has something else to do until then."""
        return Turn(self._take, self._left_s)

    def _left_s(self, slot_ms: int | None) -> float | None:
        """Return in how many seconds to ask again for `slot_ms`; 0 if it is now, None if it was missed."""
        with self._lock:
            if self._is_stale():
                self._refresh()
            left_s = self._until_s(slot_ms)
            # Refresh for the last time a little early: a slow database would make the request late.
            early_s = self._max_age_s() / 2
            if 0 < left_s <= early_s and self._is_stale(in_s=left_s):
                self._refresh()
                left_s = self._until_s(slot_ms)
        if left_s > 0:
            return min(left_s if left_s <= early_s else left_s - early_s, 1.0)
        return 0.0 if slot_ms is None or self._now() - slot_ms <= LATE_MS else None

    def _until_s(self, slot_ms: int | None) -> float:
        """Return the seconds until a slot and the end of the pause; negative after the slot."""
        paused_until_ms = self._pause_until_ms()
        return (max(slot_ms or 0, paused_until_ms) - self._now()) / 1000

    def check_stop(self) -> None:
        """Raise WorkerStopping if the worker is stopping."""
        if self._stop.is_set():
            raise WorkerStopping("the worker is stopping")

    def pause(self, seconds: float, reason: str) -> None:
        """Stop all requests of all processes for `seconds`, at most one day."""
        seconds, began_s = min(seconds, MAX_REQUESTED_WAIT_S), self._monotonic()
        with self._database.write() as connection:
            waited_s = self._monotonic() - began_s  # for the database, after the site has answered
            now_ms = self._now.read(connection)
            until_ms = now_ms + round((seconds - waited_s) * 1000)
            known = _row.c.paused_until_ms  # over a day ahead: written before a clock was set back
            replaced = or_(known < until_ms, known > now_ms + MAX_REQUESTED_WAIT_S * 1000)
            values = {"paused_until_ms": until_ms, "reason": reason}
            connection.execute(
                insert_into(_row, engine_name(connection))
                .values(id=1, **values)
                .on_conflict_do_update(index_elements=["id"], set_=values, where=replaced)
            )
        with self._lock:
            # Not compared with the known pause: another thread may have read this one from the database already.
            is_new = until_ms > self._announced_until_ms + 1000
            if is_new:
                self._announced_until_ms = until_ms
            self._set_pause(max(self._paused_until_ms, until_ms))
            self._slots.clear()
        if is_new:
            self.on_pause(seconds, reason)

    def _take(self, wanted: int) -> int | None:
        """Return the next slot that is not missed; None without a rate."""
        with self._waiting_lock:
            self._waiting += wanted
        try:
            return self._next_slot()
        finally:
            with self._waiting_lock:
                self._waiting -= wanted

    def _next_slot(self) -> int | None:
        with self._lock:
            now_ms = self._now()
            while self._slots and self._slots[0] < now_ms - LATE_MS:
                self._slots.popleft()
            if not self._slots and (self._rate is not None or self._is_stale()):
                self._reserve()
            return self._slots.popleft() if self._slots else None

    def _reserve(self) -> None:
        self._refresh()
        if self._rate is None:
            return
        # One for each waiting request: an unused slot is lost for other processes, too.
        n = max(1, min(int(self._rate * AHEAD_S), self._waiting))
        # Rounded up, so that whole milliseconds do not add up to more than the rate.
        span_ms = -int(-(1000 + MARGIN_MS) * n // self._rate)
        with self._database.write() as connection:
            asked_s = self._monotonic()
            next_slot_ms, until_ms, now_ms = connection.execute(_NEXT_SLOT).one()
            self._now.learn(now_ms, asked_s)
            # Read the clock now: we may have waited for the database. Committing takes time, too.
            started_ms = self._now()
            self._set_known(until_ms)
            first_ms = max(started_ms + self._reserve_ms, self._pause_until_ms())
            if next_slot_ms - first_ms < MAX_RESERVED_SLOTS * span_ms // n:
                first_ms = max(first_ms, next_slot_ms)
            connection.execute(update(_row).where(_row.c.id == 1).values(next_slot_ms=first_ms + span_ms))
        self._reserve_ms = min(max(self._now() - started_ms, 0), 5000)
        self._slots.extend(first_ms + span_ms * i // n for i in range(n))

    def _is_stale(self, in_s: float = 0.0) -> bool:
        """Return whether what is known will be too old in some seconds."""
        return self._monotonic() + in_s - self._refreshed_s > self._max_age_s() or self._now.may_be_wrong()

    def _max_age_s(self) -> float:
        # Less than one answer would be too old as soon as it comes.
        return REFRESH_S + 2 * min(self._refresh_ms / 1000, MAX_ANSWER_S)

    def _refresh(self) -> None:
        started_ms = self._now()
        with self._database.read() as connection:
            asked_s = self._monotonic()
            self._rate, until_ms, now_ms = connection.execute(_KNOWN).one()
            self._now.learn(now_ms, asked_s)
        self._set_known(until_ms or 0)
        self._refresh_ms = min(max(self._now() - started_ms, 0), 5000)

    def _set_known(self, until_ms: int) -> None:
        """Remember the end of the pause. Ignore one that is longer than allowed: a clock was set back."""
        self._set_pause(until_ms if until_ms - self._now() <= MAX_REQUESTED_WAIT_S * 1000 else 0)
        self._refreshed_s = self._monotonic()

    def _set_pause(self, until_ms: int) -> None:
        if until_ms != self._paused_until_ms:
            self._paused_until_ms = until_ms
            self._pause_ends_s = self._monotonic() + (until_ms - self._now()) / 1000

    def _pause_until_ms(self) -> int:
        """Return the end of the pause. The monotonic clock decides if the database's clock was set back."""
        left_ms = math.ceil((self._pause_ends_s - self._monotonic()) * 1000)
        return min(self._paused_until_ms, self._now() + left_ms) if left_ms > 0 else 0
