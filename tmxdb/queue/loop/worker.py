"""The worker: a loop that passes claimed jobs to thread pools and their results to the job store."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Container, Iterable, Sequence
from itertools import groupby
from operator import attrgetter
from typing import TypeVar, cast

from tmxdb.clock import Clock, from_iso, wall_clock
from tmxdb.db.database import Database
from tmxdb.errors import DatabaseError, UserActionRequired
from tmxdb.events import CycleCompleted, DatabaseUnavailable, Event, EventBus, Notice, WaitingForPause, WaitingForRetry
from tmxdb.failure_policy import Action, policy_for
from tmxdb.queue.job import Kind, Snooze, ThreadedKind, batch_size, is_staged
from tmxdb.queue.lock_holder import lock_holder
from tmxdb.queue.loop.batch import transactions
from tmxdb.queue.loop.cycle import Cycle, CycleInput
from tmxdb.queue.loop.demand import BATCH, Demand, DemandPlanner
from tmxdb.queue.loop.job_store import RECOVERY_S, JobStore
from tmxdb.queue.loop.perform import Result, exhausted_resource
from tmxdb.queue.loop.result_buffer import ResultBuffer
from tmxdb.queue.loop.run_options import RunOptions, Totals
from tmxdb.queue.loop.staged_pool import StagedPool
from tmxdb.queue.loop.thread_pool import ThreadPool, pool_sizes
from tmxdb.queue.worker_registry import LEASE_MS, Identity

T = TypeVar("T")
BATCH_WAIT_S = 0.1
"""How long a result waits for others to be settled with it."""
IDLE_WAIT_S = 0.1
"""How long to wait for a first result."""
MAX_DATABASE_OUTAGE_S = 120.0
"""How long results are kept in memory while the database is unavailable. Then the run stops."""
DATABASE_RETRY_S = 2.0
MAX_CONFIRMATION_AGE_S = LEASE_MS / 2000
"""How old the last heartbeat may be when a thread begins a job. After a suspend it is older."""
NO_LIMIT = 2**31


class Worker:
    """One process that works on one database.

    `stop`: set it to end in good order. `stop_now`: set it to end without waiting for running jobs. `concurrency`:
    returns how many requests the process allows itself at the same time, for `tmxdb status`. `waiting_threads`:
    identifiers of the threads that wait for the rate limiter; the jobs of these threads have not begun.
    `check`: called at each heartbeat, also of an idle worker; raises if the run cannot continue.
    """

    def __init__(
        self,
        database: Database,
        kinds: Sequence[Kind],
        options: RunOptions,
        *,
        identity: Identity,
        events: EventBus,
        stop: threading.Event,
        stop_now: threading.Event,
        clock: Clock = wall_clock,
        rng: random.Random | None = None,
        concurrency: Callable[[], int | None] = lambda: None,
        waiting_threads: Container[int] = (),
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self._database, self._options, self._events, self._clock = database, options, events, clock
        self._stop, self._stop_now = stop, stop_now
        by_name = {kind.name: kind for kind in kinds}
        self._store = JobStore(
            database,
            by_name,
            identity,
            n=options.n,
            max_attempts=options.max_attempts,
            clock=clock,
            rng=rng or random.Random(),
            concurrency=concurrency,
            check=check,
            selection=options.selection,
        )
        self._results: ResultBuffer[Result] = ResultBuffer()
        sizes = pool_sizes(options.n, kinds)
        # With more kinds than `n`, each pool needs a thread, but only `n` jobs may run at the same time.
        slots = threading.Semaphore(options.n) if sum(sizes.values()) > options.n else None
        self._pools: dict[str, ThreadPool | StagedPool] = {
            name: StagedPool(kind, sizes[name], self._results, slots, self._may_begin)
            if is_staged(kind)
            else ThreadPool(
                cast(ThreadedKind, kind), sizes[name], self._results, slots, self._may_begin, waiting_threads
            )
            for name, kind in by_name.items()
        }
        staged = {name: size if is_staged(by_name[name]) else 0 for name, size in sizes.items()}
        self._at_once = options.n + sum(staged.values())  # as many started jobs may wait to be finished
        rows = {name: size * batch_size(by_name[name]) + staged[name] for name, size in sizes.items()}
        self._planner = DemandPlanner(by_name, rows, self._store.held)
        self._confirmed = (time.monotonic(), clock())
        self._claimed = 0
        self._waits_for_pause = False
        self._halt: UserActionRequired | None = None

    @property
    def totals(self) -> Totals:
        """Totals of the run so far."""
        return self._store.totals

    def run(self) -> Totals:
        """Work until nothing is left, the limit is reached or `stop` is set.

        Raise UserActionRequired if the user must do something before the run can continue.
        """
        self._store.open()
        try:
            self._loop()
            if not self._stop_now.is_set():
                self._when_available(self._store.check_unchanged, 0)
        except (MemoryError, RuntimeError) as error:
            if (exhausted := exhausted_resource(error)) is None:
                raise
            raise exhausted from error
        finally:
            self._shut_down()
        if self._halt is not None:
            raise self._halt
        return self.totals

    def _loop(self) -> None:
        while not self._stop_now.is_set():
            results = self._collect()
            if self._is_stopping():
                self._release_waiting_jobs()
                if not results and not self._store.in_flight():
                    return
            for part in transactions(results, self._store.holds):
                self._run_cycle(part)
                if self._stop_now.is_set():
                    break
            self._events.emit(CycleCompleted())
            if not self._store.in_flight() and not self._results and self._is_finished():
                return

    def _is_stopping(self) -> bool:
        return self._stop.is_set() or self._halt is not None

    def _collect(self) -> list[Result]:
        """Wait for results: for a first one, then a little for more, as long as the threads have jobs left."""
        in_flight = self._store.in_flight()
        wanted = min(in_flight - self._at_once, BATCH)
        return self._results.take(max(wanted, 1), first_s=IDLE_WAIT_S if in_flight else 0.0, more_s=BATCH_WAIT_S)

    def _run_cycle(self, results: list[Result]) -> None:
        """Settle `results`, claim more rows, and pass them to the threads."""
        cycle = self._when_available(lambda: self._store.cycle(self._state(results)), len(results))
        if cycle is None:
            return
        if cycle.confirmed_at is not None:
            self._confirmed = cycle.confirmed_at
        for kind, lost in groupby(cycle.lost, key=attrgetter("kind")):
            self._pools[kind].drop({job.item_id for job in lost})
        self._emit(cycle.events)
        self._count(cycle)
        self._withdraw_paused_jobs()
        for kind, jobs in groupby(cycle.claimed, key=attrgetter("kind")):
            self._pools[kind].submit(jobs)

    def _state(self, results: list[Result]) -> CycleInput:
        return CycleInput(
            results,
            self._demand(results),
            begun={name: pool.begun() for name, pool in self._pools.items()},
            free={name: pool.free() for name, pool in self._pools.items()},
        )

    def _may_begin(self) -> bool:
        """Return whether claimed jobs are still ours: not if this process was suspended, until the next heartbeat."""
        confirmed_s, confirmed_ms = self._confirmed
        age_s = max(time.monotonic() - confirmed_s, (self._clock() - confirmed_ms) / 1000)
        return age_s < MAX_CONFIRMATION_AGE_S

    def _demand(self, results: list[Result]) -> dict[str, Demand]:
        if self._is_stopping():
            return {}
        limit = self._options.limit - self._claimed if self._options.limit else NO_LIMIT
        return self._planner.demand(self._store.claimable(results), results, limit)

    def _count(self, cycle: Cycle) -> None:
        self._claimed += len(cycle.claimed)
        for result, status in cycle.settled:
            self._halt = self._halt or result.halt
            if status is not None and isinstance(result.outcome, Snooze):
                self._claimed -= 1

    def _withdraw_paused_jobs(self) -> None:
        for name, pause in self._store.paused.items():
            for job in self._pools[name].withdraw():
                self._results.put(Result(job, Snooze("worker.paused", f"{pause}.")))

    def _release_waiting_jobs(self) -> None:
        """Release the jobs that no thread has begun."""
        jobs = [job for pool in self._pools.values() for job in pool.withdraw()]
        events = self._when_available(lambda: self._store.release(jobs), len(self._results))
        if events is not None:
            self._claimed -= len(jobs)
            self._emit(events)

    def _when_available(self, call: Callable[[], T], results: int) -> T | None:
        """Return `call()`. Repeat it while the database is unavailable. Return None if `stop_now` is set meanwhile.

        Give up after MAX_DATABASE_OUTAGE_S, unless a known process holds the database: wait for that one.
        """
        deadline_s = time.monotonic() + MAX_DATABASE_OUTAGE_S
        while True:
            try:
                return call()
            except DatabaseError as error:
                if policy_for(error).action is not Action.SNOOZE:
                    raise
                holder = lock_holder(self._database) if error.code == "db.busy" else None
                if holder is None and time.monotonic() > deadline_s:
                    raise
                reason = str(error) if holder is None else f"{error} {holder}"
                self._events.emit(DatabaseUnavailable(reason, results))
                if self._stop_now.wait(DATABASE_RETRY_S):
                    return None

    def _is_finished(self) -> bool:
        """Return whether the run ends, when nothing is in flight. Wait a little if it does not."""
        if self._is_stopping() or (self._options.limit and self._claimed >= self._options.limit):
            return True
        if self._store.claimable():
            return False
        if self._options.forever:
            return self._stop.wait(RECOVERY_S / 2)
        backlog = self._when_available(self._store.backlog, 0)
        if backlog is None:
            return True
        if backlog.pending:  # another worker released or opened it after our last claim
            return False
        waits = self._options.wait and (backlog.due is not None or backlog.paused)
        if not backlog.held_by_others and not waits:
            return True
        only_paused = backlog.paused and backlog.due is None and not backlog.held_by_others
        if only_paused and not self._waits_for_pause:
            self._events.emit(WaitingForPause(tuple(self._store.paused)))
        self._waits_for_pause = only_paused
        if backlog.due is not None and self._options.wait:
            due_ms = from_iso(backlog.due)
            self._events.emit(WaitingForRetry(backlog.retrying, due_ms, max(due_ms - self._store.now_ms(), 0) / 1000))
        return self._stop.wait(RECOVERY_S / 4)

    def _emit(self, events: Iterable[Event]) -> None:
        for event in events:
            self._events.emit(event)

    def _shut_down(self) -> None:
        """Release all rows and unregister, however the run ended."""
        for pool in self._pools.values():
            pool.close()
        try:
            self._store.close()
        except DatabaseError as error:
            if error.code == "db.replaced":  # its rows are not ours
                raise
            self._events.emit(Notice(f"{error} Claimed rows become pending again by themselves.", "queue"))
