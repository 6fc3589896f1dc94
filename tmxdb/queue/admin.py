"""What a person does to rows: skip them, or release them from the workers that hold them.

Late results of those workers are dropped: only a row that is running under the same claim accepts a result.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Table, bindparam, func, insert, or_, select, update

from tmxdb.clock import iso
from tmxdb.db.dialect import engine_name, locking, update_where
from tmxdb.db.models import AttemptRow, WorkerRow, table_of
from tmxdb.queue.job import RUNNING, error_text
from tmxdb.queue.rows.claim import key_of
from tmxdb.queue.rows.recover import lost_attempt
from tmxdb.queue.rows.settle import USER_SKIPPED
from tmxdb.storage import id_name

RELEASED = "user.released"
OPEN = ("pending", "running", "retry", "failed")
"""Statuses of rows that can be skipped. Rows that are done stay done."""


def count_skippable(connection: Connection, table: Table, *conditions: Any) -> dict[str, int]:
    """Return how many rows `skip_rows` would skip, by status."""
    query = select(table.c.status, func.count()).where(table.c.status.in_(OPEN), *conditions)
    return dict(connection.execute(query.group_by(table.c.status)).fetchall())


def skip_rows(connection: Connection, table: Table, *conditions: Any, reason: str, now_ms: int) -> int:
    """Skip all rows that match `conditions` and are not done, also running ones. Return how many.

    They stay skipped until `tmxdb retry --status skipped --code user.skipped`.
    """
    changed = connection.execute(
        update_where(table, engine_name(connection), table.c.status.in_(OPEN), *conditions).values(
            status="skipped",
            error_code=USER_SKIPPED,
            error=error_text(reason),
            finished_at=iso(now_ms),
            available_at=None,
            claimed_by=None,
        )
    )
    return changed.rowcount


def count_held(connection: Connection, table: Table, workers: Collection[str] | None) -> dict[str, int]:
    """Return how many rows each worker holds: of `workers` and unregistered workers, or (None) of all workers."""
    query = select(table.c.claimed_by, func.count()).where(*_held(table, workers)).group_by(table.c.claimed_by)
    return dict(connection.execute(query).fetchall())


def release_rows(connection: Connection, kind: str, table: Table, workers: Collection[str] | None, now_ms: int) -> int:
    """Make the rows that `count_held` counts pending, without charging an attempt. Return how many.

    The table `attempts` records which worker had each row.
    """
    key = key_of(table)
    query = select(key, table.c.attempts, table.c.claimed_by).where(*_held(table, workers)).order_by(key)
    rows = connection.execute(locking(query)).fetchall()  # a worker may be settling some at this moment
    if not rows:
        return 0
    back = update(table).where(key == bindparam("released_key")).values(
        status="pending", attempts=bindparam("uncharged"), claimed_by=None
    )  # fmt: skip
    connection.execute(back, [{"released_key": row[0], "uncharged": max(row[1] - 1, 0)} for row in rows])
    attempts = []
    for item_id, attempt, worker in rows:
        message = f"{kind} {id_name(item_id)} was released from worker {worker} with `tmxdb release`."
        attempts.append(lost_attempt(kind, item_id, attempt, worker, code=RELEASED, message=message, now_ms=now_ms))
    connection.execute(insert(table_of(AttemptRow)), attempts)
    return len(rows)


def _held(table: Table, workers: Collection[str] | None) -> list[Any]:
    if workers is None:
        return [table.c.status == RUNNING]
    unknown = table.c.claimed_by.not_in(select(WorkerRow.worker_id))
    return [table.c.status == RUNNING, or_(table.c.claimed_by.in_(list(workers)), unknown)]
