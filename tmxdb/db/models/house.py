"""The house's own books: attempts, workers, the site's politeness, pauses, how far a sync came, the tally."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Float, Index
from sqlalchemy.orm import Mapped, mapped_column

from tmxdb.db.models.base import Base, BigId, one_of


class Setting(Base):
    """What the database remembers: `site`, `contact`, `created_by` …"""

    __tablename__ = "settings"

    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]


class Attempt(Base):
    """One try at a job that did not end well: so that "why" is a query."""

    __tablename__ = "attempts"

    attempt_id: Mapped[int] = mapped_column(BigId, primary_key=True)
    kind: Mapped[str]
    item_id: Mapped[int] = mapped_column(BigInteger)
    attempt: Mapped[int]
    worker: Mapped[str | None]
    started_at: Mapped[str | None]
    ended_at: Mapped[str]
    outcome: Mapped[str]  # retry, failed, skipped, lost
    error_code: Mapped[str]
    error: Mapped[str]

    __table_args__ = (
        CheckConstraint(one_of("outcome", ("retry", "failed", "skipped", "lost")), name="outcome"),
        Index("ix_attempts_item", "kind", "item_id"),
    )


class Worker(Base):
    """A process that works now (or died without a word: then its heartbeat stands still)."""

    __tablename__ = "workers"

    worker_id: Mapped[str] = mapped_column(primary_key=True)
    host: Mapped[str]
    machine: Mapped[str]  # where its pid means something: hosts share names, containers share hosts
    pid: Mapped[int]
    process_started_ms: Mapped[int] = mapped_column(BigInteger)  # tells a reused pid from the same process
    kinds: Mapped[str]  # "list download"
    n: Mapped[int]
    started_at: Mapped[str]
    heartbeat_at: Mapped[str]
    lease_until: Mapped[str]
    done: Mapped[int] = mapped_column(server_default="0")
    failed: Mapped[int] = mapped_column(server_default="0")
    skipped: Mapped[int] = mapped_column(server_default="0")
    retried: Mapped[int] = mapped_column(server_default="0")
    per_second: Mapped[str] = mapped_column(server_default="{}")  # JSON: finished jobs a second by kind, lately
    width: Mapped[int | None]  # requests to the site that it allows itself at once now; NULL: not known


class Politeness(Base):
    """One row: the rate and the pause that all workers of the database keep together."""

    __tablename__ = "politeness"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    rate: Mapped[float | None] = mapped_column(Float)  # requests a second; NULL: none set
    next_slot_ms: Mapped[int] = mapped_column(BigInteger, server_default="0")
    paused_until_ms: Mapped[int] = mapped_column(BigInteger, server_default="0")
    reason: Mapped[str | None]

    __table_args__ = (
        CheckConstraint("id = 1", name="one_row"),
        CheckConstraint("rate IS NULL OR rate > 0", name="rate"),
    )


class Pause(Base):
    """A kind that nobody begins anything of for a while, in no process, because a person said so."""

    __tablename__ = "pauses"

    kind: Mapped[str] = mapped_column(primary_key=True)  # or `all`
    since: Mapped[str]
    until: Mapped[str | None]  # NULL: until `tmxdb resume`
    reason: Mapped[str | None]


class Sync(Base):
    """How far one way of walking the track list has come; written with each page."""

    __tablename__ = "syncs"

    scope: Mapped[str] = mapped_column(primary_key=True)  # the question: order and filters as a query string
    cursor: Mapped[int | None] = mapped_column(BigInteger)  # last track of the last page
    pages: Mapped[int] = mapped_column(server_default="0")
    tracks_seen: Mapped[int] = mapped_column(server_default="0")
    complete: Mapped[bool] = mapped_column(Boolean, server_default="0")
    watermark: Mapped[str | None]  # newest time seen, for walks that go from new to old
    started_at: Mapped[str]
    page_at: Mapped[str | None]
    finished_at: Mapped[str | None]


class Tally(Base):
    """Rows by kind, status and error code, kept by triggers: counting 3.5 million rows would take seconds.

    Sum `n` and `bytes` when reading: on PostgreSQL every writer adds rows of its own, so that none waits for another.
    """

    __tablename__ = "tally"

    tally_id: Mapped[int] = mapped_column(BigId, primary_key=True)
    kind: Mapped[str]
    status: Mapped[str]
    error_code: Mapped[str] = mapped_column(server_default="")  # empty: none
    n: Mapped[int] = mapped_column(BigInteger)
    bytes: Mapped[int] = mapped_column(BigInteger, server_default="0")  # of their files

    __table_args__ = (Index("ix_tally_kind", "kind", "status", "error_code"),)
