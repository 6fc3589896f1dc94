"""Claiming: one statement that picks rows, marks them as ours and hands them back."""

from __future__ import annotations

from functools import cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Column, Connection, Select, Table, Update, bindparam, select, update
from sqlalchemy.sql.elements import NamedColumn

from tmxdb.clock import iso
from tmxdb.db.bulk import fetch
from tmxdb.queue.job import PENDING, Job, Kind


def claim(connection: Connection, kind: Kind, *, worker: str, n: int, now_ms: int, lease_ms: int) -> list[Job]:
    """Up to `n` pending rows, the most urgent first, now running for `worker`; each is charged an attempt."""
    if n < 1:
        return []
    now = iso(now_ms)
    statement = claiming(kind.table, kind.needs, connection.dialect.name)
    rows = fetch(connection, statement, {"worker": worker, "lease": iso(now_ms + lease_ms), "n": n})
    needs = [column.name for column in kind.needs]
    return [
        Job(kind.name, item_id, token, attempt, priority, now, dict(zip(needs, facts, strict=True)))
        for priority, item_id, token, attempt, *facts in sorted(rows, key=_urgency)
    ]


_urgency = itemgetter(0, 1)
"""RETURNING promises no order: by priority and key."""


@cache
def claiming(table: Table, needs: tuple[NamedColumn[Any], ...], dialect: str) -> Update:
    """The claim as a statement with the parameters `worker`, `lease` and `n`; tests look at its plan.

    Built once: building it costs more than running it.
    """
    key = key_of(table)
    source: Select[Any] = next_pending(table)
    if dialect == "postgresql":
        # A row that another worker is claiming this moment is passed over instead of waited for. As a CTE,
        # because PostgreSQL may run an IN (SELECT … LIMIT) more than once and lock more than n rows.
        source = select(source.with_for_update(skip_locked=True, key_share=True).cte("picked").c[0])
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
        .returning(table.c.priority, key, table.c.claim_token, table.c.attempts, *needs)
    )


@cache
def next_pending(table: Table) -> Select[Any]:
    """The keys of the `n` most urgent pending rows: answered whole by the partial index, without a sort."""
    key = key_of(table)
    return select(key).where(table.c.status == PENDING).order_by(table.c.priority, key).limit(bindparam("n"))


def key_of(table: Table) -> Column[Any]:
    """The one column of a job table's primary key."""
    return table.primary_key.columns[0]
