"""The worker: one writer that claims ahead and settles together, and crews of threads that do the jobs.

Measured on two cores with SQLite: 64 threads that each write by themselves 8 k jobs/s with waits of seconds, one
writer for all of them 80 k. So only this loop writes, and a transaction carries all results of some
milliseconds together with the next claims.
"""

from __future__ import annotations

import queue
import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sqlalchemy import Connection, select

from tmxdb.clock import Clock, from_iso, wall_clock
from tmxdb.db.engine import Database
from tmxdb.errors import DatabaseTrouble, UserMustAct
from tmxdb.queue.claim import claim
from tmxdb.queue.crew import Crew, Result
from tmxdb.queue.job import Job, Kind, Snooze
from tmxdb.queue.pace import Pace
from tmxdb.queue.recover import RUNNING, next_due, recover
from tmxdb.queue.settle import release, settle
from tmxdb.queue.workers import HEARTBEAT_MS, LEASE_MS, Identity, Watch, heartbeat, sign_in, sign_out

LOOK_S = 1.0
"""How often a worker looks for rows that came back by themselves, or that somebody else opened."""
GATHER_S = 0.02
"""How long results wait for others to be settled with."""
BATCH = 256
DATABASE_PATIENCE_S = 120.0
"""How long results are kept in memory while the database is away, before the run stops."""
COUNTED = ("done", "failed", "skipped", "retry")


@dataclass(frozen=True, slots=True)
class Plan:
    """How to work. `limit` 0: no limit. `forever`: wait for new work. `wait`: for rows in retry, too."""

    n: int
    limit: int = 0
    forever: bool = False
    wait: bool = True
    max_attempts: int = 5


@dataclass(slots=True)
class Totals:
    """What a run did: finished jobs by kind and status, late results dropped, rows given back at the end."""

    by_kind: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    dropped: int = 0
    given_back: int = 0
    interrupted: bool = False

    def of(self, status: str) -> int:
        """Jobs of all kinds that ended as `status`."""
        return sum(counter[status] for counter in self.by_kind.values())


class Listener(Protocol):
    """Who watches a run: the progress bar, the log."""

    def settled(self, kind: str, status: str, item_id: int, error: str | None) -> None:
        """A job was written back as `status`."""

    def waiting(self, until_ms: int, rows: int) -> None:
        """Nothing to do before `until_ms`; `rows` wait for a retry."""

    def note(self, message: str) -> None:
        """Something a person should know."""

    def beat(self) -> None:
        """Once in a while, whatever happens."""


