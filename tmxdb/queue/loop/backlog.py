"""What may still come when nothing is claimable: a worker waits for it, or ends its run. Reads only."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from tmxdb.db.selected import Scope, is_selected
from tmxdb.db.tally import tallied
from tmxdb.queue.job import RETRY, RUNNING, Kind
from tmxdb.queue.rows.claim import first_pending
from tmxdb.queue.rows.recover import next_due


@dataclass(frozen=True, slots=True)
class Backlog:
    """What may still come when nothing is claimable.

    `pending`: rows that became pending since the last claim. `due`: when the first retry is due (ISO), `retrying`: how
    many rows wait for one. `held_by_others`: rows that other workers hold. `paused`: rows of paused kinds, which the
    other fields leave out.
    """

    pending: bool
    due: str | None
    retrying: int
    held_by_others: bool
    paused: bool


def read_backlog(
    connection: Connection, kinds: Iterable[Kind], *, worker: str, paused: Collection[str], selection: Scope | None
) -> Backlog:
    """Return what may still come for `worker`. `paused`: names of kinds. `selection`: count only rows of its tracks."""
    due: list[str] = []
    pending, retrying, held_by_others, some_paused = False, 0, False, False
    for kind in kinds:
        table = kind.table
        statement, parameters = first_pending(table, selection, 1)
        some = connection.execute(statement, parameters).first() is not None
        first = next_due(connection, kind, selection)
        if kind.name in paused:
            some_paused = some_paused or some or first is not None
        else:
            pending = pending or some
            if first is not None:
                due.append(first)
                retrying += _retrying(connection, kind, selection)
        query = select(kind.key).where(table.c.status == RUNNING, table.c.claimed_by != worker).limit(1)
        if selection is not None:
            query = query.where(is_selected(table, selection))
        held_by_others = held_by_others or connection.execute(query).first() is not None
    return Backlog(pending, min(due, default=None), retrying, held_by_others, some_paused)


def _retrying(connection: Connection, kind: Kind, selection: Scope | None) -> int:
    if selection is None:
        return tallied(connection, kind.name, "retry")
    waiting = (kind.table.c.status == RETRY, is_selected(kind.table, selection))
    return int(connection.execute(select(func.count()).select_from(kind.table).where(*waiting)).scalar_one())
