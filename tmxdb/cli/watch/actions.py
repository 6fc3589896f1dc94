"""What the keys of `tmxdb status --watch` do to the database. Each opens it for writing and closes it again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tmxdb.cli.shared.output import plural
from tmxdb.errors import TmxdbError

if TYPE_CHECKING:
    from tmxdb.db.database import Database


@dataclass(frozen=True, slots=True)
class KeyAction:
    """`question`: what to ask before it is done; None for what can be undone at once."""

    do: Callable[[Database], str]
    question: str | None = None


def pause_all(database: Database) -> str:
    """Pause every kind until it is resumed."""
    from tmxdb.db.database_clock import time_of
    from tmxdb.queue.pauses import ALL, pause

    with database.write() as connection:
        pause(connection, ALL, until_ms=None, reason="paused in status --watch", now_ms=time_of(connection))
    return "Paused: no worker starts another job. r resumes."


def resume_all(database: Database) -> str:
    """End every pause."""
    from tmxdb.db.database_clock import time_of
    from tmxdb.queue.pauses import ALL, resume

    with database.write() as connection:
        resume(connection, ALL, time_of(connection))
    return "Resumed."


def retry_failed(database: Database) -> str:
    """Make every failed row pending again."""
    from tmxdb.db.models import JOBS
    from tmxdb.queue.rows.settle import reopen

    total = 0
    for table in JOBS.values():
        with database.write() as connection:
            total += reopen(connection, table, table.c.status == "failed")
    return f"{plural(total, 'failed row')} {'is' if total == 1 else 'are'} pending again."


ACTIONS = {
    "p": KeyAction(pause_all),
    "r": KeyAction(resume_all),
    "f": KeyAction(retry_failed, "Try every failed row again? y or n"),
}


def perform(action: KeyAction, location: str) -> str:
    """Do `action` on the database at `location`; return what it did, or why it could not."""
    from tmxdb.db.database import Database

    database = Database(location)
    try:
        return action.do(database)
    except TmxdbError as error:
        return f"Error: {error}"
    finally:
        database.close()
