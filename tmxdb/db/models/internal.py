"""Internal tables: settings, attempts, workers, the rate limit, pauses, sync cursors, the tally."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Float, Index

from tmxdb.db.models.base import Base, BigId, Mapped, column, one_of


class SettingRow(Base):
    """What the database remembers about itself."""

    __tablename__ = "settings"

    key: Mapped[str] = column(
        "`site`, `contact`, `created_by`, `database_id`, `verify`, `verified`, …", primary_key=True
    )
    value: Mapped[str] = column("text or JSON")


class AttemptRow(Base):
    """Attempts that did not end well, so that the reason is a query."""

    __tablename__ = "attempts"

    attempt_id: Mapped[int] = column("number of the row", BigId, primary_key=True)
    kind: Mapped[str] = column("`list`, `download`, `extract` or `capture`")
    item_id: Mapped[int] = column("primary key of the job's row", BigInteger)
    attempt: Mapped[int] = column("which attempt it was, from 1")
    worker: Mapped[str | None] = column("the worker that made it")
    started_at: Mapped[str | None] = column("when the row was claimed")
    ended_at: Mapped[str] = column("when it failed")
    outcome: Mapped[str] = column("`retry`, `failed`, `skipped` or `lost`")
    error_code: Mapped[str] = column("error code, see [errors](errors.md)")
    error: Mapped[str] = column("error message")

    __table_args__ = (
        CheckConstraint(one_of("outcome", ("retry", "failed", "skipped", "lost")), name="outcome"),
        Index("ix_attempts_item", "kind", "item_id", "attempt_id"),
    )


class WorkerRow(Base):
    """Workers that run now, or died and have not been removed yet."""

    __tablename__ = "workers"

    worker_id: Mapped[str] = column("name of the worker: host, process id and random letters", primary_key=True)
    host: Mapped[str] = column("name of its machine")
    machine: Mapped[str] = column("identity of its machine or container, within which `pid` is unique")
    pid: Mapped[int] = column("process id")
    process_started_ms: Mapped[int] = column(
        "start of the process, which tells it from a later one with its pid", BigInteger
    )
    kinds: Mapped[str] = column("the kinds it works on, separated by spaces")
    n: Mapped[int] = column("jobs it runs at the same time, `--n`")
    started_at: Mapped[str] = column("when it started")
    heartbeat_at: Mapped[str] = column("its last heartbeat; there is one every 5 s")
    lease_until: Mapped[str] = column("until when it keeps its rows without another heartbeat")
    done: Mapped[int] = column("jobs done since it started", server_default="0")
    failed: Mapped[int] = column("jobs failed since it started", server_default="0")
    skipped: Mapped[int] = column("jobs skipped since it started", server_default="0")
    retried: Mapped[int] = column("attempts put back to `retry` since it started", server_default="0")
    per_second: Mapped[str] = column("JSON: recently finished jobs per second, by kind", server_default="{}")
    begun: Mapped[str] = column("JSON: keys of the rows it is working on, by kind", server_default="{}")
    concurrency: Mapped[int | None] = column(
        "requests to the site it allows itself at the same time now; NULL: not known"
    )


class RateLimitRow(Base):
    """One row: the request rate and the pause that all workers of the database share."""

    __tablename__ = "rate_limit"

    id: Mapped[int] = column("always 1", primary_key=True, autoincrement=False)
    rate: Mapped[float | None] = column("requests per second; NULL: no limit", Float)
    next_slot_ms: Mapped[int] = column(
        "time of the next free request slot, ms since 1970", BigInteger, server_default="0"
    )
    paused_until_ms: Mapped[int] = column(
        "end of the pause that the site asked for, ms since 1970", BigInteger, server_default="0"
    )
    reason: Mapped[str | None] = column("why the workers pause")

    __table_args__ = (
        CheckConstraint("id = 1", name="one_row"),
        CheckConstraint("rate IS NULL OR rate > 0", name="rate"),
    )


class PauseRow(Base):
    """Kinds that a user has paused: no worker starts jobs of them."""

    __tablename__ = "pauses"

    kind: Mapped[str] = column("a kind, or `all`", primary_key=True)
    since: Mapped[str] = column("when it was paused")
    until: Mapped[str | None] = column("when it ends; NULL: with `tmxdb resume`")
    reason: Mapped[str | None] = column("the user's reason")


class SyncRow(Base):
    """How far each walk over the site's track list has come; written with each page."""

    __tablename__ = "syncs"

    scope: Mapped[str] = column("order and filters of the walk as a query string", primary_key=True)
    cursor: Mapped[int | None] = column("last track of the last page", BigInteger)
    pages: Mapped[int] = column("pages read", server_default="0")
    tracks_seen: Mapped[int] = column("tracks on them", server_default="0")
    complete: Mapped[bool] = column("whether the walk reached the end", Boolean, server_default="0")
    watermark: Mapped[str | None] = column("newest time seen, for walks from new to old")
    started_at: Mapped[str] = column("when it started")
    page_at: Mapped[str | None] = column("when the last page was stored")
    finished_at: Mapped[str | None] = column("when it reached the end")


class TallyRow(Base):
    """Counts of rows by kind, status and error code, kept by triggers: counting 3.5 million rows takes seconds.

    Sum `n` and `bytes` when reading: on PostgreSQL every writer adds rows of its own, so that none waits for another.
    """

    __tablename__ = "tally"

    tally_id: Mapped[int] = column("number of the row", BigId, primary_key=True)
    kind: Mapped[str] = column("`list`, `download`, `extract` or `capture`")
    status: Mapped[str] = column("status of the counted rows")
    error_code: Mapped[str] = column("their error code; empty for none", server_default="")
    n: Mapped[int] = column("how many rows; add up all rows of the tally with the same key", BigInteger)
    bytes: Mapped[int] = column("size of their files; add up as well", BigInteger, server_default="0")

    __table_args__ = (Index("ix_tally_kind", "kind", "status", "error_code"),)
