"""The state of the whole database as one value: for `tmxdb status`, as text or as JSON."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select, text

from tmxdb.clock import from_iso, iso
from tmxdb.db.engine import Database, shown
from tmxdb.db.models import Politeness, Setting, Worker, table_of
from tmxdb.queue.pauses import Paused, pauses
from tmxdb.queue.workers import live_workers
from tmxdb.reports.counts import KINDS, counts, file_bytes


@dataclass(frozen=True, slots=True)
class Failure:
    """Rows of a kind that ended, or wait, for the same reason."""

    kind: str
    status: str
    error_code: str
    n: int
    example_id: int
    example: str


@dataclass(frozen=True, slots=True)
class LiveWorker:
    """A worker that is on the list and, as far as can be told, alive. `rates`: jobs a second by kind, lately.

    `width`: requests to the site that it allows itself at once; None as long as it has not said so.
    """

    worker_id: str
    host: str
    pid: int
    kinds: str
    n: int
    started_at: str
    heartbeat_at: str
    done: int
    failed: int
    skipped: int
    retried: int
    width: int | None
    rates: dict[str, float]


@dataclass(frozen=True, slots=True)
class Status:
    """Counts by kind and status, rates and time left while workers run, failures, disk used.

    `pause`: what the site asked for. `paused`: kinds that a person has paused.
    """

    database: str
    site: str | None
    data: str
    at: str
    kinds: dict[str, dict[str, int]]
    rates: dict[str, float]
    seconds_left: dict[str, float]
    workers: list[LiveWorker]
    failures: list[Failure]
    pause: dict[str, Any] | None
    paused: list[Paused]
    rate_limit: float | None
    files: dict[str, dict[str, int]]
    database_bytes: int | None
    free_bytes: int | None

    def as_json(self) -> dict[str, Any]:
        """The same, for `json.dumps`."""
        return asdict(self)


def read_status(database: Database, data: Path, free_bytes: int | None, now_ms: int) -> Status:
    """All of it in one reading transaction: the numbers are of the same moment."""
    now = iso(now_ms)
    with database.read() as connection:
        table = counts(connection)
        alive = live_workers(connection, now_ms)
        workers = [_live(row) for row in connection.execute(select(table_of(Worker)).order_by(Worker.started_at))]
        workers = [worker for worker in workers if worker.worker_id in alive]
        failures = [
            Failure(*row)
            for row in connection.execute(
                text("SELECT kind, status, error_code, n, example_id, example FROM failures ORDER BY n DESC, kind")
            )
        ]
        politeness = connection.execute(select(Politeness.rate, Politeness.paused_until_ms, Politeness.reason)).first()
        size = file_bytes(connection)
        paused = pauses(connection, now_ms)
        site = connection.execute(select(Setting.value).where(Setting.key == "site")).scalar()
    rates = {kind: round(sum(worker.rates.get(kind, 0.0) for worker in workers), 2) for kind in KINDS}
    pause = None
    if politeness is not None and politeness.paused_until_ms > now_ms:
        pause = {"until": iso(politeness.paused_until_ms), "reason": politeness.reason}
    return Status(
        database=shown(database.location),
        site=site,
        data=str(data),
        at=now,
        kinds=table,
        rates={kind: rate for kind, rate in rates.items() if rate},
        seconds_left=_seconds_left(table, rates),
        workers=workers,
        failures=failures,
        pause=pause,
        paused=paused,
        rate_limit=politeness.rate if politeness else None,
        files={
            name: {"n": table[kind]["done"], "bytes": size[kind]["done"]}
            for name, kind in (("replays", "download"), ("maps", "extract"))
        },
        database_bytes=_size(database.path),
        free_bytes=free_bytes,
    )


def _live(row: Any) -> LiveWorker:
    names = [name for name in LiveWorker.__slots__ if name != "rates"]
    return LiveWorker(**{name: getattr(row, name) for name in names}, rates=json.loads(row.per_second))


def _seconds_left(table: dict[str, dict[str, int]], rates: dict[str, float]) -> dict[str, float]:
    left = {kind: sum(table[kind][status] for status in ("pending", "running", "retry")) for kind in KINDS}
    return {kind: round(left[kind] / rates[kind], 1) for kind in KINDS if rates[kind] > 0 and left[kind]}


def _size(path: Path | None) -> int | None:
    if path is None:
        return None
    return sum(os.path.getsize(f"{path}{end}") for end in ("", "-wal") if os.path.exists(f"{path}{end}"))


def seconds_since(moment: str, now_ms: int) -> float:
    """How long ago a stored time is."""
    return max(now_ms - from_iso(moment), 0) / 1000
