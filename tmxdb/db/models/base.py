"""What all tables share: the naming of constraints, and the columns that make a row a job."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import BigInteger, CheckConstraint, Index, Integer, MetaData, Table, Text, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

STATUSES = ("pending", "running", "retry", "done", "failed", "skipped")
FINISHED = ("done", "failed", "skipped")

# On SQLite only a column of the type INTEGER is the row's own key, without an index beside the table.
BigId = BigInteger().with_variant(Integer, "sqlite")


class Base(DeclarativeBase):
    """The tables of tmxdb. Every constraint has a name, so that migrations can find it again."""

    metadata = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "ix": "ix_%(table_name)s_%(column_0_name)s",
        }
    )
    type_annotation_map = {str: Text()}


def table_of(model: type[Base]) -> Table:
    """The table of a model, for statements of SQLAlchemy's Core."""
    return cast(Table, model.__table__)


class JobColumns:
    """The state of a job, the same in all four tables. Only `queue/` writes these columns."""

    status: Mapped[str] = mapped_column(server_default="pending")
    priority: Mapped[int] = mapped_column(server_default="0")  # smaller first
    attempts: Mapped[int] = mapped_column(server_default="0")
    losses: Mapped[int] = mapped_column(server_default="0")  # workers that died on it, one after the other
    available_at: Mapped[str | None]  # for retry: not before
    claimed_by: Mapped[str | None]  # for running: the worker
    lease_until: Mapped[str | None]  # for running: its word is good until then
    claim_token: Mapped[int] = mapped_column(server_default="0")  # grows with each claim; fences late results
    error_code: Mapped[str | None]  # of the last attempt
    error: Mapped[str | None]
    finished_at: Mapped[str | None]


def job_rules(table: str, key: str) -> tuple[Any, ...]:
    """The CHECKs and indexes of the job table `table` with primary key `key`.

    The claim is answered whole by a partial index over pending rows; rows in backoff stay out of it.
    There is no index on `status` alone: SQLite would use it for the claim and sort every pending row.
    Counting comes from the `tally` table instead.
    """
    needs_no_reason = one_of("status", ("pending", "running", "done"))
    return (
        CheckConstraint(one_of("status", STATUSES), name="status"),
        CheckConstraint("attempts >= 0", name="attempts"),
        CheckConstraint("losses >= 0", name="losses"),
        CheckConstraint(
            "(status = 'running') = (claimed_by IS NOT NULL) AND (status = 'running') = (lease_until IS NOT NULL)",
            name="running_is_claimed",
        ),
        CheckConstraint("(status = 'retry') = (available_at IS NOT NULL)", name="retry_has_time"),
        CheckConstraint(f"({one_of('status', FINISHED)}) = (finished_at IS NOT NULL)", name="finished_has_time"),
        CheckConstraint(f"{needs_no_reason} OR error_code IS NOT NULL", name="has_reason"),
        _partial(f"{table}_pending", ("priority", key), "status = 'pending'"),
        _partial(f"{table}_retry", ("available_at",), "status = 'retry'"),
        _partial(f"{table}_running", ("lease_until",), "status = 'running'"),
        _partial(f"{table}_error", ("error_code", "status", key), "error_code IS NOT NULL"),
    )


def one_of(column: str, values: Sequence[str]) -> str:
    """The condition that `column` has one of `values`; not `IN`, for which SQLite fills a little table with each
    statement: that was half of what settling a job takes."""
    return " OR ".join(f"{column} = '{value}'" for value in values)


def _partial(name: str, columns: tuple[str, ...], condition: str) -> Index:
    where = text(condition)
    return Index(f"ix_{name}", *columns, sqlite_where=where, postgresql_where=where)
