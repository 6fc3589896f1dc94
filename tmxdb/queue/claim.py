"""Claiming: one statement that picks rows, marks them as ours and hands them back."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Select, Update, bindparam, literal_column, select, update

from tmxdb.clock import iso
from tmxdb.queue.job import Job, Kind

# The status stands as a literal in the query: bound as a value, SQLite would not use the partial index.
PENDING = literal_column("'pending'")


def claim(connection: Connection, kind: Kind, *, worker: str, n: int, now_ms: int, lease_ms: int) -> list[Job]:
    """Up to `n` pending rows, the most urgent first, now running for `worker`; each is charged an attempt."""
    if n < 1:
        return []
    now = iso(now_ms)
    rows = connection.execute(
        claiming(kind, n, connection.dialect.name), {"worker": worker, "lease": iso(now_ms + lease_ms)}
    ).fetchall()
    needs = [column.name for column in kind.needs]
    jobs = [
        Job(kind.name, item_id, token, attempt, priority, now, dict(zip(needs, facts, strict=True)))
        for item_id, token, attempt, priority, *facts in rows
    ]
    return sorted(jobs, key=lambda job: (job.priority, job.item_id))  # RETURNING promises no order


def claiming(kind: Kind, n: int, dialect: str) -> Update:
    """The claim as a statement with the parameters `worker` and `lease`; tests look at its plan."""
    table, key = kind.table, kind.key
    picked = next_pending(kind, n)
    if dialect == "postgresql":
        # A row that another worker is claiming this moment is passed over instead of waited for. As a CTE,
        # because PostgreSQL may run an IN (SELECT … LIMIT) more than once and lock more than n rows.
        source: Any = select(picked.with_for_update(skip_locked=True).cte("picked").c[0])
    else:
        source = picked
    return (
        update(table)
        .where(key.in_(source))
        .values(
            status="running",
            claimed_by=bindparam("worker"),
            lease_until=bindparam("lease"),
            attempts=table.c.attempts + 1,
            claim_token=table.c.claim_token + 1,
        )
        .returning(key, table.c.claim_token, table.c.attempts, table.c.priority, *kind.needs)
    )


def next_pending(kind: Kind, n: int) -> Select[Any]:
    """The keys of the `n` most urgent pending rows: answered whole by the partial index, without a sort."""
    table, key = kind.table, kind.key
    return select(key).where(table.c.status == PENDING).order_by(table.c.priority, key).limit(n)
