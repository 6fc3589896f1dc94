"""The threads that do the jobs of one kind. They never touch the database's writing side.

An exception becomes an outcome here, and nowhere else.
"""

from __future__ import annotations

import threading
import traceback
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from tmxdb.errors import TmxdbError, TryLater, UserMustAct
from tmxdb.queue.backoff import snooze_s
from tmxdb.queue.groups import Turns, group_of
from tmxdb.queue.job import LONGEST_ERROR, Fail, Job, Kind, Outcome, Retry, Skip, Snooze
from tmxdb.queue.tray import Tray
from tmxdb.retrying import Then, rule_for


@dataclass(frozen=True, slots=True)
class Result:
    """What a thread hands back. `halt`: the run has to stop for this reason; the job goes back uncharged."""

    job: Job
    outcome: Outcome
    halt: UserMustAct | None = None


class Crew:
    """Up to `size` threads for `kind`, started as jobs come in; results go to `results` in any order.

    `turns`: where several crews share fewer turns than they have threads, a thread waits for one.
    """

    def __init__(
        self, kind: Kind, size: int, results: Tray[Result], turns: AbstractContextManager[object] | None = None
    ) -> None:
        self.kind = kind
        self.size = size
        self._results = results
        self._turns = turns or nullcontext()
        self._inbox: deque[Job] = deque()
        group = group_of(kind)
        self._groups = None if group is None else Turns(group.name)
        self._jobs_in = threading.Condition()
        self._threads = self._idle = 0
        self._calling = False
        self._dismissed = False

    def hand_in(self, jobs: Iterable[Job]) -> None:
        """Do `jobs` in their order, each as soon as a thread is free."""
        with self._jobs_in:
            self._inbox.extend(jobs)
            self._call()

    def take_back(self) -> list[Job]:
        """The jobs that no thread has begun."""
        with self._jobs_in:
            jobs = list(self._inbox)
            self._inbox.clear()
        return jobs

    def dismiss(self) -> None:
        """Let the threads end when they are through with what they have begun."""
        with self._jobs_in:
            self._dismissed = True
            self._inbox.clear()
            self._jobs_in.notify_all()

    def _call(self) -> None:
        """Have one more thread come if there is work for it; when it is there, it calls the next.

        One after the other, not one for each job: where jobs take no time, the first is through with all of
        them before the others are awake. Measured: a wake-up for each job costs more than claiming and settling it.
        """
        if not self._inbox or self._calling:
            return
        if self._idle:
            self._calling = True
            self._jobs_in.notify()
        elif self._threads < self.size:
            self._calling = self._start()

    def _start(self) -> bool:
        # A daemon, so that a second Ctrl-C need not wait for it.
        thread = threading.Thread(target=self._work, name=f"{self.kind.name}-{self._threads}", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the system gives no more threads: go on with those that there are
            if not self._threads:
                raise
            return False
        self._threads += 1
        return True

    def _work(self) -> None:
        with self._jobs_in:
            self._calling = False
        job: Job | None = None
        while (job := self._next(job)) is not None:
            with self._turns:
                result = perform(self.kind, job)
            self._results.put(result)

    def _next(self, last: Job | None) -> Job | None:
        """The job that waits longest, for the thread that has done `last`; None: there will be no more."""
        with self._jobs_in:
            while (job := self._take(last)) is None:
                if self._dismissed:
                    return None
                last = None
                self._idle += 1
                self._jobs_in.wait()
                self._idle -= 1
                self._calling = False
            self._call()
        return job

    def _take(self, last: Job | None) -> Job | None:
        if self._groups is not None:
            return self._groups.take(self._inbox, last)
        return self._inbox.popleft() if self._inbox else None


def perform(kind: Kind, job: Job) -> Result:
    """Run one job; whatever it raises becomes an outcome."""
    try:
        return Result(job, kind.run(job))
    except TmxdbError as error:
        return treated(job, error)
    except Exception:  # noqa: BLE001  # the one place: a bug costs its row, with the traceback, never the run
        return Result(job, bug())


def treated(job: Job, error: TmxdbError) -> Result:
    """What the table of `retrying.py` says about `error`, as an outcome."""
    rule, code, message = rule_for(error), error.code, str(error)
    asked_s = error.retry_after_s if isinstance(error, TryLater) else None
    match rule.then:
        case Then.SKIP:
            return Result(job, Skip(code, message))
        case Then.WAIT if job.token - job.attempt < rule.free:  # so often it was claimed uncharged
            # Whether a database comes back in time is for the worker to find out.
            return Result(job, Snooze(code, message, snooze_s(rule, asked_s)))
        case Then.WAIT | Then.RETRY:
            return Result(job, Retry(code, message, asked_s))
        case Then.BACK:
            return Result(job, Snooze(code, message))
        case Then.STOP if isinstance(error, UserMustAct):
            return Result(job, Snooze(code, message), halt=error)
        case _:
            return Result(job, Fail(code, message))


def bug() -> Fail:
    """The outcome for the exception that is being handled: its traceback, the end of it if it is long."""
    return Fail("tmxdb.bug", traceback.format_exc()[-LONGEST_ERROR:])


def crew_sizes(n: int, kinds: Sequence[Kind]) -> dict[str, int]:
    """How many of `n` threads each kind gets: as many as make sense for it, and something for everyone.

    The split stands for the whole run: threads keep connections to the site alive, and there are never
    to be more of those than jobs in flight.
    """
    if len(kinds) == 1:
        return {kinds[0].name: max(1, min(n, kinds[0].at_most(n)))}
    sizes = {kind.name: max(1, min(n // 4, kind.at_most(n))) for kind in kinds}
    widest = max(kinds, key=lambda kind: (kind.at_most(n), list(sizes).index(kind.name))).name
    rest = n - sum(size for name, size in sizes.items() if name != widest)
    sizes[widest] = max(1, min(rest, {kind.name: kind for kind in kinds}[widest].at_most(n)))
    return sizes
