"""Rows that become pending by themselves: due retries, and rows of lost workers.

There is no daemon for this. Each worker does it about once a second, before it claims.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, Protocol

from sqlalchemy import Column, Connection, Table, or_, select, update

from tmxdb.clock import from_iso, iso
from tmxdb.db.bulk import KEY, execute_many, inserting, updating
from tmxdb.db.dialect import engine_name, locking, picking, update_where
from tmxdb.db.models import JOBS, AttemptRow, WorkerRow, table_of
from tmxdb.db.selected import Scope, is_selected
from tmxdb.failure_policy import escalate_after
from tmxdb.queue.backoff import MAX_REQUESTED_WAIT_S
from tmxdb.queue.job import RETRY, RUNNING, Kind
from tmxdb.storage import id_name

DIED = "worker.died"
SUSPECT_LOSSES = 2
"""After this many losses a row is retried apart from others, see `recover`."""
MAX_LOSSES = escalate_after(DIED)
"""After this many losses a row is no longer worked on: the next worker only looks for its complete file.

With five, 210 random kills of four processes (`bench/crash.py`) gave up 4 of 5,861 innocent rows: urgent rows are begun
first after each kill, and so hit repeatedly.
"""
LOSS_MEMORY_MS = 3_600_000
"""A loss counts only if the one before was less than this ago."""
SUSPECT_DELAY_MS = 250
DUE_PER_CYCLE = 5000
"""Most retries to make pending in one transaction. 100,000 take a second, and other processes wait meanwhile."""
_workers = table_of(WorkerRow)


@dataclass(frozen=True, slots=True)
class Recovered:
    """How many rows are pending again (due retries, rows of lost workers), and how many were given up."""

    due: int = 0
    lost: int = 0
    given_up: int = 0


class RowsOfKind(Protocol):
    """The table of a kind of work; a `Kind` is one, and so is a `KindTable`."""

    @property
    def name(self) -> str:
        """Name of the kind."""

    @property
    def table(self) -> Table:
        """Table with its rows."""

    @property
    def key(self) -> Column[Any]:
        """Column that identifies a row."""


@dataclass(frozen=True, slots=True)
class KindTable:
    """The table of a kind that this worker does not work on."""

    name: str
    table: Table
    key: Column[Any]


def other_tables(kinds: Collection[str]) -> list[KindTable]:
    """Return the tables of all kinds but `kinds`."""
    return [KindTable(name, table, next(iter(table.primary_key))) for name, table in JOBS.items() if name not in kinds]


def recover(connection: Connection, kind: RowsOfKind, *, lost_workers: list[str], now_ms: int) -> Recovered:
    """Make due retries of `kind` pending, and its rows as `recover_lost` does."""
    due = promote_due(connection, kind, now_ms)
    return replace(recover_lost(connection, kind, lost_workers=lost_workers, now_ms=now_ms), due=due)


def recover_lost(connection: Connection, kind: RowsOfKind, *, lost_workers: list[str], now_ms: int) -> Recovered:
    """Make the rows of `kind` that `lost_workers` and unregistered workers hold pending.

    Which rows a worker had begun is in its row of `workers`: recover its rows of all kinds before it is unregistered.

    A row that a lost worker held is rarely the reason for its end: people and power cuts end workers too. A row is
    blamed only if work on it had begun, as the worker's row says, and losses are forgotten with time. Blamed or not, it
    is pending again immediately. From the second loss in a row it is retried a little apart from the others, so
    that a row that does kill workers takes fewer and fewer other rows with it.
    """
    table, engine = kind.table, engine_name(connection)
    # Without ORDER BY: for that, SQLite would scan the whole table in its order, once a second.
    found = select(
        kind.key, table.c.priority, table.c.attempts, table.c.losses, table.c.lost_at, table.c.claimed_by
    ).where(
        table.c.status == RUNNING,
        or_(table.c.claimed_by.in_(lost_workers), table.c.claimed_by.not_in(select(_workers.c.worker_id))),
    )
    # Another worker may be recovering the same rows right now.
    lost = connection.execute(locking(found, skip_locked=True)).fetchall()
    if not lost:
        return Recovered()
    begun = _begun(connection, kind.name, lost_workers)
    changes, attempts, apart, given_up = [], [], 0, 0
    for item_id, _, attempt, losses, lost_at, worker in sorted(lost, key=lambda row: (row.priority, row[0])):
        is_blamed = (worker, item_id) in begun
        message = f"{kind.name} {id_name(item_id)} was recovered from worker {worker}."
        attempts.append(lost_attempt(kind.name, item_id, attempt, worker, code=DIED, message=message, now_ms=now_ms))
        change = {KEY: item_id, "claimed_by": None, "attempts": max(attempt - 1, 0), "status": "pending"}
        if is_blamed:
            losses = (0 if lost_at is None or now_ms - from_iso(lost_at) > LOSS_MEMORY_MS else losses) + 1
            change |= {"losses": losses, "lost_at": iso(now_ms)}
        if is_blamed and losses > MAX_LOSSES:
            given_up += 1
            change |= {"status": "failed", "finished_at": iso(now_ms), "error_code": DIED}
            change["error"] = given_up_message(kind.name, item_id, losses)
        elif is_blamed and losses >= SUSPECT_LOSSES:
            apart += 1
            due_at = iso(now_ms + apart * SUSPECT_DELAY_MS)
            change |= {"status": "retry", "available_at": due_at, "error_code": DIED, "error": message}
        changes.append(change)
    for names, rows in groupby(sorted(changes, key=_names), key=_names):
        execute_many(connection, updating(table, names, engine), list(rows))
    execute_many(connection, inserting(table_of(AttemptRow), tuple(attempts[0]), engine), attempts)
    return Recovered(lost=len(lost) - given_up, given_up=given_up)


def given_up_message(kind: str, item_id: int, losses: int) -> str:
    """Return the error of a row that is given up."""
    return (
        f"{kind} {id_name(item_id)}: {losses} workers died one after another while working on it."
        " `tmxdb retry` tries it again."
    )


def promote_due(connection: Connection, kind: RowsOfKind, now_ms: int) -> int:
    """Make up to DUE_PER_CYCLE rows in `retry` that are due pending. Return how many."""
    table = kind.table
    due = (
        select(kind.key)
        .where(table.c.status == RETRY, table.c.available_at <= iso(now_ms))
        .order_by(table.c.available_at)
        .limit(DUE_PER_CYCLE)
    )
    due = picking(due, engine_name(connection), table)
    result = connection.execute(update(table).where(kind.key.in_(due)).values(status="pending", available_at=None))
    return result.rowcount


def promote_far(connection: Connection, kind: Kind, now_ms: int) -> int:
    """Make rows in `retry` pending that would wait for longer than any wait allowed. Return how many.

    A clock was ahead when they were written, and has been corrected since.
    """
    table, far = kind.table, iso(now_ms + round((MAX_REQUESTED_WAIT_S + 3600) * 1000))
    result = connection.execute(
        update_where(table, engine_name(connection), table.c.status == RETRY, table.c.available_at > far).values(
            status="pending", available_at=None
        )
    )
    return result.rowcount


def next_due(connection: Connection, kind: Kind, selection: Scope | None = None) -> str | None:
    """Return when the first row in `retry` (of `selection`) is due (ISO 8601), or None without such rows."""
    table = kind.table
    due = select(table.c.available_at).where(table.c.status == RETRY).order_by(table.c.available_at).limit(1)
    if selection is not None:
        due = due.where(is_selected(table, selection))
    return connection.execute(due).scalar()


def lost_attempt(
    kind: str, item_id: int, attempt: int, worker: str, *, code: str, message: str, now_ms: int
) -> dict[str, Any]:
    """Return the row of `attempts` for a claim that a worker lost."""
    return {
        "kind": kind,
        "item_id": item_id,
        "attempt": attempt,
        "worker": worker,
        "started_at": None,
        "ended_at": iso(now_ms),
        "outcome": "lost",
        "error_code": code,
        "error": message,
    }


def _begun(connection: Connection, kind: str, workers: Sequence[str]) -> set[tuple[str, int]]:
    """Return (worker, key) of each row of `kind` that one of `workers` was working on."""
    rows = connection.execute(select(_workers.c.worker_id, _workers.c.begun).where(_workers.c.worker_id.in_(workers)))
    return {(worker, item_id) for worker, begun in rows for item_id in json.loads(begun).get(kind, ())}


def _names(change: dict[str, Any]) -> tuple[str, ...]:
    return tuple(change)