class Worker:
    """One process at work on one database. `stop` is set to end in good order, `stop_now` to drop everything."""

    def __init__(
        self,
        database: Database,
        kinds: Sequence[Kind],
        plan: Plan,
        *,
        identity: Identity,
        listener: Listener,
        stop: threading.Event,
        stop_now: threading.Event,
        clock: Clock = wall_clock,
        rng: random.Random | None = None,
    ) -> None:
        self._database = database
        self._kinds = {kind.name: kind for kind in kinds}
        self._plan = plan
        self._me = identity
        self._listener = listener
        self._stop, self._stop_now = stop, stop_now
        self._clock = clock
        self._rng = rng or random.Random()
        self._watch = Watch()
        self._pace = Pace()
        self._results: queue.SimpleQueue[Result] = queue.SimpleQueue()
        sizes = crew_sizes(plan.n, kinds)
        self._crews = {kind.name: Crew(kind, sizes[kind.name], self._results) for kind in kinds}
        self._held: dict[str, dict[int, Job]] = {kind.name: {} for kind in kinds}
        self._claimed = 0
        self._dry: set[str] = set()
        self._next_look = self._next_beat = 0.0
        self._halt: UserMustAct | None = None
        self.totals = Totals()

    def run(self) -> Totals:
        """Work until nothing is left, the limit is reached, or somebody says stop. Raises UserMustAct."""
        with self._database.write() as connection:
            names = list(self._kinds)
            sign_in(connection, self._me, names, self._plan.n, self._clock())
            for kind in self._kinds.values():
                kind.prepare(connection)
        try:
            self._loop()
        finally:
            self._leave()
        if self._halt is not None:
            raise self._halt
        return self.totals

    def _loop(self) -> None:
        while not self._stop_now.is_set():
            results = self._gather()
            if self._stopping():
                self._call_off()
                if not results and not self._in_flight():
                    return
            self._turn(results)
            self._listener.beat()
            if not self._in_flight() and self._results.empty() and self._ended():
                return

    def _stopping(self) -> bool:
        return self._stop.is_set() or self._halt is not None

    def _in_flight(self) -> int:
        return sum(len(held) for held in self._held.values())

    def _gather(self) -> list[Result]:
        """Results that came in: waits a little for the first, and less for others to go with it."""
        results: list[Result] = []
        patience = 0.1 if self._in_flight() else 0.0
        deadline = time.monotonic() + patience
        while len(results) < BATCH:
            wait = deadline - time.monotonic()
            try:
                result = self._results.get(timeout=wait) if wait > 0 else self._results.get_nowait()
            except queue.Empty:
                break
            if not results:
                deadline = time.monotonic() + GATHER_S
            results.append(result)
            # A crew that would soon run dry does not wait for company.
            if len(results) >= max(1, self._in_flight() // 4):
                deadline = time.monotonic()
        return results

    def _turn(self, results: list[Result]) -> None:
        """One transaction: settle, see what came back, claim anew. Tried again while the database is away."""
        gives_up = time.monotonic() + DATABASE_PATIENCE_S
        while True:
            try:
                jobs, settled = self._write(results)
                break
            except DatabaseTrouble as error:
                if error.code not in ("db.busy", "db.unreachable") or time.monotonic() > gives_up:
                    raise
                self._listener.note(f"{error} Trying again; {len(results)} results wait in memory.")
                if self._stop_now.wait(2.0):
                    return
        for result, status in settled:
            self._book(result, status)
        for job in jobs:
            self._held[job.kind][job.item_id] = job
            self._crews[job.kind].hand_in(job)

    def _write(self, results: list[Result]) -> tuple[list[Job], list[tuple[Result, str | None]]]:
        now = time.monotonic()
        looks, beats = now >= self._next_look, now >= self._next_beat
        if not (results or looks or beats or self._wants()):
            return [], []
        jobs: list[Job] = []
        settled: list[tuple[Result, str | None]] = []
        with self._database.write() as connection:
            now_ms = self._clock()
            if beats:
                self._beat(connection, now_ms)
            if looks:
                self._look(connection, now_ms)
            settled = self._settle(connection, results, now_ms)
            free = self._plan.n + self._ahead() - self._in_flight() + len(results)
            if any(status == "done" for _, status in settled):
                self._dry.clear()
            for name in self._wants(settled=results):
                room = min(self._room(name, results), free, self._left())
                claimed = claim(
                    connection, self._kinds[name], worker=self._me.worker_id, n=room, now_ms=now_ms, lease_ms=LEASE_MS
                )
                if len(claimed) < room:
                    self._dry.add(name)
                free -= len(claimed)
                self._claimed += len(claimed)
                jobs += claimed
        if looks:
            self._next_look = now + LOOK_S
        if beats:
            self._next_beat = now + HEARTBEAT_MS / 1000
        return jobs, settled

    def _wants(self, settled: Sequence[Result] = ()) -> list[str]:
        """Kinds that have threads to spare and may have rows; those that finish work before those that open it."""
        if self._stopping() or self._left() < 1:
            return []
        names = [name for name in reversed(self._kinds) if name not in self._dry]
        return [name for name in names if self._room(name, settled) >= max(1, self._crews[name].size // 8)]

    def _room(self, name: str, settled: Sequence[Result]) -> int:
        leaving = sum(result.job.kind == name for result in settled)
        size = self._crews[name].size
        return size + size // 2 - len(self._held[name]) + leaving

    def _ahead(self) -> int:
        """Jobs claimed before a thread is free for them, so that no thread waits for the database."""
        return self._plan.n // 2

    def _left(self) -> int:
        return self._plan.limit - self._claimed if self._plan.limit else 2**31

    def _settle(self, connection: Connection, results: list[Result], now_ms: int) -> list[tuple[Result, str | None]]:
        settled: list[tuple[Result, str | None]] = []
        for name, kind in self._kinds.items():
            batch = [result for result in results if result.job.kind == name]
            if not batch:
                continue
            statuses = settle(
                connection,
                kind,
                [(result.job, result.outcome) for result in batch],
                worker=self._me.worker_id,
                now_ms=now_ms,
                max_attempts=self._plan.max_attempts,
                rng=self._rng,
            ).statuses
            settled += zip(batch, statuses, strict=True)
        return settled

    def _book(self, result: Result, status: str | None) -> None:
        """After the commit: remember and tell."""
        job = result.job
        self._held[job.kind].pop(job.item_id, None)
        if result.halt is not None:
            self._halt = self._halt or result.halt
        if status is None:
            self.totals.dropped += 1
            self._listener.note(f"{job.kind} {job.item_id}: the result came too late, another worker has it now.")
            return
        if isinstance(result.outcome, Snooze):
            self._claimed -= 1
        if status in COUNTED:
            self.totals.by_kind[job.kind][status] += 1
            self._pace.count(job.kind)
        self._listener.settled(job.kind, status, job.item_id, getattr(result.outcome, "message", None))

    def _beat(self, connection: Connection, now_ms: int) -> None:
        counts = {
            name: self.totals.of(status)
            for name, status in (("done", "done"), ("failed", "failed"), ("skipped", "skipped"), ("retried", "retry"))
        }
        kinds = list(self._kinds.values())
        heartbeat(connection, self._me, kinds, self._plan.n, counts, self._pace.per_second(), now_ms)

    def _look(self, connection: Connection, now_ms: int) -> None:
        dead = self._watch.dead(connection, self._me.worker_id, now_ms)
        for kind in self._kinds.values():
            back = recover(connection, kind, dead=dead, now_ms=now_ms)
            if back.lost or back.deadly:
                self._listener.note(
                    f"{kind.name}: {back.lost + back.deadly} rows taken back from workers that are gone."
                )
            if back.deadly:
                self.totals.by_kind[kind.name]["failed"] += back.deadly
        sign_out(connection, dead)
        self._dry.clear()

    def _ended(self) -> bool:
        """Nothing in flight and nothing to claim: is this the end? Waits a little if it is not."""
        if self._stopping() or self._left() < 1:
            return True
        if len(self._dry) < len(self._kinds):
            return False
        if self._plan.forever:
            self._stop.wait(LOOK_S / 2)
            return self._stop.is_set()
        due, rows, others = self._still_to_come()
        if not others and (due is None or not self._plan.wait):
            return True
        if due is not None and self._plan.wait:
            self._listener.waiting(from_iso(due), rows)
        self._stop.wait(LOOK_S / 4)
        return self._stop.is_set()

    def _still_to_come(self) -> tuple[str | None, int, bool]:
        """When the next retry is due, how many rows wait for one, and whether other workers hold rows."""
        due: list[str] = []
        rows, others = 0, False
        with self._database.read() as connection:
            for kind in self._kinds.values():
                first = next_due(connection, kind)
                if first is not None:
                    due.append(first)
                    rows += waiting_rows(connection, kind)
                table = kind.table
                held = select(kind.key).where(table.c.status == RUNNING, table.c.claimed_by != self._me.worker_id)
                others = others or connection.execute(held.limit(1)).first() is not None
        return min(due, default=None), rows, others

    def _call_off(self) -> None:
        """Give back what no thread has begun."""
        jobs = [job for crew in self._crews.values() for job in crew.take_back()]
        self._give_back(jobs)

    def _give_back(self, jobs: list[Job]) -> None:
        if not jobs:
            return
        with self._database.write() as connection:
            for name, kind in self._kinds.items():
                release(connection, kind, [job for job in jobs if job.kind == name])
        for job in jobs:
            self._held[job.kind].pop(job.item_id, None)
        self._claimed -= len(jobs)
        self.totals.given_back += len(jobs)

    def _leave(self) -> None:
        """Whatever happened: no row stays ours, and our name comes off the list."""
        self.totals.interrupted = self._stop.is_set() or self._stop_now.is_set()
        for crew in self._crews.values():
            crew.dismiss()
        try:
            self._give_back([job for held in self._held.values() for job in held.values()])
            with self._database.write() as connection:
                sign_out(connection, [self._me.worker_id])
        except DatabaseTrouble as error:
            self._listener.note(f"{error} Rows in flight come back by themselves.")


def crew_sizes(n: int, kinds: Sequence[Kind]) -> dict[str, int]:
    """How many of `n` threads each kind gets: as many as make sense for it, and something for everyone."""
    if len(kinds) == 1:
        return {kinds[0].name: max(1, min(n, kinds[0].at_most(n)))}
    share = max(1, n // 4)
    sizes = {kind.name: min(share, kind.at_most(n)) for kind in kinds}
    widest = max(kinds, key=lambda kind: kind.at_most(n)).name
    sizes[widest] = max(1, n - sum(size for name, size in sizes.items() if name != widest))
    return sizes


def waiting_rows(connection: Connection, kind: Kind) -> int:
    """Rows of `kind` in backoff."""
    from sqlalchemy import func

    from tmxdb.queue.recover import RETRY

    return connection.execute(select(func.count()).where(kind.table.c.status == RETRY)).scalar_one()
