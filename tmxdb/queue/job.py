"""The terms of the queue. All code, SQL, help and logs use them in the same sense.

kind      one sort of work on one table: list, download, extract, capture
job       one claimed row of a kind
claim     mark rows as running for one worker, in one statement; `claim_token` grows with each claim
lease     how long a worker's claims are valid without another heartbeat
attempt   one claim that was charged; snoozes, shutdowns and lost workers are not charged
settle    write the outcome to the row, if the claim is still valid
snooze    put a row off without charging an attempt, because something else must happen first
release   make a claimed row pending again, without charging an attempt
backoff   how long a row in `retry` waits before its next attempt
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeGuard, TypeVar

from sqlalchemy import Column, ColumnClause, ColumnElement, Connection, Table, literal_column
from sqlalchemy.sql.elements import NamedColumn

from tmxdb.db.bulk import NewRows, RowStream
from tmxdb.errors import TmxdbError
from tmxdb.storable_text import storable
from tmxdb.storage import id_name

# Literals, because SQLite does not use a partial index for a status that is a bound parameter.
PENDING: ColumnClause[str] = literal_column("'pending'")
RUNNING: ColumnClause[str] = literal_column("'running'")
RETRY: ColumnClause[str] = literal_column("'retry'")

MAX_ERROR_LENGTH = 2000
"""Most characters of a message that are stored in a row."""


def error_text(message: str) -> str:
    """Return a message as rows store it. It may name a file whose name is not UTF-8."""
    return storable(message)[:MAX_ERROR_LENGTH]


@dataclass(frozen=True, slots=True)
class Job:
    """A claimed row. `row` contains the columns that the kind needs, `token` identifies the claim.

    `losses`: how many workers died one after another while working on it.
    """

    kind: str
    item_id: int
    token: int
    attempt: int
    priority: int
    started_at: str
    row: Mapping[str, Any]
    losses: int = 0


ClaimKey = tuple[int, int]
"""The id of a row and the token of its claim. A worker can have several claims of one row: after it was suspended for
longer than its lease, it may claim a row again on which one of its threads still works."""


def claim_key(job: Job) -> ClaimKey:
    """Return the key of the claim of `job`."""
    return job.item_id, job.token


@dataclass(frozen=True, slots=True)
class Reopened:
    """Finished rows to make pending again: those with `value` in `column` that match `where` after the job is settled.

    `where`: one object for all jobs, which are settled together by it.
    """

    column: Column[Any]
    value: int
    where: ColumnElement[bool]


@dataclass(frozen=True, slots=True)
class Done:
    """Success. `values` are written to the row and `opens` to other tables, then `reopens`, in one transaction."""

    values: Mapping[str, Any] = field(default_factory=dict)
    opens: Sequence[NewRows | RowStream] = ()
    reopens: Sequence[Reopened] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """Rows that a job opens and that are written before its outcome, which opens too many for one transaction.

    The row stays running, with the next claim token: if the same part is written twice, the second time is too late.
    """

    opens: Sequence[RowStream]


@dataclass(frozen=True, slots=True)
class Retry:
    """Failure that may pass: try again after the backoff, and not before `after_s` if the other side asked for it.

    `digest`: the SHA-256 of a bad file. The same failure with other bytes is another cause, see `rows/settle.py`.
    """

    code: str
    message: str
    after_s: float | None = None
    digest: str | None = None


@dataclass(frozen=True, slots=True)
class Snooze:
    """Put the row off for `after_s` seconds (0: make it pending immediately) without charging an attempt."""

    code: str
    message: str
    after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Skip:
    """There is nothing to get, and there never will be."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Fail:
    """Failure that another attempt cannot change."""

    code: str
    message: str


Outcome = Done | Retry | Snooze | Skip | Fail


