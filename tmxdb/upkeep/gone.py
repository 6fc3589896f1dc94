"""Which workers are gone, asked once and for all: for `tmxdb release`, which does not stay to watch as workers do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from tmxdb.clock import Clock, iso
from tmxdb.db.engine import Database
from tmxdb.db.models import Worker, table_of
from tmxdb.queue.workers import HEARTBEAT_MS, Watch

_LOOK_S = 0.5
_workers = table_of(Worker)


@dataclass(frozen=True, slots=True)
class Signed:
    """A worker on the list. `alive` as far as this machine can tell; `silent`: its lease is over."""

    worker_id: str
    host: str
    pid: int
    heartbeat_at: str
    alive: bool
    silent: bool

    def __str__(self) -> str:
        return f"{self.worker_id} (process {self.pid} on {self.host}, last word {self.heartbeat_at})"


def signed_in(connection: Connection, now_ms: int, watch: Watch | None = None) -> list[Signed]:
    """Every worker on the list, the oldest first."""
    gone = set((watch or Watch()).dead(connection, "", now_ms))
    columns = (_workers.c.worker_id, _workers.c.host, _workers.c.pid, _workers.c.heartbeat_at, _workers.c.lease_until)
    return [
        Signed(worker_id, host, pid, beat, worker_id not in gone, lease < iso(now_ms))
        for worker_id, host, pid, beat, lease in connection.execute(select(*columns).order_by(_workers.c.started_at))
    ]


def gone_workers(
    database: Database,
    *,
    clock: Clock,
    watch: Watch,
    wait: Callable[[float], object],
    on_wait: Callable[[Sequence[Signed], float], None],
) -> list[Signed]:
    """Workers whose process is gone, or that are silent.

    Clocks of two machines may differ: a worker of another one whose lease is over is watched for three heartbeats
    (15 s) before it counts as gone. `on_wait` is told of those, `wait` sleeps.
    """
    waits_s = 3 * HEARTBEAT_MS / 1000
    asked = False
    while True:
        with database.read() as connection:
            workers = signed_in(connection, clock(), watch)
        doubtful = [worker for worker in workers if worker.alive and worker.silent]
        if not doubtful or waits_s < 0:
            return [worker for worker in workers if not worker.alive]
        if not asked:
            on_wait(doubtful, waits_s)
            asked = True
        wait(_LOOK_S)
        waits_s -= _LOOK_S
