"""What all tables share: the names of constraints, documented columns, and the columns that make a row a job."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ColumnElement,
    Computed,
    Float,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    text,
)
from sqlalchemy.schema import SchemaItem
from sqlalchemy.types import TypeEngine

STATUSES = ("pending", "running", "retry", "done", "failed", "skipped")
FINISHED = ("done", "failed", "skipped")

# On SQLite only a column of the type INTEGER is the row's own key, without an index next to the table.
BigId = BigInteger().with_variant(Integer, "sqlite")
Mapped = ColumnElement
"""The type of a column in the annotations of a model."""
_TYPES = {"int": Integer, "str": Text, "bool": Boolean, "float": Float}


class Base:
    """The tables of tmxdb: a class with an annotated `column` for each column becomes a table.

    `TrackRow.name` is the column of the table, and the class stands for the table in statements. SQLAlchemy's
    declarative classes do the same for its ORM, which tmxdb does not use and which takes 0.1 s to import.
    Every constraint has a name, so that migrations can find it.
    """

    metadata: ClassVar = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "ix": "ix_%(table_name)s_%(column_0_name)s",
        }
    )
    __tablename__: ClassVar[str]
    __table_args__: ClassVar[tuple[SchemaItem, ...]] = ()
    __table__: ClassVar[Table]

    def __init_subclass__(cls) -> None:
        """Make the table from the columns of the class, then those of the classes it shares columns with."""
        columns = [
            described.made(name, annotations[name])
            for annotations, attributes in ((inspect.get_annotations(part), vars(part)) for part in cls.__mro__)
            for name, described in attributes.items()
            if isinstance(described, _Described)
        ]
        cls.__table__ = Table(cls.__tablename__, Base.metadata, *columns, *cls.__table_args__)
        for made in columns:
            setattr(cls, made.name, made)

    @classmethod
    def __clause_element__(cls) -> Table:
        """Return what statements of SQLAlchemy use in place of the class."""
        return cls.__table__


@dataclass(frozen=True, slots=True)
class _Described:
    """A column of a class, before the class is a table."""

    doc: str
    arguments: tuple[Any, ...]
    options: dict[str, Any]

    def made(self, name: str, annotation: str) -> Column[Any]:
        """Return the column. Its type is in `arguments`, or that of the annotation: `Mapped[int | None]`."""
        plain, _, null = annotation.removeprefix("Mapped[").removesuffix("]").partition(" | ")
        given = self.arguments and isinstance(self.arguments[0], TypeEngine | type)
        arguments = self.arguments if given else (_TYPES[plain], *self.arguments)
        return Column(name, *arguments, nullable=null == "None", doc=self.doc, **self.options)


def table_of(model: type[Base]) -> Table:
    """Return the table of a model, for statements of SQLAlchemy Core."""
    return model.__table__


def column(doc: str, *arguments: Any, **options: Any) -> Any:
    """Return a column with the comment that `docs/reference/schema.md` prints; its annotation tells the type."""
    return _Described(doc, arguments, options)


def computed(doc: str, expression: str) -> Any:
    """Return a column whose value the engine computes from `expression`."""
    return column(doc, Computed(expression))


def name_of(number: str, names: str) -> Any:
    """Return a computed column with the name of the number in column `number`: `0 race 1 puzzle` in `names`."""
    words = names.replace(",", "").split()
    cases = " ".join(f"WHEN {number} THEN '{name}'" for number, name in zip(words[::2], words[1::2], strict=True))
    return computed(f"name of `{number}`", f"CASE {number} {cases} END")


class JobColumns:
    """The state of a job, the same in all four job tables. Only `queue/` writes these columns."""

    status: Mapped[str] = column(
        "`pending`, `running`, `retry` (waits for its next attempt), `done`, `failed` or `skipped`",
        server_default="pending",
    )
    priority: Mapped[int] = column(
        "smaller values first; negative for tracks that were added by hand", server_default="0"
    )
    attempts: Mapped[int] = column("attempts charged so far", server_default="0")
    losses: Mapped[int] = column("workers that died while working on it, one after the other", server_default="0")
    available_at: Mapped[str | None] = column("with `retry`: the earliest time of the next attempt")
    claimed_by: Mapped[str | None] = column("with `running`: the worker that holds it, a `workers.worker_id`")
    claim_token: Mapped[int] = column("grows with each claim; a late result names an older one", server_default="0")
    error_code: Mapped[str | None] = column("code of the last error, see [errors](errors.md)")
    error: Mapped[str | None] = column("message of the last error")
    finished_at: Mapped[str | None] = column("when it became `done`, `failed` or `skipped`")
    failures_in_a_row: Mapped[int] = column("attempts in a row that failed for `failure_cause`", server_default="0")
    failure_cause: Mapped[str | None] = column("code of the last charged failure; for a bad file also its digest")
    snoozed_since: Mapped[str | None] = column("start of the present series of snoozes")
    lost_at: Mapped[str | None] = column("when a worker last died while working on it")


def job_rules(table: str, key: str) -> tuple[Any, ...]:
    """Return the CHECKs and indexes of the job table `table` with the primary key `key`.

    The partial index over pending rows answers the claim alone; rows in backoff are not in it. There is no index on
    `status` alone: SQLite would use it for the claim and sort every pending row. Counts come from the `tally` table.
    """
    needs_no_reason = one_of("status", ("pending", "running", "done"))
    return (
        CheckConstraint(one_of("status", STATUSES), name="status"),
        CheckConstraint("attempts >= 0", name="attempts"),
        CheckConstraint("losses >= 0", name="losses"),
        CheckConstraint("(status = 'running') = (claimed_by IS NOT NULL)", name="running_is_claimed"),
        CheckConstraint("(status = 'retry') = (available_at IS NOT NULL)", name="retry_has_time"),
        CheckConstraint(f"({one_of('status', FINISHED)}) = (finished_at IS NOT NULL)", name="finished_has_time"),
        CheckConstraint(f"{needs_no_reason} OR error_code IS NOT NULL", name="has_reason"),
        partial_index(f"{table}_pending", ("priority", key), "status = 'pending'"),
        partial_index(f"{table}_retry", ("available_at",), "status = 'retry'"),
        partial_index(f"{table}_running", ("claimed_by", key), "status = 'running'"),
        partial_index(f"{table}_error", ("error_code", "status", key), "error_code IS NOT NULL"),
    )


def one_of(name: str, values: Sequence[str]) -> str:
    """Return the condition that column `name` has one of `values`.

    It is not IN, for which SQLite fills a temporary table in each statement: half the time of settling a job.
    """
    return " OR ".join(f"{name} = '{value}'" for value in values)


def partial_index(name: str, columns: tuple[str, ...], condition: str) -> Index:
    """Return an index over the rows that match `condition`.

    The migrations state the condition for both engines. Here it is SQLite's alone, because SQLAlchemy would import
    all of its PostgreSQL dialect to check the name of the option.
    """
    return Index(f"ix_{name}", *columns, sqlite_where=text(condition))
