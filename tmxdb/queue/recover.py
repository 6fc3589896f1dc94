"""Rows that come back by themselves: retries that are due, and rows whose worker is gone.

No daemon does this: every worker looks, about once a second, before it claims.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, or_, select, update

from tmxdb.clock import iso
from tmxdb.db.models import Attempt, Worker, table_of
from tmxdb.queue.backoff import LONGEST_ASKED_S
from tmxdb.queue.job import RETRY, RUNNING, Kind
from tmxdb.retrying import in_a_row

DIED = "worker.died"
SUSPECT = 2
"""A row on which so many workers died, one after the other, comes back apart from others: see `recover`."""
DEADLY = in_a_row(DIED)
"""And after so many it is given up: it is what kills them.

With five, 210 random kills of four processes (`bench/crash.py`) gave up 4 of 5,861 rows that had done no harm: what is
urgent is begun first after each kill, and so hit again and again.
"""
APART_MS = 250
DUE_AT_ONCE = 5000
"""Retries that become due in one transaction: others want to write, too, and 100,000 take a second."""
USUAL_N = 16
"""How many jobs a worker had begun, where that is not known any more."""
_workers = table_of(Worker)


@dataclass(frozen=True, slots=True)
class Recovered:
    """How many rows are pending again, and how many were given up because their workers always die."""

    due: int = 0
    lost: int = 0
    deadly: int = 0


def recover(connection: Connection, kind: Kind, *, dead: list[str], now_ms: int) -> Recovered:
    """Make due retries and lost rows of `kind` pending again.

    `dead`: workers that are gone. Rows of workers that nobody knows are lost as well.

    A row that was held when its worker died is hardly ever the reason: most were only claimed ahead, and people and
    power cuts kill workers too. So only as many are blamed as the worker did at once, the most urgent ones, for
    they are begun first; and a row comes back at once. When it is blamed the second time in a row it comes back a
    little apart from the others, so that the one row that does kill workers takes ever fewer with it, until it is
    given up.
    """
    due = promote_due(connection, kind, now_ms)
    table = kind.table
    # No ORDER BY here: for that, SQLite would go through the whole table in its order, once a second.
    found = select(kind.key, table.c.priority, table.c.attempts, table.c.losses, table.c.claimed_by).where(
        table.c.status == RUNNING,
        or_(table.c.claimed_by.in_(dead), table.c.claimed_by.not_in(select(_workers.c.worker_id))),
    )
    if connection.dialect.name == "postgresql":  # another worker may be taking the same rows back this moment
        found = found.with_for_update(skip_locked=True, key_share=True)
    lost = connection.execute(found).fetchall()
    if not lost:
        return Recovered(due=due)
    begun: dict[str, int] = dict(connection.execute(select(_workers.c.worker_id, _workers.c.n)).fetchall())
    changes, books, apart, given_up = [], [], 0, 0
    for item_id, _, attempts, losses, worker in sorted(lost, key=lambda row: (row.priority, row[0])):
        begun[worker] = begun.get(worker, USUAL_N) - 1
        blamed = int(begun[worker] >= 0)
        message = f"{kind.name} {item_id} was taken back from worker {worker}, which is gone."
        books.append(_lost_attempt(kind.name, item_id, attempts, worker, message, now_ms))
        change: dict[str, Any] = {
            "lost_key": item_id,
            "attempts": max(attempts - 1, 0),
            "losses": losses + blamed,
            "status": "pending",
        }
        if blamed and losses + 1 >= DEADLY:
            given_up += 1
            message = f"{message} {losses + 1} workers died on it, one after the other; `tmxdb retry` tries it again."
            change |= {"status": "failed", "finished_at": iso(now_ms), "error_code": DIED, "error": message}
        elif blamed and losses + 1 >= SUSPECT:
            apart += 1
            due_at = iso(now_ms + apart * APART_MS)
            change |= {"status": "retry", "available_at": due_at, "error_code": DIED, "error": message}
        changes.append(change)
    for names, rows in groupby(sorted(changes, key=_names), key=_names):
        values: dict[str, Any] = {name: bindparam(name) for name in names if name != "lost_key"}
        statement = update(table).where(kind.key == bindparam("lost_key")).values(claimed_by=None, lease_until=None)
        connection.execute(statement.values(values), list(rows))
    connection.execute(insert(table_of(Attempt)), books)
    return Recovered(due, len(lost) - given_up, given_up)


def promote_due(connection: Connection, kind: Kind, now_ms: int) -> int:
    """Rows in `retry` whose time has come are pending again, DUE_AT_ONCE at most; answers how many."""
    table = kind.table
    due = (
        select(kind.key)
        .where(table.c.status == RETRY, table.c.available_at <= iso(now_ms))
        .order_by(table.c.available_at)
        .limit(DUE_AT_ONCE)
    )
    if connection.dialect.name == "postgresql":  # as in claim.py
        due = select(due.with_for_update(skip_locked=True, key_share=True).cte("due").c[0])
    result = connection.execute(update(table).where(kind.key.in_(due)).values(status="pending", available_at=None))
    return result.rowcount


def promote_far(connection: Connection, kind: Kind, now_ms: int) -> int:
    """Rows in `retry` that would wait longer than anybody can ask for are pending again: a clock was ahead when
    they were written, and was set right since. Answers how many."""
    table, far = kind.table, iso(now_ms + round((LONGEST_ASKED_S + 3600) * 1000))
    result = connection.execute(
        update(table)
        .where(table.c.status == RETRY, table.c.available_at > far)
        .values(status="pending", available_at=None)
    )
    return result.rowcount


def next_due(connection: Connection, kind: Kind) -> str | None:
    """When the first row in `retry` may run again; None if there is none."""
    table = kind.table
    return connection.execute(select(func.min(table.c.available_at)).where(table.c.status == RETRY)).scalar()


def _names(change: dict[str, Any]) -> tuple[str, ...]:
    return tuple(change)


def _lost_attempt(kind: str, item_id: int, attempt: int, worker: str, message: str, now_ms: int) -> dict[str, Any]:
    return {
        "kind": kind,
        "item_id": item_id,
        "attempt": attempt,
        "worker": worker,
        "started_at": None,
        "ended_at": iso(now_ms),
        "outcome": "lost",
        "error_code": DIED,
        "error": message,
    }
