"""Groups of rows: at any time, one worker holds the rows of a group, and one of its threads works on them.

Captures of a track share files of the game, and a map that takes seconds to load. Such a kind names a column as its
`group`. The queue does not know which column, or why.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Column, Connection, Select, Table, exists, select, text

from tmxdb.db.advisory_lock import AdvisoryLock
from tmxdb.db.dialect import lock_for_transaction
from tmxdb.db.selected import NamedRows, Scope
from tmxdb.queue.job import PENDING, RUNNING, Job, Kind
from tmxdb.queue.rows.claim import claim, key_of, next_named, next_selected

MAX_GROUP_ROWS = 32
"""Most rows of a group to claim together. The next claim, of any worker, gets the rest."""


def group_of(kind: Kind) -> Column[Any] | None:
    """Return the group column of `kind`; None for most kinds."""
    column: Column[Any] | None = getattr(kind, "group", None)
    return column


def claim_groups(
    connection: Connection,
    kind: Kind,
    group: Column[Any],
    *,
    worker: str,
    groups: int,
    rows: int,
    now_ms: int,
    selection: Scope | None = None,
) -> list[Job]:
    """Claim up to `rows` rows of up to `groups` groups that no worker holds, the group of the most urgent row first.

    `selection`: only groups with rows of its tracks, or with rows that were named. The group column must be the track
    then.
    """
    # Without the lock, two workers could find the same group free.
    lock_for_transaction(connection, AdvisoryLock.GROUPS, kind.table.name)
    jobs: list[Job] = []
    while groups > 0 and len(jobs) < rows:
        groups -= 1
        if selection is None:
            found = connection.execute(next_group(kind.table, group)).first()
        elif isinstance(selection, NamedRows):
            parameters = {"n": 1, **selection.parameters()}
            found = connection.execute(next_named_group(kind.table, group, selection.column), parameters).first()
        else:
            found = connection.execute(next_selected_group(kind.table, group), {"selection": selection, "n": 1}).first()
        if found is None:
            break
        n = min(MAX_GROUP_ROWS, rows - len(jobs))
        jobs += claim(connection, kind, worker=worker, n=n, now_ms=now_ms, of_group=found[0], selection=selection)
    return jobs


@cache
def next_group(table: Table, group: Column[Any]) -> Select[Any]:
    """Select the group of the most urgent pending row whose group no worker holds. Tests check its query plan."""
    other = table.alias("other")
    is_held = exists().where(other.c[group.name] == group, other.c.status == RUNNING)
    return select(group).where(table.c.status == PENDING, ~is_held).order_by(table.c.priority, key_of(table)).limit(1)


@cache
def next_selected_group(table: Table, group: Column[Any]) -> Select[Any]:
    """Select the group of the first pending row of a selection whose group no worker holds."""
    is_held = text(
        f"NOT EXISTS (SELECT 1 FROM {table.name} AS other WHERE other.{group.name} = {table.name}.{group.name}"
        " AND other.status = 'running')"
    )
    return next_selected(table, group).where(is_held)


@cache
def next_named_group(table: Table, group: Column[Any], by: str) -> Select[Any]:
    """Select the group of a pending row that was named and whose group no worker holds."""
    other = table.alias("other")
    is_held = exists().where(other.c[group.name] == group, other.c.status == RUNNING)
    return next_named(table, by, group).where(~is_held)


class GroupSchedule:
    """Decides which thread may take which job: a group belongs to one thread until its jobs are done.

    Not thread-safe: the caller holds a lock.
    """

    def __init__(self, group: str) -> None:
        self._group = group
        self._busy: set[Any] = set()

    def take(self, inbox: deque[Job], previous: Job | None) -> Job | None:
        """Remove and return the next job for the thread that did `previous`. None if other threads own the rest."""
        own = None if previous is None else previous.row[self._group]
        if previous is not None:
            self._busy.discard(own)
        at = self._find(inbox, lambda group: previous is not None and group == own)
        at = self._find(inbox, lambda group: group not in self._busy) if at is None else at
        if at is None:
            return None
        job = inbox[at]
        del inbox[at]
        self._busy.add(job.row[self._group])
        return job

    def _find(self, inbox: Sequence[Job], matches: Any) -> int | None:
        return next((at for at, job in enumerate(inbox) if matches(job.row[self._group])), None)
