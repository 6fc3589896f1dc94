"""The threads that do the jobs of a staged kind: one for all first steps, and one that finishes jobs.

Neither writes to the database. See `thread_pool.py` for the other kinds.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from functools import partial
from typing import Any

from tmxdb.errors import TmxdbError
from tmxdb.queue.job import ClaimKey, FirstSteps, Job, StagedKind, claim_key
from tmxdb.queue.loop.finisher import Finisher
from tmxdb.queue.loop.perform import Result, attempt, bug, ended, exhausted_resource, existing, result_of
from tmxdb.queue.loop.result_buffer import ResultBuffer

POLL_S = 0.02
"""How long jobs that arrive while others are under way may wait before they begin."""
LONG_POLL_S = 0.2
"""The same while no other job could begin anyway."""


class StagedPool:
    """Up to `size` first steps of `kind` at the same time. Results go to `results` in any order.

    `may_begin`: returns whether jobs may begin now; `withdraw` and `drop` work meanwhile. `slots`: a semaphore shared
    by several pools that together have more threads than jobs may run at the same time.
    """

    def __init__(
        self,
        kind: StagedKind[Any],
        size: int,
        results: ResultBuffer[Result],
        slots: threading.Semaphore | None = None,
        may_begin: Callable[[], bool] = lambda: True,
    ) -> None:
        self.kind = kind
        self.size = size
        self._results, self._slots, self._may_begin = results, slots, may_begin
        self._finisher = Finisher(kind, results, size)
        self._steps: FirstSteps[Any] | None = None
        self._inbox: deque[Job] = deque()
        self._next: Job | None = None
        self._under_way: dict[ClaimKey, Job] = {}
        self._changed = threading.Condition()
        self._has_slot = self._waits = self._has_threads = self._closed = False

    def submit(self, jobs: Iterable[Job]) -> None:
        """Run `jobs` in order, each as soon as it may begin."""
        with self._changed:
            self._inbox.extend(jobs)
            if self._inbox and not self._has_threads:
                self._has_threads = True
                self._finisher.start()
                # A daemon thread, so that a second Ctrl-C need not wait for it.
                threading.Thread(target=self._work, name=f"{self.kind.name}-0", daemon=True).start()
            self._changed.notify()

    def withdraw(self) -> list[Job]:
        """Remove and return the jobs that have not begun."""
        with self._changed:
            jobs = [*([] if self._next is None else [self._next]), *self._inbox]
            self._next = None
            self._inbox.clear()
        return jobs

    def drop(self, keys: Collection[int]) -> None:
        """Remove the jobs with `keys` that have not begun."""
        with self._changed:
            self._inbox = deque(job for job in self._inbox if job.item_id not in keys)
            if self._next is not None and self._next.item_id in keys:
                self._next = None

    def begun(self) -> list[int]:
        """Return the keys of the jobs being worked on. A job that waits for its turn is left out."""
        return sorted({item_id for item_id, _ in (*list(self._under_way), *self._finisher.claims())})

    def free(self) -> int:
        """Return how many more jobs will begin immediately."""
        return 0 if self._waits else max(self.size - len(self._under_way) - len(self._inbox), 0)

    def close(self) -> None:
        """Let the threads end after the jobs that have begun."""
        with self._changed:
            self._closed = True
            self._next = None
            self._inbox.clear()
            self._changed.notify()

    def _work(self) -> None:
        while not self._closed or self._under_way:
            try:
                self._advance(self._begin_jobs())
            except Exception as error:  # noqa: BLE001  # a bug fails its rows, but not the run
                self._fail(error)
        if self._steps is not None:
            self._steps.close()
        self._finisher.close()

    def _begin_jobs(self) -> float | None:
        """Begin all jobs that may begin. Return in how many seconds to try again; None if no job is left."""
        while True:
            if len(self._under_way) >= self.size or not self._may_begin():
                return LONG_POLL_S
            if not self._finisher.has_room or not self._takes_slot():
                return POLL_S
            self._take_next()
            if (job := self._next) is None:
                self._waits = False
                if self._steps is not None:
                    self._steps.release()
                return None
            wait_s = attempt(job, self._wait_s)
            self._waits = not isinstance(wait_s, Result) and wait_s > 0
            if not isinstance(wait_s, Result) and wait_s > 0:
                return wait_s
            with self._changed:
                if self._next is None:  # withdrawn meanwhile
                    continue
                self._next = None
                self._under_way[claim_key(job)] = job
            failed = wait_s if isinstance(wait_s, Result) else attempt(job, partial(self._open_steps().begin, job))
            if failed is not None:
                self._results.put(failed)
                del self._under_way[claim_key(job)]

    def _take_next(self) -> None:
        """Take the next job that needs work, unless there already is one."""
        while self._next is None:
            with self._changed:
                if not self._inbox:
                    return
                job = self._inbox.popleft()
                self._under_way[claim_key(job)] = job
            if (result := existing(self.kind, job)) is not None:
                self._results.put(result)
            with self._changed:
                del self._under_way[claim_key(job)]
                if result is None and not self._closed:
                    self._next = job

    def _wait_s(self) -> float:
        """Return in how many seconds the next job may begin."""
        return self._open_steps().wait_s(min(self.size - len(self._under_way), 1 + len(self._inbox)))

    def _open_steps(self) -> FirstSteps[Any]:
        if self._steps is None:
            self._steps = self.kind.first_steps(self.size)
        return self._steps

    def _advance(self, wait_s: float | None) -> None:
        """Go on with the steps under way for up to `wait_s`. If there are none, wait for a job, or until `wait_s`."""
        if not self._under_way:
            if self._next is None:
                self._give_slot_back()
            with self._changed:
                if not self._closed and (wait_s is not None or not self._inbox):
                    self._changed.wait(wait_s)
            return
        done = self._open_steps().wait(POLL_S if wait_s is None else wait_s)
        failed = [one for one in done if one.outcome is not None]
        self._finisher.add([one for one in done if one.outcome is None])
        for one in failed:
            self._results.put(ended(one))
        for one in done:  # only now, so that `begun` always has them
            del self._under_way[claim_key(one.job)]

    def _takes_slot(self) -> bool:
        """Return whether jobs may begin as far as other kinds leave room."""
        if self._slots is not None and not self._has_slot:
            self._has_slot = self._slots.acquire(timeout=LONG_POLL_S)
        return self._slots is None or self._has_slot

    def _give_slot_back(self) -> None:
        """Let other kinds work. They may need what the next job has reserved."""
        if self._slots is not None and self._has_slot:
            if self._steps is not None:
                self._steps.release()
            self._has_slot = False
            self._slots.release()

    def _fail(self, error: Exception) -> None:
        """Let all jobs under way fail because of `error`, which is being handled."""
        known = exhausted_resource(error) or (error if isinstance(error, TmxdbError) else None)
        for job in list(self._under_way.values()):
            self._results.put(Result(job, bug()) if known is None else result_of(job, known))
        self._under_way.clear()
        steps, self._steps = self._steps, None
        if steps is not None:
            with suppress(Exception):  # it may be what is broken
                steps.close()
