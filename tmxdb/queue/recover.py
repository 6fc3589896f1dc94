"""Rows that come back by themselves: retries that are due, and rows whose worker is gone.

No daemon does this: every worker looks, about once a second, before it claims.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, or_, select, update

from tmxdb.clock import iso
from tmxdb.db.models import Attempt, Worker, table_of
from tmxdb.queue.job import RETRY, RUNNING, Kind

DEADLY = 3
"""A row whose workers died this often in a row is not given to a fourth: it may be what kills them."""


@dataclass(frozen=True, slots=True)
class Recovered:
    """How many rows are pending again, and how many were given up because their workers always die."""

    due: int = 0
    lost: int = 0
    deadly: int = 0


def recover(connection: Connection, kind: Kind, *, dead: list[str], now_ms: int) -> Recovered:
    """Make due retries and lost rows of `kind` pending again.

    `dead`: workers that are gone. Rows of workers that nobody knows are lost as well.
    """
    due = promote_due(connection, kind, now_ms)
    table = kind.table
    lost = connection.execute(
        select(kind.key, table.c.attempts, table.c.claimed_by, table.c.claim_token).where(
            table.c.status == RUNNING,
            or_(table.c.claimed_by.in_(dead), table.c.claimed_by.not_in(select(Worker.worker_id))),
        )
    ).fetchall()
    if not lost:
        return Recovered(due=due)
    deaths = _deaths(connection, kind, [row[0] for row in lost])
    back, given_up, books = [], [], []
    for item_id, attempts, worker, token in lost:
        message = f"{kind.name} {item_id} was taken back from worker {worker}, which is gone."
        books.append(_lost_attempt(kind.name, item_id, attempts, worker, message, now_ms))
        change = {"lost_key": item_id, "lost_token": token, "attempts": max(attempts - 1, 0)}
        if deaths.get(item_id, 0) + 1 < DEADLY:
            back.append(change)
        else:
            given_up.append(
                {**change, "error": f"{message} {DEADLY} workers were lost on it; `tmxdb retry` tries it again."}
            )
    ours = (kind.key == bindparam("lost_key"), table.c.claim_token == bindparam("lost_token"))
    free: dict[str, Any] = {"claimed_by": None, "lease_until": None, "attempts": bindparam("attempts")}
    if back:
        connection.execute(update(table).where(*ours).values(status="pending", **free), back)
    if given_up:
        failed: dict[str, Any] = {"status": "failed", "error_code": "worker.died", "finished_at": iso(now_ms)}
        connection.execute(update(table).where(*ours).values(error=bindparam("error"), **failed, **free), given_up)
    connection.execute(insert(table_of(Attempt)), books)
    return Recovered(due, len(back), len(given_up))


def promote_due(connection: Connection, kind: Kind, now_ms: int) -> int:
    """Rows in `retry` whose time has come are pending again; answers how many."""
    table = kind.table
    result = connection.execute(
        update(table)
        .where(table.c.status == RETRY, table.c.available_at <= iso(now_ms))
        .values(status="pending", available_at=None)
    )
    return result.rowcount


def next_due(connection: Connection, kind: Kind) -> str | None:
    """When the first row in `retry` may run again; None if there is none."""
    table = kind.table
    return connection.execute(select(func.min(table.c.available_at)).where(table.c.status == RETRY)).scalar()


def _deaths(connection: Connection, kind: Kind, item_ids: list[int]) -> dict[int, int]:
    books = table_of(Attempt).c
    counted = (
        select(books.item_id, func.count())
        .where(books.kind == kind.name, books.item_id.in_(item_ids), books.error_code == "worker.died")
        .group_by(books.item_id)
    )
    return dict(connection.execute(counted).tuples().all())


def _lost_attempt(kind: str, item_id: int, attempt: int, worker: str, message: str, now_ms: int) -> dict[str, Any]:
    return {
        "kind": kind,
        "item_id": item_id,
        "attempt": attempt,
        "worker": worker,
        "started_at": None,
        "ended_at": iso(now_ms),
        "outcome": "lost",
        "error_code": "worker.died",
        "error": message,
    }
