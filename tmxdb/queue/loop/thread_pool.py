"""The threads that run the jobs of one kind. They never write to the database."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Collection, Container, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import cast

from tmxdb.queue.job import BatchKind, Job, Kind, ThreadedKind, batch_size
from tmxdb.queue.loop.perform import Result, exhausted_resource, perform, perform_batch
from tmxdb.queue.loop.result_buffer import ResultBuffer
from tmxdb.queue.rows.groups import GroupSchedule, group_of

MAY_BEGIN_POLL_S = 0.2


class ThreadPool:
    """Up to `size` threads for `kind`, started as jobs arrive. Results go to `results` in any order.

    `may_begin`: returns whether threads may begin jobs now; `withdraw` and `drop` work meanwhile. `slots`: a semaphore
    shared by several pools that together have more threads than jobs may run at the same time. `waiting_threads`: the
    threads that wait for something before they begin their job.
    """

    def __init__(
        self,
        kind: ThreadedKind,
        size: int,
        results: ResultBuffer[Result],
        slots: AbstractContextManager[object] | None = None,
        may_begin: Callable[[], bool] = lambda: True,
        waiting_threads: Container[int] = (),
    ) -> None:
        self.kind = kind
        self.size = size
        self._results = results
        self._slots = slots or nullcontext()
        self._may_begin, self._waiting_threads = may_begin, waiting_threads
        self._inbox: deque[Job] = deque()
        self._running: dict[int, Sequence[Job]] = {}  # by thread
        self._batch_size = batch_size(kind)
        group = group_of(kind)
        self._schedule = None if group is None else GroupSchedule(group.name)
        self._changed = threading.Condition()
        self._threads = self._idle = 0
        self._waking = False
        self._closed = False

    def submit(self, jobs: Iterable[Job]) -> None:
        """Run `jobs` in order, each as soon as a thread is free."""
        with self._changed:
            self._inbox.extend(jobs)
            self._wake_one()

    def withdraw(self) -> list[Job]:
        """Remove and return the jobs that no thread has begun."""
        with self._changed:
            jobs = list(self._inbox)
            self._inbox.clear()
        return jobs

    def drop(self, keys: Collection[int]) -> None:
        """Remove the jobs with `keys` that no thread has begun."""
        with self._changed:
            self._inbox = deque(job for job in self._inbox if job.item_id not in keys)

    def begun(self) -> list[int]:
        """Return the keys of the jobs being worked on, except those of threads that wait."""
        running = [jobs for thread, jobs in list(self._running.items()) if thread not in self._waiting_threads]
        return sorted({job.item_id for jobs in running for job in jobs})

    def free(self) -> int:
        """Return how many more jobs threads will begin immediately."""
        return max((self.size - len(self._running)) * self._batch_size - len(self._inbox), 0)

    def close(self) -> None:
        """Let each thread end after its current job."""
        with self._changed:
            self._closed = True
            self._inbox.clear()
            self._changed.notify_all()

    def _wake_one(self) -> None:
        """Wake or start one thread if there is a job for it. That thread wakes the next one.

        With very short jobs, the first thread finishes all of them before the others are awake. Measured: one wake-up
        for each job costs more than claiming and settling it.
        """
        if not self._inbox or self._waking:
            return
        if self._idle:
            self._waking = True
            self._changed.notify()
        elif self._threads < self.size:
            self._waking = self._start_thread()

    def _start_thread(self) -> bool:
        # Daemon threads, so that a second Ctrl-C need not wait for them.
        thread = threading.Thread(target=self._work, name=f"{self.kind.name}-{self._threads}", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # the system allows no more threads: continue with those we have
            if self._threads:
                return False
            if (exhausted := exhausted_resource(error)) is None:
                raise
            raise exhausted from error
        self._threads += 1
        return True

    def _work(self) -> None:
        with self._changed:
            self._waking = False
        thread = threading.get_ident()
        jobs: list[Job] = []
        while jobs := self._next(jobs[-1] if jobs else None):
            with self._slots:
                self._running[thread] = jobs
                self._perform(jobs)
                del self._running[thread]

    def _perform(self, jobs: Sequence[Job]) -> None:
        if len(jobs) == 1:
            self._results.put(perform(self.kind, jobs[0]))
        else:
            for result in perform_batch(cast(BatchKind, self.kind), jobs):
                self._results.put(result)

    def _next(self, previous: Job | None) -> list[Job]:
        """Wait for the next jobs of a thread that has just done `previous`. None of them when the pool is closed."""
        with self._changed:
            while True:
                may_begin = self._may_begin()
                jobs = self._take(previous) if may_begin else []
                if jobs:
                    break
                if self._closed:
                    return []
                previous = None if may_begin else previous
                self._idle += 1
                self._changed.wait(None if may_begin else MAY_BEGIN_POLL_S)
                self._idle -= 1
                self._waking = False
            self._wake_one()
        return jobs

    def _take(self, previous: Job | None) -> list[Job]:
        """Remove and return one job, or a share of the inbox for a kind that does several together."""
        if self._schedule is not None:
            job = self._schedule.take(self._inbox, previous)
            return [] if job is None else [job]
        if self._batch_size == 1:
            return [self._inbox.popleft()] if self._inbox else []
        jobs: list[Job] = []
        share = min(-(-len(self._inbox) // self.size), self._batch_size)
        # A job on which a worker died runs alone, so that the next death is blamed on no other.
        while len(jobs) < share and not (jobs and (jobs[0].losses or self._inbox[0].losses)):
            jobs.append(self._inbox.popleft())
        return jobs


def pool_sizes(n: int, kinds: Sequence[Kind]) -> dict[str, int]:
    """Return how many of `n` threads each kind gets: at least one, at most what the kind can use.

    The split is fixed for the whole run. Threads keep connections to the site open, and there must never be more
    connections than `n`.
    """
    if len(kinds) == 1:
        return {kinds[0].name: max(1, min(n, kinds[0].at_most(n)))}
    sizes = {kind.name: max(1, min(n // 4, kind.at_most(n))) for kind in kinds}
    largest = max(kinds, key=lambda kind: (kind.at_most(n), list(sizes).index(kind.name))).name
    rest = n - sum(size for name, size in sizes.items() if name != largest)
    sizes[largest] = max(1, min(rest, {kind.name: kind for kind in kinds}[largest].at_most(n)))
    return sizes
