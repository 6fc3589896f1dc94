"""The worker's side of the database: what it holds, what is paused, and one transaction for each cycle.

Measured on two cores with SQLite: 64 threads that each write do 8 k jobs/s and wait for seconds; one writer for all of
them does 80 k. So one cycle settles the results of some milliseconds, recovers rows, sends the heartbeat and claims.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain

from sqlalchemy import Connection

from tmxdb.clock import Clock
from tmxdb.db.database import Database
from tmxdb.db.database_clock import DatabaseClock
from tmxdb.db.file_identity import ID_SETTING
from tmxdb.db.selected import Scope
from tmxdb.db.settings import count_heartbeat, setting
from tmxdb.db.tally import compact_tally
from tmxdb.errors import DatabaseError
from tmxdb.events import (
    ClaimsLost,
    Event,
    KindPaused,
    KindResumed,
    ResultDropped,
    RowsClaimed,
    RowSettled,
    RowsGivenUp,
    RowsRecovered,
    RowsReleased,
    WorkerLost,
)
from tmxdb.failure_policy import Action, policy_for
from tmxdb.queue.job import Job, Kind, Part, Snooze
from tmxdb.queue.loop.backlog import Backlog, read_backlog
from tmxdb.queue.loop.batch import settle_batch
from tmxdb.queue.loop.claims import Claims
from tmxdb.queue.loop.cycle import Cycle, CycleInput, begun_json
from tmxdb.queue.loop.demand import Demand
from tmxdb.queue.loop.perform import Result
from tmxdb.queue.loop.run_options import COUNTED, Totals
from tmxdb.queue.loop.throughput import Throughput
from tmxdb.queue.loop.unconfirmed import UnconfirmedResults
from tmxdb.queue.pauses import Paused, pause_of, pauses
from tmxdb.queue.progress import record_progress
from tmxdb.queue.rows.recover import DUE_PER_CYCLE, Recovered, other_tables, promote_far, recover, recover_lost
from tmxdb.queue.rows.settle import release, release_keys, settle
from tmxdb.queue.worker_registry import (
    HEARTBEAT_MS,
    LEASE_MS,
    Identity,
    LivenessMonitor,
    heartbeat,
    held_keys,
    record_begun,
    register,
    unregister,
)

RECOVERY_S = 1.0
"""How often a worker looks for due retries, rows of lost workers, and pauses."""


class JobStore:
    """Claims, holds and settles the rows of one worker. Each method that writes is one transaction."""

    def __init__(
        self,
        database: Database,
        kinds: Mapping[str, Kind],
        identity: Identity,
        *,
        n: int,
        max_attempts: int,
        clock: Clock,
        rng: random.Random,
        concurrency: Callable[[], int | None],
        check: Callable[[], None] = lambda: None,
        selection: Scope | None = None,
    ) -> None:
        """`check` is called at each heartbeat, and raises if the run cannot continue.

        `selection`: claim only rows of its tracks.
        """
        self.totals = Totals()
        self._database, self._kinds, self._identity = database, kinds, identity
        self._n, self._max_attempts = n, max_attempts
        self.now_ms, self._clock, self._rng, self._concurrency = DatabaseClock(clock), clock, rng, concurrency
        self._check, self._selection = check, selection
        worker = identity.worker_id
        self._claims = {name: Claims(kind, worker, selection) for name, kind in kinds.items()}
        self._throughput = Throughput()
        self._monitor = LivenessMonitor()
        self._held: dict[str, dict[int, Job]] = {name: {} for name in kinds}
        self._paused: Mapping[str, Paused] = {}
        self._exhausted: set[str] = set()
        self._next_recovery_s = self._next_heartbeat_s = 0.0
        self._begun_written = "{}"
        self._unconfirmed = UnconfirmedResults()

    @property
    def paused(self) -> Mapping[str, Paused]:
        """The paused kinds, as of the last look."""
        return self._paused

    def held(self, kind: str) -> Mapping[int, Job]:
        """Return the jobs of `kind` that are claimed and not settled, by key."""
        return self._held[kind]

    def holds(self, job: Job) -> bool:
        """Return whether `job` is held under this very claim token."""
        return self._held[job.kind].get(job.item_id) == job

    def in_flight(self) -> int:
        """Return how many jobs are claimed and not settled."""
        return sum(map(len, self._held.values()))

    def claimable(self, results: Sequence[Result] = ()) -> set[str]:
        """Return the kinds that are not paused and may have pending rows when `results` are settled."""
        if any(result.halt is None for result in results):
            self._exhausted.clear()  # they may open rows of other kinds, or return their own
        recovers = time.monotonic() >= self._next_recovery_s
        return self._kinds.keys() - self._paused.keys() - (set() if recovers else self._exhausted)

    def open(self) -> None:
        """Register the worker, and let each kind open the rows that this run asks for."""
        self._database.end_idle_transactions(LEASE_MS)  # else its rows would stay locked after the lease
        with self._database.write() as connection:
            register(connection, self._identity, list(self._kinds), self._n, self.now_ms.read(connection))
            for kind in self._kinds.values():
                kind.prepare(connection)

    def cycle(self, state: CycleInput) -> Cycle:
        """Settle the results, then claim what is demanded. Writes nothing if there is nothing to write."""
        cycle, now_s = Cycle(), time.monotonic()
        results, demand = state.results, state.demand
        recovers, beats = now_s >= self._next_recovery_s, now_s >= self._next_heartbeat_s or self._unconfirmed.any
        if not (results or demand or recovers or beats or begun_json(state, ()) != self._begun_written):
            return cycle
        if beats:
            self.check_unchanged()
        more_due, paused, exhausted = False, self._paused, set()
        self._unconfirmed.begin(results)
        with self._database.write() as connection:
            now_ms = self.now_ms.read(connection)
            if beats:
                self._heartbeat(connection, cycle, now_ms)
            if recovers:
                more_due = self._recover(connection, cycle, now_ms)
                active = pauses(connection, now_ms)
                found = {name: pause_of(active, name) for name in self._kinds}
                paused = {name: pause for name, pause in found.items() if pause is not None}
            for name, kind in self._kinds.items():
                batch = [result for result in results if result.job.kind == name]
                if batch:
                    cycle.settled += self._settle(connection, kind, batch, now_ms)
            for name, wanted in demand.items():
                if name not in paused and not self._claim(connection, self._kinds[name], wanted, cycle, now_ms):
                    exhausted.add(name)
            begun = begun_json(state, cycle.claimed)
            if begun != self._begun_written:
                record_begun(connection, self._identity.worker_id, begun)
        self._unconfirmed.end()
        self._begun_written = begun
        if recovers:
            self._next_recovery_s = now_s if more_due else now_s + RECOVERY_S
            self._exhausted.clear()
        self._exhausted |= exhausted
        self._remember(cycle, paused)
        if beats:
            try:
                self._database.checkpoint_unchanged()
                self._next_heartbeat_s = now_s + HEARTBEAT_MS / 1000
            except DatabaseError as error:  # the cycle is committed; the next one sends a heartbeat, too
                if policy_for(error).action is not Action.SNOOZE:
                    raise
        return cycle

    def check_unchanged(self) -> None:
        """Raise DatabaseError if the database is no longer the one the run began with; or what `check` raises."""
        self._database.identity.check_id()
        self._check()

    def backlog(self) -> Backlog:
        """Return what may still come when nothing is claimable."""
        with self._database.read() as connection:
            backlog = read_backlog(
                connection,
                self._kinds.values(),
                worker=self._identity.worker_id,
                paused=self._paused.keys(),
                selection=self._selection,
            )
        if backlog.pending:
            self._exhausted.clear()
            for claims in self._claims.values():
                claims.restart()
        return backlog

    def release(self, jobs: Sequence[Job]) -> list[Event]:
        """Return the rows of `jobs` to pending as if they had never been claimed. Return the events to emit."""
        events: list[Event] = []
        if not jobs:
            return events
        with self._database.write() as connection:
            for name, kind in self._kinds.items():
                batch = [job for job in jobs if job.kind == name]
                release(connection, kind, batch)
                if batch:
                    events.append(RowsReleased(name, len(batch)))
        for job in jobs:
            self._forget(job)
        for event in events:
            self.totals.count(event)
        return events

    def close(self) -> None:
        """Release all rows and unregister the worker."""
        self.release(list(chain.from_iterable(held.values() for held in self._held.values())))
        with self._database.write() as connection:
            for kind in self._kinds.values():
                self._release_unknown(connection, kind)
            unregister(connection, [self._identity.worker_id])
            record_progress(connection, self.now_ms.read(connection), is_last=True)

    def _heartbeat(self, connection: Connection, cycle: Cycle, now_ms: int) -> None:
        # Again: the file may have been overwritten while this transaction waited for its turn to write.
        self._database.identity.check_id()
        self._database.identity.compare(setting(connection, ID_SETTING))
        count_heartbeat(connection)
        kinds = list(self._kinds.values())
        statuses = {"done": "done", "failed": "failed", "skipped": "skipped", "retried": "retry"}
        counts = {column: self.totals.of(status) for column, status in statuses.items()}
        rates = self._throughput.per_second()
        known = heartbeat(connection, self._identity, kinds, self._n, counts, rates, now_ms, self._concurrency())
        if not known:
            self._begun_written = "{}"
        for kind in kinds:
            ours = self._release_unknown(connection, kind)
            known_later = ours | self._unconfirmed.of(kind.name)
            lost = [job for key, job in self._held[kind.name].items() if key not in known_later]
            if lost:
                cycle.lost += lost
                cycle.events.append(ClaimsLost(kind.name, len(lost)))
        cycle.confirmed_at = time.monotonic(), self._clock()
        compact_tally(connection)
        record_progress(connection, now_ms)

    def _release_unknown(self, connection: Connection, kind: Kind) -> set[int]:
        """Release rows whose claim we never received. Return the keys of the rows that are ours.

        There are some if the connection broke after a COMMIT had succeeded.
        """
        ours = set(held_keys(connection, kind, self._identity.worker_id))
        release_keys(connection, kind, ours - self._held[kind.name].keys(), worker=self._identity.worker_id)
        return ours

    def _recover(self, connection: Connection, cycle: Cycle, now_ms: int) -> bool:
        """Make due retries and rows of lost workers pending. Return whether more rows are due than fit in one cycle."""
        more_due = False
        lost = self._monitor.lost_workers(connection, self._identity.worker_id, now_ms)
        lost = self._monitor.hold(connection, lost)
        cycle.events += map(WorkerLost, lost)
        found: dict[str, Recovered] = {}
        for name, kind in self._kinds.items():
            promote_far(connection, kind, now_ms)
            found[name] = recover(connection, kind, lost_workers=lost, now_ms=now_ms)
            more_due = more_due or found[name].due == DUE_PER_CYCLE
        if lost:
            for other in other_tables(self._kinds):
                found[other.name] = recover_lost(connection, other, lost_workers=lost, now_ms=now_ms)
            unregister(connection, lost)
        for name, recovered in found.items():
            if recovered.lost:
                cycle.events.append(RowsRecovered(name, recovered.lost))
            if recovered.given_up:
                cycle.events.append(RowsGivenUp(name, recovered.given_up))
        return more_due

    def _claim(self, connection: Connection, kind: Kind, demand: Demand, cycle: Cycle, now_ms: int) -> bool:
        """Claim rows of `kind`. Return whether there were as many as wanted."""
        jobs, is_complete = self._claims[kind.name].claim(connection, demand, now_ms)
        if jobs:
            cycle.claimed += jobs
            cycle.events.append(RowsClaimed(kind.name, len(jobs)))
        return is_complete

    def _settle(
        self, connection: Connection, kind: Kind, batch: Sequence[Result], now_ms: int
    ) -> list[tuple[Result, str | None]]:
        write = partial(
            settle,
            connection,
            kind,
            worker=self._identity.worker_id,
            now_ms=now_ms,
            max_attempts=self._max_attempts,
            rng=self._rng,
        )
        return self._unconfirmed.with_former(connection, kind, settle_batch(connection, batch, write))

    def _remember(self, cycle: Cycle, paused: Mapping[str, Paused]) -> None:
        """Update the state after the commit."""
        for job in cycle.lost:
            self._forget(job)
        for result, status in cycle.settled:
            job, outcome = result.job, result.outcome
            if isinstance(outcome, Part) and status is not None:
                self._held[job.kind][job.item_id] = replace(job, token=job.token + 1)
                continue
            self._forget(job)
            if status is None:
                cycle.events.append(ResultDropped(job.kind, job.item_id))
                continue
            snoozed = isinstance(outcome, Snooze)
            if status in COUNTED and not snoozed:
                self._throughput.count(job.kind)
            code, message = getattr(outcome, "code", None), getattr(outcome, "message", None)
            cycle.events.append(RowSettled(job.kind, job.item_id, status, job.attempt, code, message, snoozed))
        for event in cycle.events:
            self.totals.count(event)
        for job in cycle.claimed:
            self._held[job.kind][job.item_id] = job
        new = dict.fromkeys(pause for name, pause in paused.items() if pause != self._paused.get(name))
        cycle.events += [KindPaused(pause.kind, pause.until, pause.reason) for pause in new]
        cycle.events += [KindResumed(name) for name in self._paused.keys() - paused.keys()]
        self._paused = paused

    def _forget(self, job: Job) -> None:
        """Hold `job` no longer. If its row was released and claimed again by this worker, keep the newer claim."""
        if self.holds(job):
            del self._held[job.kind][job.item_id]
