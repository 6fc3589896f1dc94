"""Settling a batch of results: in how many transactions, and although the database may reject one of its values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from sqlalchemy import Connection, exc

from tmxdb.db.bulk import NewRows, RowStream, portions
from tmxdb.db.explained import is_too_large
from tmxdb.queue.job import Done, Fail, Job, Outcome, Part
from tmxdb.queue.loop.perform import Result, bug
from tmxdb.queue.rows.settle import Settled

Settle = Callable[[Sequence[tuple[Job, Outcome | Part]]], Settled]

MAX_ROWS = 5_000
"""About how many rows to write in one transaction. Other writers wait half a second for as many."""


def transactions(results: Sequence[Result], is_held: Callable[[Job], bool]) -> Iterator[list[Result]]:
    """Split `results` so that each part writes about MAX_ROWS rows. Yield at least one part, which may be empty.

    A result that opens more becomes several, `Part` after `Part` and the outcome last, as long as its job `is_held`.
    """
    part: list[Result] = []
    rows, nothing = 0, True
    for result in results:
        opened = sum(len(new.rows) for new in result.outcome.opens) if isinstance(result.outcome, Done) else 0
        if part and rows + opened > MAX_ROWS:
            yield part
            part, rows, nothing = [], 0, False
        if opened > MAX_ROWS:
            yield from ([piece] for piece in _pieces(result, is_held))
            nothing = False
            continue
        part.append(result)
        rows += opened
    if part or nothing:
        yield part


def _pieces(result: Result, is_held: Callable[[Job], bool]) -> Iterator[Result]:
    """Split a result that opens many rows. After each piece the caller settles it before the next one is made."""
    job, outcome = result.job, result.outcome
    if not isinstance(outcome, Done):
        raise TypeError("only a success opens rows")
    last: Sequence[RowStream] | None = None
    for portion in portions([new for new in outcome.opens if isinstance(new, RowStream)], MAX_ROWS):
        if last is not None:
            yield Result(job, Part(last))
            job = replace(job, token=job.token + 1)
            if not is_held(job):  # another worker has the row, or the database rejected the part
                return
        last = portion
    others = [new for new in outcome.opens if isinstance(new, NewRows)]
    yield Result(job, replace(outcome, opens=[*others, *(last or ())]), result.halt)


def settle_batch(connection: Connection, batch: Sequence[Result], settle: Settle) -> list[tuple[Result, str | None]]:
    """Settle `batch` together. If the database rejects a value in it, settle one by one and fail that row.

    Values come from files and sites: a number too large for its column, a character that the engine does not accept.
    Such a value must fail its own row, not the run.
    """
    try:
        with connection.begin_nested():
            settled = settle([(result.job, result.outcome) for result in batch])
    except Exception as error:  # as in perform.py, for values that only the database rejects
        if isinstance(error, exc.OperationalError | exc.InternalError | MemoryError) and not is_too_large(error):
            raise first_error(error) from None  # the database or this machine is the problem, not a value
        if len(batch) > 1:
            return [pair for result in batch for pair in settle_batch(connection, [result], settle)]
        if isinstance(batch[0].outcome, Fail):
            raise
        return settle_batch(connection, [Result(batch[0].job, bug(), batch[0].halt)], settle)
    written = [
        result if outcome is result.outcome else replace(result, outcome=outcome)
        for result, outcome in zip(batch, settled.outcomes, strict=True)
    ]
    return list(zip(written, settled.statuses, strict=True))


def first_error(error: BaseException) -> BaseException:
    """Return the error that ended the transaction, instead of the failed rollback to a savepoint that it caused."""
    while "no such savepoint" in str(error) and error.__context__ is not None:
        error = error.__context__
    return error
