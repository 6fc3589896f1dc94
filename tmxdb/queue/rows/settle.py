"""Settling: write outcomes to rows, many jobs in one transaction. Also releasing and reopening rows.

A job is settled only if its row still has the token of our claim. A worker that was suspended for longer than its lease
finds another token there: its late result is dropped, and the caller learns that.

Limits count what they name. An attempt limit counts failures in a row for one cause: the error code and, for a bad
file, its digest. A limit on waiting counts the time since the first snooze of a series, not the number of snoozes.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, Table, bindparam, select

from tmxdb.clock import from_iso, iso
from tmxdb.db.bulk import (
    KEY,
    NewRows,
    RowStream,
    execute_many,
    fetch,
    inserting,
    updating,
    upsert,
    upsert_streams,
)
from tmxdb.db.dialect import any_of, array, engine_name, locking, update_where
from tmxdb.db.models import AttemptRow, table_of
from tmxdb.failure_policy import Action, policy_for_code
from tmxdb.queue.backoff import backoff_s
from tmxdb.queue.job import RUNNING, Done, Fail, Job, Kind, Outcome, Part, Reopened, Retry, Skip, Snooze, error_text
from tmxdb.queue.rows.claim import key_of

MAX_ATTEMPTS_FACTOR = 4
"""A row fails after this many times `max_attempts` attempts, whatever their causes."""
USER_SKIPPED = "user.skipped"
"""The error code of rows that `tmxdb skip` skipped."""
DIGEST_LENGTH = 16
"""Hex digits of a digest that identify a bad file as a cause."""
_NOT_CLAIMED = {"claimed_by": None}
_NO_LOSSES = {**_NOT_CLAIMED, "losses": 0, "lost_at": None}  # whatever the outcome, the worker survived it
_NO_ERROR = {"available_at": None, "error_code": None, "error": None, "finished_at": None}
_NO_FAILURES = {"failures_in_a_row": 0, "failure_cause": None, "snoozed_since": None}
NEVER_TRIED: Mapping[str, Any] = {"attempts": 0, **_NO_LOSSES, **_NO_ERROR, **_NO_FAILURES}
"""The columns of a row, apart from its status, of which no attempt is known."""
_ATTEMPT = tuple(column.name for column in table_of(AttemptRow).columns if column.name != "attempt_id")


@dataclass(frozen=True, slots=True)
class Settled:
    """The new status of each job in the order given: None for a late result, `running` for a part.

    `outcomes`: what was written. A row that has been snoozed for too long has a Retry in place of a Snooze.
    """

    statuses: tuple[str | None, ...]
    outcomes: tuple[Outcome | Part, ...]


@dataclass(frozen=True, slots=True)
class History:
    """What happened to a row before this claim: failures in a row, their cause, and since when it is snoozed (ISO)."""

    failures: int = 0
    cause: str | None = None
    snoozed_since: str | None = None


_NO_HISTORY = History()


@dataclass(frozen=True, slots=True)
class _Moment:
    """When and under which limits a batch is settled."""

    now_ms: int
    now: str
    max_attempts: int
    rng: random.Random


def settle(
    connection: Connection,
    kind: Kind,
    results: Sequence[tuple[Job, Outcome | Part]],
    *,
    worker: str,
    now_ms: int,
    max_attempts: int,
    rng: random.Random,
) -> Settled:
    """Write the outcomes of jobs of one kind, in the transaction of `connection`."""
    now, engine = iso(now_ms), engine_name(connection)
    moment = _Moment(now_ms, now, max_attempts, rng)
    valid = _valid_claims(connection, kind, [job for job, _ in results])
    changes: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    attempts: list[dict[str, Any]] = []
    opened: list[NewRows | RowStream] = []
    reopened: list[Reopened] = []
    statuses: list[str | None] = []
    outcomes = [outcome for _, outcome in results]
    for at, (job, outcome) in enumerate(results):
        history = valid.get((job.item_id, job.token))
        if history is None:
            statuses.append(None)
            continue
        if isinstance(outcome, Part):
            statuses.append("running")
            changes[KEY, "claim_token"].append({KEY: job.item_id, "claim_token": job.token + 1})
            opened.extend(outcome.opens)
            continue
        outcome = outcomes[at] = _limited(outcome, history, now_ms)
        survived = _NO_LOSSES if job.losses else _NOT_CLAIMED
        change = {KEY: job.item_id, **survived, **_change(job, outcome, history, moment)}
        statuses.append(change["status"])
        changes[tuple(change)].append(change)
        if isinstance(outcome, Done):
            opened.extend(outcome.opens)
            reopened.extend(outcome.reopens)
        elif not isinstance(outcome, Snooze):
            attempts.append(_attempt(job, outcome, change["status"], worker, now))
    for names, rows in changes.items():
        execute_many(connection, updating(kind.table, names, engine), rows)
    for new in _merged(new for new in opened if isinstance(new, NewRows)):
        upsert(connection, new)
    for streams in _grouped(new for new in opened if isinstance(new, RowStream)):
        upsert_streams(connection, streams)
    for (column, where), values in _by_condition(reopened).items():
        reopen(connection, column.table, column.in_(values), where)
    execute_many(connection, inserting(table_of(AttemptRow), _ATTEMPT, engine), attempts)
    return Settled(tuple(statuses), tuple(outcomes))


def release(connection: Connection, kind: Kind, jobs: Sequence[Job]) -> None:
    """Make claimed rows pending as if they had never been claimed: no attempt is charged."""
    valid = _valid_claims(connection, kind, jobs)
    back = {"status": "pending", **_NOT_CLAIMED}
    ours = [job for job in jobs if (job.item_id, job.token) in valid]
    rows = [{KEY: job.item_id, "attempts": job.attempt - 1, **back} for job in ours]
    if rows:
        execute_many(connection, updating(kind.table, tuple(rows[0]), engine_name(connection)), rows)


def release_keys(connection: Connection, kind: Kind, keys: Collection[int], *, worker: str) -> None:
    """Release rows of `worker` of which only the keys are known."""
    if keys:
        table = kind.table
        claimed = (kind.key.in_(list(keys)), table.c.status == RUNNING, table.c.claimed_by == worker)
        back = {"status": "pending", "attempts": table.c.attempts - 1, **_NOT_CLAIMED}
        connection.execute(update_where(table, engine_name(connection), *claimed).values(back))


def failure_cause(code: str, digest: str | None) -> str:
    """Return the text in the column `failure_cause`: the code and, for a bad file, the start of its digest."""
    return code if digest is None else f"{code} {digest[:DIGEST_LENGTH]}"


def reopen(connection: Connection, table: Table, *conditions: Any, user_skipped: bool = False) -> int:
    """Make finished rows that match `conditions` pending, with all their attempts. Return how many.

    Rows that a person skipped stay skipped, unless `user_skipped`.
    """
    if not user_skipped:
        conditions = (*conditions, table.c.error_code.is_distinct_from(USER_SKIPPED))
    finished = table.c.status.in_(("done", "failed", "skipped", "retry"))
    pending = {**NEVER_TRIED, "status": "pending"}
    return connection.execute(
        update_where(table, engine_name(connection), finished, *conditions).values(pending)
    ).rowcount


def release_claimed(connection: Connection, table: Table, *conditions: Any) -> int:
    """Make running rows that match `conditions` pending, of any worker. Return how many.

    Their results, which rest on facts that have changed since the claim, are dropped as late ones. No attempt is
    charged.
    """
    back = {"status": "pending", "attempts": table.c.attempts - 1, **_NOT_CLAIMED}
    claimed = update_where(table, engine_name(connection), table.c.status == RUNNING, *conditions)
    return connection.execute(claimed.values(back)).rowcount


@cache
def _claims(table: Table, engine: str) -> Select[Any]:
    key, columns = key_of(table), table.c
    # "running" as a parameter: with a literal, SQLite would read all running rows instead of looking up these few.
    query = select(
        key, columns.claim_token, columns.failures_in_a_row, columns.failure_cause, columns.snoozed_since
    ).where(any_of(key, "keys", engine), columns.status == bindparam("running"))
    return locking(query.order_by(key))


def _valid_claims(connection: Connection, kind: Kind, jobs: Sequence[Job]) -> dict[tuple[int, int], History]:
    """Return the rows of `jobs` that are still running under our claims, by key and token.

    A row can be there twice: released, and claimed again by the same worker before the first result came.
    """
    engine = engine_name(connection)
    keys = array({job.item_id for job in jobs}, engine)
    claims = {(job.item_id, job.token) for job in jobs}
    found = fetch(connection, _claims(kind.table, engine), {"keys": keys, "running": "running"})
    return {
        (item_id, token): History(*history) if any(history) else _NO_HISTORY
        for item_id, token, *history in found
        if (item_id, token) in claims
    }


def _limited(outcome: Outcome, history: History, now_ms: int) -> Outcome:
    """Return a Retry instead of a Snooze for a row that has been snoozed for too long."""
    if isinstance(outcome, Snooze) and history.snoozed_since is not None:
        policy = policy_for_code(outcome.code)
        waited_s = (now_ms - from_iso(history.snoozed_since)) / 1000
        if policy.action is Action.SNOOZE and policy.max_snooze_s is not None and waited_s > policy.max_snooze_s:
            return Retry(outcome.code, outcome.message, outcome.after_s)
    return outcome


def _change(job: Job, outcome: Outcome, history: History, moment: _Moment) -> dict[str, Any]:
    """Return the columns to write."""
    now = moment.now
    match outcome:
        case Done():
            done = {**_NO_ERROR, "finished_at": now, "status": "done", **outcome.values}
            return done if history is _NO_HISTORY else {**done, **_NO_FAILURES}
        case Skip(code, message) | Fail(code, message):
            status = "skipped" if isinstance(outcome, Skip) else "failed"
            return {**_NO_ERROR, "finished_at": now, "status": status, **_reason(code, message)}
        case Retry():
            return _retried(job, outcome, history, moment)
        case Snooze(code, message, after_s):
            change = {"attempts": job.attempt - 1, **_reason(code, message)}
            if policy_for_code(code).action is Action.SNOOZE:
                change["snoozed_since"] = history.snoozed_since or now
            if after_s <= 0:
                return {**change, "status": "pending"}
            return {**change, "status": "retry", "available_at": iso(moment.now_ms + round(after_s * 1000))}


def _retried(job: Job, outcome: Retry, history: History, moment: _Moment) -> dict[str, Any]:
    """Return the columns of a failed attempt: the row waits for another one, or fails at a limit."""
    policy = policy_for_code(outcome.code, Action.RETRY, Action.SNOOZE)
    cause = failure_cause(outcome.code, outcome.digest)
    failures = history.failures + 1 if history.cause == cause else 1
    change = {
        **_reason(outcome.code, outcome.message),
        "failures_in_a_row": failures,
        "failure_cause": cause,
        "snoozed_since": None,
    }
    limit = min(policy.attempts or moment.max_attempts, moment.max_attempts)
    if failures >= limit or job.attempt >= MAX_ATTEMPTS_FACTOR * moment.max_attempts:
        status = "skipped" if policy.at_limit is Action.SKIP and failures >= limit else "failed"
        return {**change, "available_at": None, "finished_at": moment.now, "status": status}
    wait_s = backoff_s(policy, failures, jitter=moment.rng.random(), asked_s=outcome.after_s)
    return {**change, "status": "retry", "available_at": iso(moment.now_ms + round(wait_s * 1000))}


def _reason(code: str, message: str) -> dict[str, str]:
    return {"error_code": code, "error": error_text(message)}


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
        "error": error_text(outcome.message),
    }


def _merged(opened: Iterable[NewRows]) -> list[NewRows]:
    """Merge rows for the same table and columns into one statement: the jobs of a batch open similar rows."""
    groups: dict[Any, list[Any]] = defaultdict(list)
    for new in opened:
        if new.rows:
            groups[(new.table, new.update, new.keep_known, tuple(new.rows[0]))].extend(new.rows)
    return [NewRows(table, rows, update, keep) for (table, update, keep, _), rows in groups.items()]


def _grouped(opened: Iterable[RowStream]) -> list[list[RowStream]]:
    """Group streams of rows for the same table and columns, which are written in the order of their keys."""
    groups: dict[Any, list[RowStream]] = defaultdict(list)
    for stream in opened:
        groups[(stream.table, stream.names, tuple(stream.same), stream.update)].append(stream)
    return list(groups.values())


def _by_condition(reopened: Iterable[Reopened]) -> dict[tuple[Any, Any], list[int]]:
    """Group rows to reopen by column and condition: a statement reopens those of a batch."""
    groups: dict[tuple[Any, Any], set[int]] = defaultdict(set)
    for one in reopened:
        groups[one.column, one.where].add(one.value)
    return {group: sorted(values) for group, values in groups.items()}
