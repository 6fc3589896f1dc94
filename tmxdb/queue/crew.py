"""The threads that do the jobs of one kind. They never touch the database's writing side.

An exception becomes an outcome here, and nowhere else.
"""

from __future__ import annotations

import queue
import threading
import traceback
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from tmxdb.errors import DatabaseTrouble, Gone, NeverAgain, Outage, TmxdbError, TryLater, UserMustAct
from tmxdb.queue.job import LONGEST_ERROR, Fail, GivenBack, Job, Kind, Outcome, Retry, Skip, Snooze

AWAY = ("db.busy", "db.unreachable")
"""Codes of DatabaseTrouble that may pass within a minute or two."""
AWAY_S = 2.0


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
        self,
        kind: Kind,
        size: int,
        results: queue.SimpleQueue[Result],
        turns: AbstractContextManager[object] | None = None,
    ) -> None:
        self.kind = kind
        self.size = size
        self._results = results
        self._turns = turns or nullcontext()
        self._inbox: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._open = 0  # jobs handed in whose result is not there yet

    def hand_in(self, job: Job) -> None:
        """Do `job` as soon as a thread is free."""
        with self._lock:
            self._open += 1
        self._inbox.put(job)
        if len(self._threads) < min(self.size, self._open):
            # A daemon, so that a second Ctrl-C need not wait for it.
            thread = threading.Thread(target=self._work, name=f"{self.kind.name}-{len(self._threads)}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def take_back(self) -> list[Job]:
        """The jobs that no thread has begun."""
        jobs: list[Job] = []
        while True:
            try:
                job = self._inbox.get_nowait()
            except queue.Empty:
                with self._lock:
                    self._open -= len(jobs)
                return jobs
            if job is not None:
                jobs.append(job)

    def dismiss(self) -> None:
        """Let the threads end when they are through with what they have."""
        for _ in self._threads:
            self._inbox.put(None)

    def _work(self) -> None:
        while (job := self._inbox.get()) is not None:
            with self._turns:
                result = perform(self.kind, job)
            with self._lock:
                self._open -= 1
            self._results.put(result)


def perform(kind: Kind, job: Job) -> Result:
    """Run one job; whatever it raises becomes an outcome."""
    try:
        return Result(job, kind.run(job))
    except GivenBack as error:
        return Result(job, Snooze(error.code, str(error)))
    except Outage as error:
        return Result(job, Snooze(error.code, str(error), error.retry_after_s or 1.0))
    except TryLater as error:
        return Result(job, Retry(error.code, str(error), error.retry_after_s))
    except Gone as error:
        return Result(job, Skip(error.code, str(error)))
    except DatabaseTrouble as error:
        # Away for a moment: whether it comes back in time is for the desk to find out.
        away = error.code in AWAY
        return Result(job, Snooze(error.code, str(error), AWAY_S if away else 0.0), halt=None if away else error)
    except UserMustAct as error:
        return Result(job, Snooze(error.code, str(error)), halt=error)
    except (NeverAgain, TmxdbError) as error:
        return Result(job, Fail(error.code, str(error)))
    except Exception:  # noqa: BLE001  # the one place: a bug costs its row, with the traceback, never the run
        return Result(job, bug())


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
