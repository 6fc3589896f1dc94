"""What a person does from a web page: pause and resume kinds, try rows again, skip them, list a leaderboard again.

Each method returns what it did as one sentence. The commands of the same names also know selections
and --dry-run.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from sqlalchemy import Connection, Table

from tmxdb.clock import Clock, span, wall_clock
from tmxdb.db.database import Database
from tmxdb.db.database_clock import time_of
from tmxdb.db.migrate import ensure_current
from tmxdb.db.models import JOBS
from tmxdb.errors import InvalidInput
from tmxdb.formats import plural
from tmxdb.queue import pauses
from tmxdb.queue.admin import skip_rows
from tmxdb.queue.rows.claim import key_of
from tmxdb.queue.rows.settle import reopen
from tmxdb.storage import id_name


class Actions:
    """The actions on the database at a location. Thread-safe.

    Each opens it and closes it again: meanwhile the file may have been replaced, or a newer tmxdb may have upgraded it.
    """

    def __init__(self, location: str, clock: Clock = wall_clock) -> None:
        self._location, self._clock = location, clock

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        """Open a write transaction. Raise DatabaseError if the database is missing or not of the current revision."""
        with closing(Database(self._location)) as database:
            ensure_current(database)
            with database.write() as connection:
                yield connection

    def pause(self, kind: str, *, minutes: int | None, reason: str) -> str:
        """Stop workers from starting jobs of a kind, for some minutes or until it is resumed."""
        with self._write() as connection:
            now_ms = time_of(connection, self._clock)
            until_ms = None if minutes is None else now_ms + 60_000 * minutes
            pauses.pause(connection, kind, until_ms=until_ms, reason=reason or None, now_ms=now_ms)
        until = "until it is resumed" if minutes is None else f"for {span(60 * minutes)}"
        return f"{_kinds(kind)} paused {until}."

    def resume(self, kind: str) -> str:
        """Lift the pause of a kind; `all` lifts every pause."""
        with self._write() as connection:
            ended, remaining = pauses.resume(connection, kind, time_of(connection, self._clock))
        sentence = f"The pause of {', '.join(ended)} is lifted." if ended else f"{_kinds(kind)} not paused."
        return f"{sentence} But {remaining}." if remaining else sentence

    def retry(self, kind: str, *, status: str, code: str | None, item_id: int | None) -> str:
        """Make rows pending again that failed, were skipped or wait: one, or all with an error code."""
        table = JOBS[kind]
        with self._write() as connection:
            conditions = (table.c.status == status, *_chosen(table, code, item_id))
            n = reopen(connection, table, *conditions, user_skipped=True)
        return f"{kind}: {plural(n, 'row')} {'is' if n == 1 else 'are'} pending again."

    def skip(self, kind: str, *, code: str | None, item_id: int | None, reason: str) -> str:
        """Let workers leave rows alone: one, or all with an error code. Raise InvalidInput without a reason."""
        if not reason:
            raise InvalidInput(
                "Give a reason. It is kept in the rows, so that others know why.", code="input.parameter"
            )
        table = JOBS[kind]
        with self._write() as connection:
            conditions, now_ms = _chosen(table, code, item_id), time_of(connection, self._clock)
            n = skip_rows(connection, table, *conditions, reason=reason[: pauses.MAX_REASON], now_ms=now_ms)
        return f"{kind}: {plural(n, 'row')} skipped."

    def refresh(self, track_id: int) -> str:
        """Let a worker list the leaderboard of a track again. Raise InvalidInput for a local track."""
        if track_id < 0:
            raise InvalidInput("No exchange knows a local track: there is nothing to list.", code="input.parameter")
        table = JOBS["list"]
        with self._write() as connection:
            n = reopen(connection, table, table.c.track_id == track_id, user_skipped=True)
        return f"The leaderboard of track {id_name(track_id)} " + (
            "will be listed again by the next worker." if n else "is already waiting to be listed."
        )


def _chosen(table: Table, code: str | None, item_id: int | None) -> list[Any]:
    """Return the conditions on rows. Raise InvalidInput if nothing is named: that never means all rows."""
    conditions: list[Any] = []
    if item_id is not None:
        conditions.append(key_of(table) == item_id)
    if code:
        conditions.append(table.c.error_code == code)
    if not conditions:
        raise InvalidInput("Name a row or an error code.", code="input.parameter")
    return conditions


def _kinds(kind: str) -> str:
    return "All kinds are" if kind == pauses.ALL else f"{kind} is"
