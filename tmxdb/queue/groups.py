"""Kinds whose rows belong together: a group is claimed by one worker at a time, and done by one thread of it.

Captures of a track share files of the game, and a map that takes seconds to load. A kind says so by naming a column as
its `group`; the queue does not know which or why. No two workers ever hold rows of the same group at once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Column, Connection, Select, Table, exists, func, select

from tmxdb.queue.claim import claim, key_of
from tmxdb.queue.job import PENDING, RUNNING, Job, Kind

ROWS = 32
"""At most so many rows of a group are claimed together; what is left is for whoever comes next."""
_LOCK = 0x746D7864
"""Of all advisory locks of the database, those of tmxdb's groups: "tmxd"."""


def group_of(kind: Kind) -> Column[Any] | None:
    """The column that a kind names as its group; None for most."""
    column: Column[Any] | None = getattr(kind, "group", None)
    return column


def claim_groups(
    connection: Connection, kind: Kind, group: Column[Any], *, worker: str, groups: int, rows: int, now_ms: int,
    lease_ms: int,
) -> list[Job]:  # fmt: skip
    """Rows of up to `groups` groups that nobody holds, the group of the most urgent row first; up to `rows` in all."""
    if connection.dialect.name == "postgresql":
        # Of two that look at the same moment, both would find the group free; SQLite has one writer anyway.
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK, func.hashtext(kind.table.name))))
    jobs: list[Job] = []
    while groups > 0 and len(jobs) < rows:
        groups -= 1
        found = connection.execute(next_group(kind.table, group)).first()
        if found is None:
            break
        n = min(ROWS, rows - len(jobs))
        jobs += claim(connection, kind, worker=worker, n=n, now_ms=now_ms, lease_ms=lease_ms, of_group=found[0])
    return jobs


@cache
def next_group(table: Table, group: Column[Any]) -> Select[Any]:
    """The group of the most urgent pending row whose group nobody holds; tests look at its plan."""
    other = table.alias("other")
    is_held = exists().where(other.c[group.name] == group, other.c.status == RUNNING)
    return select(group).where(table.c.status == PENDING, ~is_held).order_by(table.c.priority, key_of(table)).limit(1)


class Turns:
    """Which thread of a crew may take which job: one group is one thread's, which stays with it while it lasts.

    Not thread-safe: the crew has a lock around it.
    """

    def __init__(self, group: str) -> None:
        self._group = group
        self._busy: set[Any] = set()

    def take(self, inbox: deque[Job], last: Job | None) -> Job | None:
        """The next job for the thread that has just done `last`; None: the others are at what there is."""
        mine = None if last is None else last.row[self._group]
        if last is not None:
            self._busy.discard(mine)
        at = self._find(inbox, lambda group: last is not None and group == mine)
        at = self._find(inbox, lambda group: group not in self._busy) if at is None else at
        if at is None:
            return None
        job = inbox[at]
        del inbox[at]
        self._busy.add(job.row[self._group])
        return job

    def _find(self, inbox: Sequence[Job], fits: Any) -> int | None:
        return next((at for at, job in enumerate(inbox) if fits(job.row[self._group])), None)
