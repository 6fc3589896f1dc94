"""Settling: outcomes become statuses, in one transaction for many jobs; also the only way back to `pending`.

A job is settled only if its row still carries the token of our claim. A worker that slept past its lease
finds another token there: its late result is dropped, and the caller is told.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, Table, Update, bindparam, insert, select, update

from tmxdb.clock import iso
from tmxdb.db.bulk import NewRows, among, execute_many, fetch, packed, upsert
from tmxdb.db.models import Attempt, table_of
from tmxdb.queue.backoff import backoff_s
from tmxdb.queue.claim import key_of
from tmxdb.queue.job import LONGEST_ERROR, RUNNING, Done, Fail, Job, Kind, Outcome, Retry, Skip, Snooze
from tmxdb.retrying import Then, rule_of

KEY = "settled_key"
_NOT_CLAIMED = {"claimed_by": None, "lease_until": None}
_SURVIVED = {**_NOT_CLAIMED, "losses": 0}  # whatever came of it, no worker died
_FRESH = {"available_at": None, "error_code": None, "error": None, "finished_at": None}
_BOOK = insert(table_of(Attempt)).values(
    {column.name: bindparam(column.name) for column in table_of(Attempt).columns if column.name != "attempt_id"}
)


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a batch: new status by job, in the order given; None for a late result."""

    statuses: tuple[str | None, ...]


def settle(
    connection: Connection,
    kind: Kind,
    results: Sequence[tuple[Job, Outcome]],
    *,
    worker: str,
    now_ms: int,
    max_attempts: int,
    rng: random.Random,
) -> Settled:
    """Write the outcomes of jobs of one kind in the transaction of `connection`."""
    now = iso(now_ms)
    ours = _still_ours(connection, kind, [job for job, _ in results])
    changes: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    books: list[dict[str, Any]] = []
    opened: list[NewRows] = []
    statuses: list[str | None] = []
    for job, outcome in results:
        if job.item_id not in ours:
            statuses.append(None)
            continue
        change = _change(job, outcome, now, now_ms, max_attempts, rng)
        statuses.append(change["status"])
        changes[tuple(change)].append(change)
        if isinstance(outcome, Done):
            opened.extend(outcome.opens)
        elif not isinstance(outcome, Snooze):
            books.append(_attempt(job, outcome, change["status"], worker, now))
    for names, rows in changes.items():
        execute_many(connection, _writing(kind.table, names), rows)
    for new in _merged(opened):
        upsert(connection, new)
    execute_many(connection, _BOOK, books)
    return Settled(tuple(statuses))


def release(connection: Connection, kind: Kind, jobs: Sequence[Job]) -> None:
    """Give claimed rows back as if they had never been claimed: no attempt charged."""
    ours = _still_ours(connection, kind, jobs)
    back = {"status": "pending", **_NOT_CLAIMED}
    rows = [{KEY: job.item_id, "attempts": job.attempt - 1, **back} for job in jobs if job.item_id in ours]
    if rows:
        execute_many(connection, _writing(kind.table, tuple(rows[0])), rows)


def release_keys(connection: Connection, kind: Kind, keys: Collection[int], *, worker: str) -> None:
    """The same for rows of `worker` of which only the keys are known."""
    if keys:
        table = kind.table
        ours = (kind.key.in_(list(keys)), table.c.status == RUNNING, table.c.claimed_by == worker)
        back = {"status": "pending", "attempts": table.c.attempts - 1, **_NOT_CLAIMED}
        connection.execute(update(table).where(*ours).values(back))


def reopen(connection: Connection, table: Table, *conditions: Any) -> int:
    """Rows that ended and match `conditions` are pending again, with all their attempts before them."""
    result = connection.execute(
        update(table)
        .where(table.c.status.in_(("done", "failed", "skipped", "retry")), *conditions)
        .values(status="pending", attempts=0, losses=0, **_FRESH)
    )
    return result.rowcount


@cache
def _writing(table: Table, names: tuple[str, ...]) -> Update:
    """Sets the columns `names` of the row that is named by KEY. Built once: building costs more than running."""
    statement = update(table).where(key_of(table) == bindparam(KEY))
    return statement.values({name: bindparam(name) for name in names if name != KEY})


@cache
def _claims(table: Table, dialect: str) -> Select[Any]:
    key = key_of(table)
    # "running" as a value: as a literal, SQLite would go through all rows that run instead of looking up these few.
    query = select(key, table.c.claim_token).where(among(key, "keys", dialect), table.c.status == bindparam("running"))
    # NO KEY UPDATE, because rows of other tables that refer to these are inserted meanwhile: they must not wait.
    return query.order_by(key).with_for_update(key_share=True) if dialect == "postgresql" else query


def _still_ours(connection: Connection, kind: Kind, jobs: Sequence[Job]) -> set[int]:
    tokens, dialect = {job.item_id: job.token for job in jobs}, connection.dialect.name
    found = fetch(connection, _claims(kind.table, dialect), {"keys": packed(tokens, dialect), "running": "running"})
    return {item_id for item_id, token in found if tokens[item_id] == token}


def _change(job: Job, outcome: Outcome, now: str, now_ms: int, max_attempts: int, rng: random.Random) -> dict[str, Any]:
    """The columns to write, with the row's key under KEY."""
    survived = {KEY: job.item_id, **_SURVIVED}
    match outcome:
        case Done():
            return {**survived, **_FRESH, "finished_at": now, "status": "done", **outcome.values}
        case Skip(code, message) | Fail(code, message):
            status = "skipped" if isinstance(outcome, Skip) else "failed"
            ended = {**survived, **_FRESH, "finished_at": now, "status": status}
            return {**ended, "error_code": code, "error": message[:LONGEST_ERROR]}
        case Retry(code, message, after_s):
            reason = {"error_code": code, "error": message[:LONGEST_ERROR]}
            rule = rule_of(code, Then.RETRY, Then.WAIT)
            if job.attempt >= min(rule.attempts or max_attempts, max_attempts):
                return {**survived, **_FRESH, "finished_at": now, "status": "failed", **reason}
            wait_s = backoff_s(rule, job.attempt, jitter=rng.random(), asked_s=after_s)
            return {**survived, "status": "retry", "available_at": iso(now_ms + round(wait_s * 1000)), **reason}
        case Snooze(code, message, after_s):
            reason = {"error_code": code, "error": message[:LONGEST_ERROR]}
            change = {**survived, "attempts": job.attempt - 1, **reason}
            if after_s <= 0:
                return {**change, "status": "pending"}
            return {**change, "status": "retry", "available_at": iso(now_ms + round(after_s * 1000))}


def _attempt(job: Job, outcome: Retry | Skip | Fail, status: str, worker: str, now: str) -> dict[str, Any]:
    return {
        "kind": job.kind,
        "item_id": job.item_id,
        "attempt": job.attempt,
        "worker": worker,
        "started_at": job.started_at,
        "ended_at": now,
        "outcome": status,
        "error_code": outcome.code,
        "error": outcome.message[:LONGEST_ERROR],
    }


def _merged(opened: Iterable[NewRows]) -> list[NewRows]:
    """The same table and columns in one statement: a batch of jobs opens the same sort of rows."""
    groups: dict[Any, list[Any]] = defaultdict(list)
    for new in opened:
        if new.rows:
            groups[(new.table, new.update, new.keep_known, tuple(new.rows[0]))].extend(new.rows)
    return [NewRows(table, rows, update, keep) for (table, update, keep, _), rows in groups.items()]
