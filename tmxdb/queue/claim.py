"""Claiming: one statement that picks rows, marks them as ours and hands them back."""

from __future__ import annotations

from functools import cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Column, Connection, Select, Table, Update, bindparam, literal_column, select, update
from sqlalchemy.sql.elements import NamedColumn

from tmxdb.clock import iso
from tmxdb.db.bulk import fetch
from tmxdb.queue.job import PENDING, Job, Kind


def claim(
    connection: Connection, kind: Kind, *, worker: str, n: int, now_ms: int, lease_ms: int, of_group: Any = None
) -> list[Job]:
    """Up to `n` pending rows, the most urgent first, now running for `worker`; each is charged an attempt.

    `of_group`: only rows with this value in the column that the kind names as its group (`groups.py`).
    """
    if n < 1:
        return []
    now = iso(now_ms)
    parameters = {"worker": worker, "lease": iso(now_ms + lease_ms), "n": n}
    group = None
    if of_group is not None:
        group, parameters["of_group"] = getattr(kind, "group", None), of_group
    statement = claiming(kind.table, kind.needs, connection.dialect.name, group)
    rows = fetch(connection, statement, parameters)
    needs = [column.name for column in kind.needs]
    return [
        Job(kind.name, item_id, token, attempt, priority, now, dict(zip(needs, facts, strict=True)))
        for priority, item_id, token, attempt, *facts in sorted(rows, key=_urgency)
    ]


_urgency = itemgetter(0, 1)
"""RETURNING promises no order: by priority and key."""


@cache
def claiming(
    table: Table, needs: tuple[NamedColumn[Any], ...], dialect: str, group: Column[Any] | None = None
) -> Update:
    """The claim as a statement with the parameters `worker`, `lease` and `n`; tests look at its plan.

    With `group` also `of_group`, the value in that column. Built once: building it costs more than running it.
    """
    key = key_of(table)
    source: Select[Any] = next_pending(table, group)
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
def next_pending(table: Table, group: Column[Any] | None = None) -> Select[Any]:
    """The keys of the `n` most urgent pending rows: answered whole by the partial index, without a sort.

    Those of one group are found by the group's index: among a million pending rows they are too far apart to be looked
    for in the order of all. The sum keeps SQLite from trying.
    """
    key = key_of(table)
    pending = select(key).where(table.c.status == PENDING)
    if group is None:
        pending = pending.order_by(table.c.priority, key)
    else:
        pending = pending.where(group == bindparam("of_group")).order_by(table.c.priority + literal_column("0"), key)
    return pending.limit(bindparam("n"))


def key_of(table: Table) -> Column[Any]:
    """The one column of a job table's primary key."""
    return table.primary_key.columns[0]
