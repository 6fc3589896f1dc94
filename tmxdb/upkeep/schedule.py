"""When `tmxdb watch` works next: pure functions of times, and the state that is kept in the database."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo

from sqlalchemy import Connection

from tmxdb.clock import span
from tmxdb.db.settings import remember, setting
from tmxdb.errors import InvalidInput
from tmxdb.process_identity import other_process, process_note

KEY = "watch"
RETRY_MS = 600_000
"""Wait before a round is repeated in which a step failed; it doubles with each failure in a row."""


@dataclass(frozen=True, slots=True)
class WatchState:
    """`due_ms`: when the next round begins. `since_ms`: when the last complete one began. `failures`: in a row.

    `schedule`: the text of the schedule that `due_ms` follows; None if an older version has stored it.
    """

    due_ms: int
    since_ms: int | None = None
    failures: int = 0
    schedule: str | None = None


@dataclass(frozen=True, slots=True)
class Schedule:
    """A round after each span, or at these times of the day (minutes)."""

    every_ms: int | None
    times: tuple[int, ...] = ()

    def __str__(self) -> str:
        if self.every_ms is not None:
            return f"every {span(self.every_ms / 1000)}"
        return f"at {', '.join(f'{minutes // 60:02}:{minutes % 60:02}' for minutes in sorted({*self.times}))}"

    def next_round(self, now_ms: int) -> int:
        """Return when the round after `now_ms` begins."""
        return next_round(now_ms, self.every_ms, self.times)

    def after(self, began_ms: int, ended_ms: int) -> int:
        """Return when the round after this one begins.

        A span is counted from the beginning: cron starts `watch --every 20h --once` each day, however long a round
        takes. The end is earlier than the beginning if the clock was set back.
        """
        if self.every_ms is None:
            return self.next_round(ended_ms)
        return max(self.next_round(min(began_ms, ended_ms)), ended_ms)


def rescheduled(state: WatchState, schedule: Schedule, now_ms: int) -> WatchState:
    """Return the state under `schedule`. Of another schedule, only a round that is overdue or has failed is kept."""
    following_ms = schedule.next_round(now_ms)
    is_kept = state.schedule == str(schedule) or state.due_ms <= now_ms or state.failures > 0
    if is_kept:
        due_ms = min(state.due_ms, following_ms)
    elif schedule.every_ms is not None and state.since_ms is not None:
        due_ms = min(state.since_ms + schedule.every_ms, following_ms)
    else:
        due_ms = following_ms
    return replace(state, due_ms=due_ms, schedule=str(schedule))


def next_round(now_ms: int, every_ms: int | None, times: Sequence[int], zone: tzinfo | None = None) -> int:
    """Return when the round after `now_ms` begins: after a span, or at the next of `times` (minutes of the day).

    Without a zone the times are those of this computer. On the day on which clocks go forward, a time that is left out
    is one hour later; on the day on which they go back, a time that is repeated counts once.
    """
    if every_ms is not None:
        return now_ms + every_ms
    now = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(zone)
    found = []
    for days in (0, 1, 2):
        day = (now + timedelta(days=days)).date()
        for minutes in times:
            at = datetime(day.year, day.month, day.day, minutes // 60, minutes % 60, tzinfo=zone)
            # Not `astimezone` for a time of this computer: one that is left out would become an hour earlier.
            found.append(round(at.timestamp() * 1000))
    return min(at for at in found if at > now_ms)


def after_round(state: WatchState, began_ms: int, ended_ms: int, following_ms: int, *, succeeded: bool) -> WatchState:
    """Return the state after a round. A failed one is repeated soon, and at the latest when the next one is due.

    It is not repeated at once, even if the next one is due already.
    """
    if succeeded:
        return WatchState(following_ms, began_ms, schedule=state.schedule)
    failures = state.failures + 1
    again_ms = ended_ms + RETRY_MS * 2 ** min(failures - 1, 10)
    due_ms = min(again_ms, following_ms) if following_ms > ended_ms else again_ms
    return replace(state, due_ms=due_ms, failures=failures)


def load(connection: Connection) -> WatchState | None:
    """Return the stored state, or None if the database was never watched."""
    stored = setting(connection, KEY)
    if stored is None:
        return None
    values = json.loads(stored)
    return WatchState(values["due_ms"], values["since_ms"], values["failures"], values.get("schedule"))


def save(connection: Connection, state: WatchState) -> None:
    """Store the state, and that this process watches."""
    remember(connection, KEY, json.dumps(asdict(state) | {"process": process_note()}))


def refuse_second(connection: Connection) -> None:
    """Raise InvalidInput while another process of this machine watches the database."""
    stored = setting(connection, KEY)
    pid = other_process(json.loads(stored).get("process") if stored else None)
    if pid is not None:
        raise InvalidInput(f"another `tmxdb watch` is running (process {pid}). Stop it first.", code="input.at_work")
