"""The workers of a database: registration, heartbeat, and which of them are lost."""

from __future__ import annotations

import json
import os
import platform
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from tmxdb.clock import iso
from tmxdb.db.dialect import locking
from tmxdb.db.models import WorkerRow, table_of
from tmxdb.process_identity import has_ended, process_started_ms, this_machine
from tmxdb.queue.job import RUNNING, Kind
from tmxdb.storage import safe_name

LEASE_MS = 60_000
HEARTBEAT_MS = 5_000
MISSED_HEARTBEATS = 3
MAX_LOOK_INTERVAL_S = 2.0
"""Between two looks, at most this much counts as observed: a process that looks less often was suspended."""
_workers = table_of(WorkerRow)
_RECORD_BEGUN = (
    update(_workers).where(_workers.c.worker_id == bindparam("of_worker")).values(begun=bindparam("now_begun"))
)


@dataclass(frozen=True, slots=True)
class Identity:
    """A worker process. `worker_id` is unique: host name, process ID and random letters."""

    worker_id: str
    host: str
    machine: str
    pid: int
    process_started_ms: int


def new_identity() -> Identity:
    """Return a new identity for this process as a worker."""
    host, pid = platform.node() or "unknown", os.getpid()
    worker_id = f"{safe_name(host, at_most=30)}-{pid}-{secrets.token_hex(3)}"
    return Identity(worker_id, host, this_machine(), pid, process_started_ms(pid) or 0)


def register(connection: Connection, worker: Identity, kinds: Sequence[str], n: int, now_ms: int) -> None:
    """Add `worker` to the workers of the database."""
    connection.execute(
        insert(_workers).values(
            worker_id=worker.worker_id,
            host=worker.host,
            pid=worker.pid,
            machine=worker.machine,
            process_started_ms=worker.process_started_ms,
            kinds=" ".join(kinds),
            n=n,
            started_at=iso(now_ms),
            heartbeat_at=iso(now_ms),
            lease_until=iso(now_ms + LEASE_MS),
        )
    )


def heartbeat(
    connection: Connection,
    worker: Identity,
    kinds: Sequence[Kind],
    n: int,
    counts: Mapping[str, int],
    per_second: Mapping[str, float],
    now_ms: int,
    concurrency: int | None = None,
) -> bool:
    """Renew the lease of `worker`, which covers all rows it holds. Return whether it was still registered.

    `concurrency`: how many requests it allows itself at the same time now; None: it sends none.

    A worker that was removed while it was suspended (a closed laptop) registers again. The rows it lost meanwhile stay
    lost, and its late results are dropped.
    """
    lease = iso(now_ms + LEASE_MS)
    known = connection.execute(
        update(_workers)
        .where(_workers.c.worker_id == worker.worker_id)
        .values(
            heartbeat_at=iso(now_ms),
            lease_until=lease,
            per_second=json.dumps(dict(per_second)),
            concurrency=concurrency,
            **counts,
        )
    )
    if not known.rowcount:
        register(connection, worker, [kind.name for kind in kinds], n, now_ms)
    return bool(known.rowcount)


def held_keys(connection: Connection, kind: Kind, worker_id: str) -> Sequence[int]:
    """Return the keys of the rows of `kind` that a worker holds."""
    table = kind.table
    held = select(kind.key).where(table.c.status == RUNNING, table.c.claimed_by == worker_id)
    return connection.execute(held).scalars().all()


def record_begun(connection: Connection, worker_id: str, begun: str) -> None:
    """Record which rows the worker is working on, as JSON: keys by kind."""
    connection.execute(_RECORD_BEGUN, {"of_worker": worker_id, "now_begun": begun})


def unregister(connection: Connection, worker_ids: Sequence[str]) -> None:
    """Remove workers from the workers of the database."""
    connection.execute(delete(_workers).where(_workers.c.worker_id.in_(worker_ids)))


def live_workers(connection: Connection, now_ms: int) -> set[str]:
    """Return the registered workers, except those of this machine whose process has ended."""
    registered = set(connection.execute(select(_workers.c.worker_id)).scalars())
    return registered - set(LivenessMonitor().lost_workers(connection, "", now_ms))


class LivenessMonitor:
    """Tells lost workers from live ones without trusting any wall clock.

    For a worker of this machine, ask the system whether the process runs. For one of another machine, watch its
    heartbeat: the worker is lost if the heartbeat did not change for a whole lease by our monotonic clock, or for three
    heartbeats if its lease has also expired. So a clock that jumps (suspend, NTP) loses no worker and keeps none.

    Monotonic clocks continue during suspend on some systems and stop on others. Therefore only time in which this
    process looked counts: after a machine wakes up, its workers have enough time for a heartbeat.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._looked_at_s = monotonic()
        self._observed_s = 0.0
        self._heartbeats: dict[str, tuple[str, float]] = {}

    def lost_workers(self, connection: Connection, own_id: str, now_ms: int) -> list[str]:
        """Return the workers other than `own_id` whose rows may be recovered now."""
        now_s, lost = self._monotonic(), []
        self._observed_s += min(now_s - self._looked_at_s, MAX_LOOK_INTERVAL_S)
        self._looked_at_s = now_s
        columns = _workers.c
        for worker_id, machine, pid, started_ms, heartbeat_at, lease_until in connection.execute(
            select(
                columns.worker_id,
                columns.machine,
                columns.pid,
                columns.process_started_ms,
                columns.heartbeat_at,
                columns.lease_until,
            ).where(columns.worker_id != own_id)
        ):
            if self._heartbeats.get(worker_id, ("", 0.0))[0] != heartbeat_at:
                self._heartbeats[worker_id] = (heartbeat_at, self._observed_s)
            unchanged_ms = (self._observed_s - self._heartbeats[worker_id][1]) * 1000
            has_expired = lease_until < iso(now_ms) and unchanged_ms >= MISSED_HEARTBEATS * HEARTBEAT_MS
            is_dead = machine == this_machine() and has_ended(pid, started_ms)
            if unchanged_ms >= LEASE_MS or has_expired or is_dead:
                lost.append(worker_id)
        return lost

    def hold(self, connection: Connection, lost: Sequence[str]) -> list[str]:
        """Return those of the `lost` workers that may be recovered now, and lock them until the transaction ends.

        A worker that has written its heartbeat since it was looked at, or is writing it right now, is alive. On
        PostgreSQL, waiting for it would be a deadlock: it may be about to settle the rows that are being recovered.
        """
        if not lost:
            return []
        query = select(_workers.c.worker_id, _workers.c.heartbeat_at).where(_workers.c.worker_id.in_(lost))
        found = {row[0]: row[1] for row in connection.execute(locking(query, skip_locked=True))}
        return [worker_id for worker_id in lost if found.get(worker_id) == self._heartbeats[worker_id][0]]
