"""The clock of a database: the server's on PostgreSQL, this machine's on SQLite.

Times that workers of several machines compare (turns, pauses, retries, leases) must be of one clock, because the clocks
of machines disagree. `time_of` serves a command, a `DatabaseClock` what runs for longer.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from sqlalchemy import Connection, select

from tmxdb.clock import Clock, wall_clock
from tmxdb.db.dialect import is_postgresql, server_ms

MAX_AGE_S = 1.0
"""For how long `DatabaseClock.read` computes the time from the last answer of the server."""
MAX_JUMP_S = 1.0
"""If the wall clock and the monotonic clock of this machine differ by more since then, it was suspended or set."""
_NOW = select(server_ms())


def time_of(connection: Connection, clock: Clock = wall_clock) -> int:
    """Return the time of the database in ms since 1970. `clock`: that of this machine."""
    return int(connection.execute(_NOW).scalar_one()) if is_postgresql(connection) else clock()


class DatabaseClock:
    """Returns the time of the database when called. Between two answers of the server, the monotonic clock counts.

    An answer can come with any statement: select `server_ms()` with it, and pass its value to `learn`. It was right at
    some moment between sending and receiving. The estimate changes only if an answer shows that it is wrong, so a late
    answer does not set it back. Before the first answer the time is that of `clock`. Thread-safe.
    """

    def __init__(self, clock: Clock = wall_clock, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._monotonic = clock, monotonic
        self._ahead_ms: float | None = None  # of the monotonic clock
        self._learned = (float("-inf"), 0)  # when, by the two clocks of this machine

    def __call__(self) -> int:
        """Return the time of the database in ms since 1970."""
        ahead_ms = self._ahead_ms
        return self._clock() if ahead_ms is None else round(self._monotonic() * 1000 + ahead_ms)

    def read(self, connection: Connection) -> int:
        """Return the same. Ask the server if its last answer is old."""
        is_old = self._monotonic() - self._learned[0] > MAX_AGE_S or self.may_be_wrong()
        if is_old and is_postgresql(connection):
            asked_s = self._monotonic()
            self.learn(connection.execute(_NOW).scalar(), asked_s)
        return self()

    def learn(self, now_ms: int | None, asked_s: float) -> None:
        """Learn an answer that has just come: the value of `server_ms()`. `asked_s`: when the statement was sent."""
        learned_s, _ = self._learned = (self._monotonic(), self._clock())
        if now_ms is None:
            return
        least_ms, most_ms = now_ms - learned_s * 1000, now_ms - asked_s * 1000
        known_ms = least_ms if self._ahead_ms is None else self._ahead_ms
        self._ahead_ms = min(max(known_ms, least_ms), most_ms)

    def may_be_wrong(self) -> bool:
        """Return whether this machine may have been suspended since. A monotonic clock may stop then."""
        if self._ahead_ms is None:
            return False
        learned_s, learned_ms = self._learned
        passed_s = self._monotonic() - learned_s
        return abs((self._clock() - learned_ms) / 1000 - passed_s) > MAX_JUMP_S
