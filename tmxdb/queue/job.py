"""The words of the queue; every other room uses them alike, in Python, SQL, help and logs.

kind      one sort of work over one table: list, download, extract, capture
job       one claimed row of a kind
claim     mark rows as running for one worker, in one statement; `claim_token` grows with each claim
lease     until when the claim is good without a heartbeat
attempt   one claim that was charged; a snooze, a shutdown and a lost lease are not
settle    write the outcome back, if the claim is still ours
snooze    back to the queue without an attempt, because something else has to come first
backoff   how long a row in `retry` waits before its next attempt
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlalchemy import Column, ColumnClause, Connection, Table, literal_column
from sqlalchemy.sql.elements import NamedColumn

from tmxdb.db.bulk import NewRows
from tmxdb.errors import TmxdbError

# Statuses as literals for queries: bound as values, SQLite would not use the partial indexes.
PENDING: ColumnClause[str] = literal_column("'pending'")
RUNNING: ColumnClause[str] = literal_column("'running'")
RETRY: ColumnClause[str] = literal_column("'retry'")


LONGEST_ERROR = 2000
"""Characters of a message that a row keeps."""


@dataclass(frozen=True, slots=True)
class Job:
    """A claimed row. `row` holds the columns that the kind asked for."""

    kind: str
    item_id: int
    token: int
    attempt: int
    priority: int
    started_at: str
    row: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Done:
    """It worked: `values` go into the row, `opens` are rows of other tables, all in one transaction."""

    values: Mapping[str, Any] = field(default_factory=dict)
    opens: Sequence[NewRows] = ()


@dataclass(frozen=True, slots=True)
class Retry:
    """May pass: try again after the backoff, or after `after_s` if the other side named a time."""

    code: str
    message: str
    after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Snooze:
    """Not now and nobody's fault: back to the queue, no attempt charged. `after_s` 0: at once."""

    code: str
    message: str
    after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Skip:
    """Gone for good and not our fault: there is nothing to get."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Fail:
    """Can not pass, however often it is tried."""

    code: str
    message: str


Outcome = Done | Retry | Snooze | Skip | Fail


class Kind(Protocol):
    """One sort of work. `run` is called from many threads at once and never writes to the database."""

    name: str
    table: Table
    needs: tuple[NamedColumn[Any], ...]

    @property
    def key(self) -> Column[Any]:
        """The primary key of `table`."""

    def at_most(self, n: int) -> int:
        """How many of `n` threads make sense for this kind."""

    def prepare(self, connection: Connection) -> None:
        """Before the first claim, in a writing transaction: open what this run asks for."""

    def run(self, job: Job) -> Outcome:
        """Do it. Raises a TmxdbError; what becomes of the row then says the table in `retrying.py`."""


class GivenBack(TmxdbError):
    """Raised inside a job when the worker is told to stop: the row goes back, no attempt is charged."""

    code = "worker.stopping"