class Kind(Protocol):
    """One sort of work: a `ThreadedKind`, a `BatchKind` or a `StagedKind`. Its jobs never write to the database."""

    name: str
    table: Table
    needs: tuple[NamedColumn[Any], ...]

    @property
    def key(self) -> Column[Any]:
        """Return the primary key of `table`."""

    def at_most(self, n: int) -> int:
        """Return how many of `n` threads this kind can use."""

    def prepare(self, connection: Connection) -> None:
        """Open the rows that this run asks for. Called in a write transaction before the first claim."""

    def adopt(self, job: Job) -> Outcome | None:
        """Return the outcome of `job` if its result is complete on disk, or nowhere to be had; else None."""


class ThreadedKind(Kind, Protocol):
    """A kind whose jobs run in threads, one in each."""

    def run(self, job: Job) -> Outcome:
        """Do `job`. May raise a TmxdbError: the failure policy then decides what happens to the row."""


class BatchKind(ThreadedKind, Protocol):
    """A kind that can do several jobs together for less than each alone: it reads and syncs for all of them at once."""

    batch_size: int
    """Most jobs in one call of `run_batch`."""

    def run_batch(self, jobs: Sequence[Job]) -> Sequence[Done | None]:
        """Do `jobs`, and return the outcome of each; None for one that has to run alone.

        Whatever is not as usual is left to `run`, which then decides what happens to the row.
        """


@dataclass(slots=True, eq=False)
class Started:
    """A job of a `StagedKind` in its first step or after it. `outcome`: its outcome or its error, once it has one."""

    job: Job
    outcome: Done | BaseException | None = None

    def take_outcome(self) -> Done:
        """Return the outcome, or raise the error, and forget it.

        An error refers to this frame through its traceback. Keeping the error here would be a cycle, and the file would
        stay in memory until the next garbage collection.
        """
        outcome, self.outcome = self.outcome, None
        if isinstance(outcome, Done):
            return outcome
        try:
            raise outcome or RuntimeError(f"{self.job.kind} {id_name(self.job.item_id)} was not finished")
        finally:
            del outcome


S = TypeVar("S", bound=Started)
S_co = TypeVar("S_co", bound=Started, covariant=True)


class FirstSteps(Protocol[S_co]):
    """The first steps of many jobs, under way at the same time in one thread."""

    def wait_s(self, wanted: int) -> float:
        """Return in how many seconds to ask again; 0 if a job may begin now. `wanted`: how many jobs could begin.

        Raise a TmxdbError that becomes the outcome of the next job.
        """

    def release(self) -> None:
        """Give back what `wait_s` has reserved: no job is left to begin."""

    def begin(self, job: Job) -> None:
        """Begin the first step of `job`. Raise a TmxdbError that becomes its outcome."""

    def wait(self, seconds: float) -> Sequence[S_co]:
        """Go on with the steps under way. Return the jobs whose step has ended, after at most about `seconds`.

        A job whose step has failed has its error as `outcome`.
        """

    def close(self) -> None:
        """Give up the steps under way."""


class StagedKind(Kind, Protocol[S]):
    """A kind whose jobs have two steps: one that mostly waits, and one that costs less for several jobs together."""

    def first_steps(self, most: int) -> FirstSteps[S]:
        """Return the first steps of up to `most` jobs at the same time, for one thread."""

    def finish(self, started: Sequence[S]) -> None:
        """Set the outcome of each job. An exception becomes the outcome of every job that has none yet."""


def is_staged(kind: Kind) -> TypeGuard[StagedKind[Any]]:
    """Return whether `kind` is a `StagedKind`."""
    return hasattr(kind, "finish")


def batch_size(kind: Kind) -> int:
    """Return how many jobs of `kind` one thread may take at once: 1 for most kinds."""
    size: int = getattr(kind, "batch_size", 1)
    return size


class ClaimLost(TmxdbError):
    """Raised inside a job before it publishes a file, if another worker has its row now."""

    code = "worker.claim_lost"

    def __init__(self, job: Job) -> None:
        name = f"{job.kind} {id_name(job.item_id)}"
        super().__init__(f"{name}: another worker has the row now; this result is dropped.")


class WorkerStopping(TmxdbError):
    """Raised inside a job when the worker is stopping: the row is released, and no attempt is charged."""

    code = "worker.stopping"
