"""What a person does to rows by hand: leave them alone for good, or take them from workers that hold them.

Both fence what a worker may still hand in: a row that is not running, or runs under a later claim, takes no result.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Table, bindparam, func, insert, or_, select, update

from tmxdb.clock import iso
from tmxdb.db.models import Attempt, Worker, table_of
from tmxdb.queue.claim import key_of
from tmxdb.queue.job import LONGEST_ERROR, RUNNING

SKIPPED, RELEASED = "user.skipped", "user.released"
OPEN = ("pending", "running", "retry", "failed")
"""Statuses of rows that can be skipped: what is done stays done."""


def skippable(connection: Connection, table: Table, *conditions: Any) -> dict[str, int]:
    """How many rows `set_aside` would take, by status."""
    query = select(table.c.status, func.count()).where(table.c.status.in_(OPEN), *conditions)
    return dict(connection.execute(query.group_by(table.c.status)).fetchall())


def set_aside(connection: Connection, table: Table, *conditions: Any, reason: str, now_ms: int) -> int:
    """Rows that match `conditions` and are not done are skipped, running ones too; answers how many.

    `tmxdb retry --status skipped --code user.skipped` undoes it.
    """
    changed = connection.execute(
        update(table)
        .where(table.c.status.in_(OPEN), *conditions)
        .values(
            status="skipped",
            error_code=SKIPPED,
            error=reason[:LONGEST_ERROR],
            finished_at=iso(now_ms),
            available_at=None,
            claimed_by=None,
            lease_until=None,
        )
    )
    return changed.rowcount


def held(connection: Connection, table: Table, workers: Collection[str] | None) -> dict[str, int]:
    """How many rows each worker holds: of `workers` and of those that nobody knows; None: of all."""
    query = select(table.c.claimed_by, func.count()).where(*_held(table, workers)).group_by(table.c.claimed_by)
    return dict(connection.execute(query).fetchall())


def take_back(connection: Connection, kind: str, table: Table, workers: Collection[str] | None, now_ms: int) -> int:
    """The rows that `held` counts are pending as if they had never been claimed: no attempt is charged, nobody is
    blamed. The books keep who had them. Answers how many rows."""
    key = key_of(table)
    query = select(key, table.c.attempts, table.c.claimed_by).where(*_held(table, workers)).order_by(key)
    if connection.dialect.name == "postgresql":  # a worker may be settling some this moment
        query = query.with_for_update(key_share=True)
    rows = connection.execute(query).fetchall()
    if not rows:
        return 0
    back = update(table).where(key == bindparam("held_key")).values(
        status="pending", attempts=bindparam("uncharged"), claimed_by=None, lease_until=None
    )  # fmt: skip
    connection.execute(back, [{"held_key": row[0], "uncharged": max(row[1] - 1, 0)} for row in rows])
    connection.execute(insert(table_of(Attempt)), [_book(kind, *row, now_ms) for row in rows])
    return len(rows)


def _held(table: Table, workers: Collection[str] | None) -> list[Any]:
    if workers is None:
        return [table.c.status == RUNNING]
    unknown = table.c.claimed_by.not_in(select(Worker.worker_id))
    return [table.c.status == RUNNING, or_(table.c.claimed_by.in_(list(workers)), unknown)]


def _book(kind: str, item_id: int, attempt: int, worker: str, now_ms: int) -> dict[str, Any]:
    return {
        "kind": kind,
        "item_id": item_id,
        "attempt": attempt,
        "worker": worker,
        "started_at": None,
        "ended_at": iso(now_ms),
        "outcome": "lost",
        "error_code": RELEASED,
        "error": f"{kind} {item_id} was taken from worker {worker} with `tmxdb release`.",
    }
