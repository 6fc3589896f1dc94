"""Running jobs: what a job returns or raises becomes its outcome."""

from __future__ import annotations

import errno
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from tmxdb.errors import InvalidResponse, ResourcesExhausted, RetryLater, TmxdbError, UserActionRequired
from tmxdb.failure_policy import Action, policy_for
from tmxdb.queue.backoff import snooze_s
from tmxdb.queue.job import (
    MAX_ERROR_LENGTH,
    BatchKind,
    Done,
    Fail,
    Job,
    Kind,
    Outcome,
    Part,
    Retry,
    S,
    Skip,
    Snooze,
    StagedKind,
    Started,
    ThreadedKind,
)
from tmxdb.queue.rows.recover import DIED, MAX_LOSSES, given_up_message

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of one job, or a part of it. With `halt`, the run must stop for that reason, at no charge."""

    job: Job
    outcome: Outcome | Part
    halt: UserActionRequired | None = None


def perform(kind: ThreadedKind, job: Job) -> Result:
    """Run `job` and return its result. Raises nothing.

    A job on which MAX_LOSSES workers died is not run. Its result is adopted if it is complete on disk; else it fails.
    """
    outcome = attempt(job, lambda: _given_up(kind, job) or kind.run(job))
    return outcome if isinstance(outcome, Result) else Result(job, outcome)


def existing(kind: Kind, job: Job) -> Result | None:
    """Return the result of a job that needs no work: its file is on disk, or it has to be given up."""
    outcome = attempt(job, lambda: _given_up(kind, job) or kind.adopt(job))
    return outcome if outcome is None or isinstance(outcome, Result) else Result(job, outcome)


def finish(kind: StagedKind[S], started: Sequence[S]) -> Iterator[Result]:
    """Finish jobs together. Yield the result of each. Raises nothing."""
    try:
        if started:
            kind.finish(started)
    except Exception as error:  # noqa: BLE001  # as in `attempt`, which gets it for each job
        for one in started:
            one.outcome = one.outcome or error
    for one in started:
        yield ended(one)


def ended(started: Started) -> Result:
    """Return the result of a job that has an outcome."""
    outcome = attempt(started.job, started.take_outcome)
    return outcome if isinstance(outcome, Result) else Result(started.job, outcome)


def perform_batch(kind: BatchKind, jobs: Sequence[Job]) -> Iterator[Result]:
    """Run `jobs` as one batch, then one by one those that need it. Yield each result as it comes. Raises nothing.

    An error that stops the run, such as a full disk, becomes the result of all of them and costs no attempt. After any
    other error each job runs alone, and the one at fault raises it again.
    """
    outcomes: Sequence[Done | None] = [None] * len(jobs)
    try:
        outcomes = kind.run_batch(jobs)
    except Exception as error:  # noqa: BLE001  # as in `perform`
        if isinstance(error, UserActionRequired) and policy_for(error).action is Action.STOP:
            yield from (result_of(job, error) for job in jobs)
            return
    alone: list[Job] = []
    for job, outcome in zip(jobs, outcomes, strict=True):
        if outcome is None:
            alone.append(job)
        else:
            yield Result(job, outcome)
    for job in alone:
        yield perform(kind, job)


def _given_up(kind: Kind, job: Job) -> Outcome | None:
    """Return the outcome of a job on which too many workers died; None for others."""
    if job.losses < MAX_LOSSES:
        return None
    return kind.adopt(job) or Fail(DIED, given_up_message(job.kind, job.item_id, job.losses))


def attempt(job: Job, call: Callable[[], T]) -> T | Result:
    """Return `call()`, or the result that stands for what it raised."""
    try:
        return call()
    except TmxdbError as error:
        exhausted = exhausted_resource(error)
        return result_of(job, error if exhausted is None else exhausted)
    except Exception as error:  # noqa: BLE001  # a bug fails its row, but not the run
        exhausted = exhausted_resource(error)
        return Result(job, bug()) if exhausted is None else result_of(job, exhausted)


def exhausted_resource(error: BaseException) -> ResourcesExhausted | None:
    """Return the error to raise if `error` or one of its causes means that the machine has no resources left."""
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        if isinstance(cause, ResourcesExhausted):
            return cause
        for matches, code, what in _RESOURCES:
            if matches(cause):
                return ResourcesExhausted(
                    f"{what} Use a smaller --n, or stop other programs, then run the same command again:"
                    " nothing is lost.",
                    code=code,
                )
        cause = cause.__cause__ or cause.__context__
    return None


_RESOURCES: tuple[tuple[Callable[[BaseException], bool], str, str], ...] = (
    (lambda e: isinstance(e, MemoryError), "host.memory", "This machine has no memory left."),
    (
        lambda e: isinstance(e, RuntimeError) and "can't start new thread" in str(e),
        "host.threads",
        "This machine allows no more threads.",
    ),
    (
        lambda e: isinstance(e, OSError) and e.errno in (errno.EMFILE, errno.ENFILE),
        "host.files",
        "This process has too many open files.",
    ),
    (lambda e: isinstance(e, OSError) and e.errno == errno.ENOMEM, "host.memory", "This machine has no memory left."),
)


def result_of(job: Job, error: TmxdbError) -> Result:
    """Return the result that the failure policy prescribes for `error`."""
    policy, code, message = policy_for(error), error.code, str(error)
    asked_s = error.retry_after_s if isinstance(error, RetryLater) else None
    match policy.action:
        case Action.SKIP:
            return Result(job, Skip(code, message))
        case Action.SNOOZE:
            return Result(job, Snooze(code, message, snooze_s(policy, asked_s)))
        case Action.RETRY:
            digest = error.digest if isinstance(error, InvalidResponse) else None
            return Result(job, Retry(code, message, asked_s, digest))
        case Action.RELEASE:
            return Result(job, Snooze(code, message))
        case Action.STOP if isinstance(error, UserActionRequired):
            return Result(job, Snooze(code, message), halt=error)
        case _:
            return Result(job, Fail(code, message))


def bug() -> Fail:
    """Return the outcome for the exception being handled: the end of its traceback."""
    return Fail("tmxdb.bug", traceback.format_exc()[-MAX_ERROR_LENGTH:])
