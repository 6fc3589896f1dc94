"""Who works on this database: signing in and out, the heartbeat, and whose process is gone."""

from __future__ import annotations

import json
import os
import platform
import secrets
import sys
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil
from sqlalchemy import Connection, delete, insert, select, update

from tmxdb.clock import iso
from tmxdb.db.models import Worker, table_of
from tmxdb.queue.job import RUNNING, Kind
from tmxdb.storage import safe_name

LEASE_MS = 60_000
HEARTBEAT_MS = 5_000
LONGEST_LOOK_S = 2.0
"""Between two looks at the others, no more than this counts as watched: who looks less often was asleep."""
_workers = table_of(Worker)


@dataclass(frozen=True, slots=True)
class Identity:
    """One worker process, unlike any other that ever was: host, pid and some random letters."""

    worker_id: str
    host: str
    machine: str
    pid: int
    process_started_ms: int


def new_identity() -> Identity:
    """The identity of this process as a worker."""
    host, pid = platform.node() or "unknown", os.getpid()
    worker_id = f"{safe_name(host, at_most=30)}-{pid}-{secrets.token_hex(3)}"
    return Identity(worker_id, host, this_machine(), pid, process_started_ms(pid) or 0)


def sign_in(connection: Connection, who: Identity, kinds: Sequence[str], n: int, now_ms: int) -> None:
    """Add `who` to the live workers."""
    connection.execute(
        insert(_workers).values(
            worker_id=who.worker_id,
            host=who.host,
            pid=who.pid,
            machine=who.machine,
            process_started_ms=who.process_started_ms,
            kinds=" ".join(kinds),
            n=n,
            started_at=iso(now_ms),
            heartbeat_at=iso(now_ms),
            lease_until=iso(now_ms + LEASE_MS),
        )
    )


def heartbeat(
    connection: Connection,
    who: Identity,
    kinds: Sequence[Kind],
    n: int,
    counts: Mapping[str, int],
    per_second: Mapping[str, float],
    now_ms: int,
    width: int | None = None,
) -> dict[str, list[int]]:
    """Say that `who` lives: all its rows are good for another lease. Answers which rows those are, by kind.

    `width`: requests that it allows itself at once; None: it sends none.

    A worker that was struck off while it slept (a closed laptop) signs in again; the rows it has lost by
    then stay lost, its late results are dropped.
    """
    lease = iso(now_ms + LEASE_MS)
    known = connection.execute(
        update(_workers)
        .where(_workers.c.worker_id == who.worker_id)
        .values(
            heartbeat_at=iso(now_ms), lease_until=lease, per_second=json.dumps(dict(per_second)), width=width, **counts
        )
    )
    if not known.rowcount:
        sign_in(connection, who, [kind.name for kind in kinds], n, now_ms)
    rows: dict[str, list[int]] = {}
    for kind in kinds:
        table = kind.table
        renewed = connection.execute(
            update(table)
            .where(table.c.status == RUNNING, table.c.claimed_by == who.worker_id)
            .values(lease_until=lease)
            .returning(kind.key)
        )
        rows[kind.name] = list(renewed.scalars())
    return rows


def sign_out(connection: Connection, worker_ids: Sequence[str]) -> None:
    """Strike workers off the list."""
    connection.execute(delete(_workers).where(_workers.c.worker_id.in_(worker_ids)))


def live_workers(connection: Connection, now_ms: int) -> set[str]:
    """The workers on the list but for those of this machine whose process is gone."""
    known = set(connection.execute(select(_workers.c.worker_id)).scalars())
    return known - set(Watch().dead(connection, "", now_ms))


class Watch:
    """Tells dead workers from live ones without trusting anybody's clock.

    A process of this machine is asked for at the system. Of another machine's worker the heartbeat is
    watched: it is dead when the heartbeat stood still for a whole lease by our own steady clock, or for
    three beats when its lease is over besides. A clock that jumps (suspend, NTP) can do neither harm.

    Steady clocks go on during suspend on some systems and stand still on others. So only time counts in which we
    looked: when a machine wakes up, its workers have all the time they need for a heartbeat.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._looked_s = monotonic()
        self._watched_s = 0.0
        self._beats: dict[str, tuple[str, float]] = {}

    def dead(self, connection: Connection, me: str, now_ms: int) -> list[str]:
        """The workers whose rows may be taken back now."""
        looks_s, gone = self._monotonic(), []
        self._watched_s += min(looks_s - self._looked_s, LONGEST_LOOK_S)
        self._looked_s, now_s = looks_s, self._watched_s
        columns = _workers.c
        for worker_id, machine, pid, started_ms, beat, lease_until in connection.execute(
            select(
                columns.worker_id,
                columns.machine,
                columns.pid,
                columns.process_started_ms,
                columns.heartbeat_at,
                columns.lease_until,
            ).where(columns.worker_id != me)
        ):
            if self._beats.get(worker_id, ("", 0.0))[0] != beat:
                self._beats[worker_id] = (beat, now_s)
            still_ms = (now_s - self._beats[worker_id][1]) * 1000
            silent = still_ms >= LEASE_MS or (lease_until < iso(now_ms) and still_ms >= 3 * HEARTBEAT_MS)
            if silent or (machine == this_machine() and process_started_ms(pid) != started_ms):
                gone.append(worker_id)
        return gone


@cache
def this_machine() -> str:
    """Where a pid of this process's world means the same. The name alone does not tell: two machines may both be
    called `ubuntu`, and a container may have its host's name but processes of its own."""
    marks = [platform.node() or "unknown"]
    with suppress(OSError):
        marks.append(Path("/etc/machine-id").read_text("ascii").strip()[:12])
    with suppress(OSError, AttributeError):
        marks.append(str(os.stat("/proc/self/ns/pid").st_ino))
    if len(marks) == 1:
        marks.append(f"{uuid.getnode():012x}")
    return " ".join(marks)


def process_started_ms(pid: int) -> int | None:
    """A number that this process has and a later one with the same pid has not; None: there is no such process."""
    try:
        if sys.platform == "linux":  # ticks since boot: unlike the time of day they do not move with the clock
            fields = Path(f"/proc/{pid}/stat").read_bytes().rsplit(b")", 1)[1].split()
            return None if fields[0] in (b"Z", b"X") else int(fields[19])
        return round(psutil.Process(pid).create_time() * 1000)
    except (OSError, IndexError, psutil.Error):
        return None
