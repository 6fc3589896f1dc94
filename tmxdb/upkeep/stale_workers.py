"""Find workers that have died, for `tmxdb release`, which does not keep watching as workers do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from tmxdb.clock import Clock, iso
from tmxdb.db.database import Database
from tmxdb.db.database_clock import time_of
from tmxdb.db.models import WorkerRow, table_of
from tmxdb.queue.worker_registry import HEARTBEAT_MS, LivenessMonitor

_CHECK_EVERY_S = 0.5
_workers = table_of(WorkerRow)


@dataclass(frozen=True, slots=True)
class RegisteredWorker:
    """A worker in the registry. `alive`: as far as this machine can tell. `silent`: its lease has expired."""

    worker_id: str
    host: str
    pid: int
    heartbeat_at: str
    alive: bool
    silent: bool

    def __str__(self) -> str:
        return f"{self.worker_id} (process {self.pid} on {self.host}, last heartbeat {self.heartbeat_at})"


def registered_workers(
    connection: Connection, now_ms: int, monitor: LivenessMonitor | None = None
) -> list[RegisteredWorker]:
    """Return every worker in the registry, the oldest first."""
    dead = set((monitor or LivenessMonitor()).lost_workers(connection, "", now_ms))
    columns = (_workers.c.worker_id, _workers.c.host, _workers.c.pid, _workers.c.heartbeat_at, _workers.c.lease_until)
    return [
        RegisteredWorker(worker_id, host, pid, heartbeat, worker_id not in dead, lease < iso(now_ms))
        for worker_id, host, pid, heartbeat, lease in connection.execute(
            select(*columns).order_by(_workers.c.started_at)
        )
    ]


def find_stale_workers(
    database: Database,
    *,
    clock: Clock,
    monitor: LivenessMonitor,
    wait: Callable[[float], object],
    on_wait: Callable[[Sequence[RegisteredWorker], float], None],
) -> list[RegisteredWorker]:
    """Return the workers whose process has ended, or that stay silent.

    The lease of a worker that was suspended may have expired. So a worker of another machine whose lease has expired is
    watched for three heartbeats (15 s) before it counts as dead. `on_wait` gets those workers and the seconds to wait;
    `wait` sleeps.
    """
    left_s = 3 * HEARTBEAT_MS / 1000
    announced = False
    while True:
        with database.read() as connection:
            workers = registered_workers(connection, time_of(connection, clock), monitor)
        doubtful = [worker for worker in workers if worker.alive and worker.silent]
        if not doubtful or left_s < 0:
            return [worker for worker in workers if not worker.alive]
        if not announced:
            on_wait(doubtful, left_s)
            announced = True
        wait(_CHECK_EVERY_S)
        left_s -= _CHECK_EVERY_S
