"""The worker: a loop that hands claimed jobs to crews of threads and their results to the desk."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import Any, TypeVar

from sqlalchemy import Column

from tmxdb.clock import Clock, from_iso, wall_clock
from tmxdb.db.engine import Database
from tmxdb.errors import DatabaseTrouble, UserMustAct
from tmxdb.queue.crew import Crew, Result, crew_sizes
from tmxdb.queue.desk import LOOK_S, Desk, Turn, Want
from tmxdb.queue.groups import ROWS, group_of
from tmxdb.queue.job import Job, Kind, Snooze
from tmxdb.queue.pace import Pace
from tmxdb.queue.pauses import Paused
from tmxdb.queue.plan import Listener, Plan, Totals
from tmxdb.queue.tray import Tray
from tmxdb.queue.workers import Identity
from tmxdb.retrying import Then, rule_for

T = TypeVar("T")
GATHER_S = 0.02
"""How long results wait for others to be settled with."""
BATCH = 128
AHEAD = 32
"""At least so many jobs are claimed ahead for each kind, so that no thread waits for the database; up to BATCH
where they take next to no time, for larger turns cost less for each job."""
DATABASE_PATIENCE_S = 120.0
"""How long results are kept in memory while the database is away, before the run stops."""
AGAIN_S = 2.0
"""And how long it is left alone before it is asked again."""
COUNTED = ("done", "failed", "skipped", "retry")


class Worker:
    """One process at work on one database. `stop` is set to end in good order, `stop_now` to drop everything.

    `width`: asked now and then how many requests it allows itself at once, for `tmxdb status`.
    """

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
        width: Callable[[], int | None] = lambda: None,
    ) -> None:
        self._plan, self._listener = plan, listener
        self._stop, self._stop_now = stop, stop_now
        by_name = {kind.name: kind for kind in kinds}
        self._desk = Desk(
            database,
            by_name,
            identity,
            n=plan.n,
            max_attempts=plan.max_attempts,
            clock=clock,
            rng=rng or random.Random(),
            width=width,
        )
        self._pace = Pace()
        self._results: Tray[Result] = Tray()
        sizes = crew_sizes(plan.n, kinds)
        # More kinds than turns: each crew needs a thread, but no more jobs than `n` are ever in flight.
        turns = threading.Semaphore(plan.n) if sum(sizes.values()) > plan.n else None
        self._crews = {name: Crew(kind, sizes[name], self._results, turns) for name, kind in by_name.items()}
        self._held: dict[str, dict[int, Job]] = {name: {} for name in by_name}
        self._ahead = {name: max(AHEAD, size) for name, size in sizes.items()}
        self._claimed = 0
        self._dry: set[str] = set()
        self._paused: Mapping[str, Paused] = {}
        self._told_paused = False
        self._halt: UserMustAct | None = None
        self.totals = Totals()

    def run(self) -> Totals:
        """Work until nothing is left, the limit is reached, or somebody says stop. Raises UserMustAct."""
        self._desk.open()
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
                back = [job for crew in self._crews.values() for job in crew.take_back()]
                self._patiently(partial(self._give_back, back), f"{len(back)} rows are to be given back")
                if not results and not self._in_flight():
                    return
            self._take_turn(results)
            self._listener.beat()
            if not self._in_flight() and not self._results and self._ended():
                return

    def _stopping(self) -> bool:
        return self._stop.is_set() or self._halt is not None

    def _in_flight(self) -> int:
        return sum(len(held) for held in self._held.values())

    def _gather(self) -> list[Result]:
        """Results that came in: waits for the first, and a little for others to go with it.

        Not longer than the crews have something to do: jobs claimed ahead are what the waiting lives on.
        """
        in_flight = self._in_flight()
        enough = min(in_flight - self._plan.n, BATCH)
        return self._results.take(max(enough, 1), first_s=0.1 if in_flight else 0.0, more_s=GATHER_S)

    def _take_turn(self, results: list[Result]) -> None:
        """One turn at the desk."""

        def turn() -> Turn:
            if self._desk.looks_now():
                self._dry.clear()
            return self._desk.turn(results, self._wanted(results), self._counts(), self._pace.per_second(), self._held)

        taken = self._patiently(turn, f"{len(results)} results wait in memory")
        if taken is not None:
            self._book(taken)

    def _patiently(self, ask: Callable[[], T], meanwhile: str) -> T | None:
        """What the desk answers, asked again while the database is away; None when told to stop now."""
        gives_up = time.monotonic() + DATABASE_PATIENCE_S
        while True:
            try:
                return ask()
            except DatabaseTrouble as error:
                if rule_for(error).then is not Then.WAIT or time.monotonic() > gives_up:
                    raise
                self._listener.note(f"{error} Trying again; {meanwhile}.")
                if self._stop_now.wait(AGAIN_S):
                    return None

    def _wanted(self, results: list[Result]) -> dict[str, Want]:
        """How many rows to claim of each kind; those that finish work before those that open it."""
        wanted: dict[str, Want] = {}
        left = self._plan.limit - self._claimed if self._plan.limit else 2**31
        if self._stopping():
            return wanted
        if any(result.halt is None for result in results):
            self._dry.clear()  # what was done may have opened rows, what was snoozed may be pending again
        leaving = Counter(result.job.kind for result in results)
        for name in reversed(self._crews):
            group = group_of(self._crews[name].kind)
            want = (
                self._rows_of(name, leaving[name], left) if group is None else self._groups(name, group, results, left)
            )
            if want.rows > 0 and name not in self._dry and name not in self._paused:
                wanted[name] = want
                left -= want.rows
        return wanted

    def _rows_of(self, name: str, leaving: int, left: int) -> Want:
        """So many rows that no thread waits, but not for a few of them."""
        ahead = self._look_ahead(name, leaving)
        room = min(self._crews[name].size + ahead - len(self._held[name]) + leaving, left)
        return Want(room if room >= min(ahead // 2, left) else 0)

    def _groups(self, name: str, group: Column[Any], results: list[Result], left: int) -> Want:
        """A group for each thread that has none, or is about to: those of `results` have left."""
        leaving = {result.job.item_id for result in results if result.job.kind == name}
        held = {job.row[group.name] for key, job in self._held[name].items() if key not in leaving}
        free = max(0, self._crews[name].size - len(held))
        return Want(min(free * ROWS, left), free)

    def _look_ahead(self, name: str, leaving: int) -> int:
        """How many jobs of a kind to claim ahead: twice as many if all that were ahead are done by the next turn."""
        if leaving >= self._ahead[name]:
            self._ahead[name] = min(2 * self._ahead[name], BATCH)
        elif leaving < self._ahead[name] // 4:
            self._ahead[name] = max(self._ahead[name] // 2, AHEAD, self._crews[name].size)
        return self._ahead[name]

    def _book(self, turn: Turn) -> None:
        """After the commit: remember, tell, and hand out what was claimed."""
        for result, status in turn.settled:
            self._book_result(result, status)
        for kind, n in turn.taken_back.items():
            self._listener.note(f"{kind}: {n} rows taken back from workers that are gone.")
        for kind, n in turn.deadly.items():
            self._listener.note(f"{kind}: {n} rows given up: the workers that had them died, again and again.")
            self.totals.by_kind[kind]["failed"] += n
        self._pause(turn.paused)
        self._dry |= turn.dry
        self._claimed += len(turn.claimed)
        for kind, jobs in groupby(turn.claimed, key=attrgetter("kind")):
            claimed = {job.item_id: job for job in jobs}
            self._held[kind] |= claimed
            self._crews[kind].hand_in(claimed.values())

    def _pause(self, paused: Mapping[str, Paused]) -> None:
        """Tell what is paused now and what goes on; what no thread has begun of it goes back."""
        for pause in dict.fromkeys(pause for name, pause in paused.items() if pause != self._paused.get(name)):
            until = " until then, or" if pause.until else ""
            self._listener.note(f"{pause}: its rows wait{until} for `tmxdb resume {pause.kind}`.")
            self._told_paused = False
        for name in self._paused.keys() - paused.keys():
            self._listener.note(f"{name} goes on.")
        for name, pause in paused.items():
            for job in self._crews[name].take_back():
                self._results.put(Result(job, Snooze("worker.paused", f"{pause}.")))
        self._paused = paused

    def _book_result(self, result: Result, status: str | None) -> None:
        job = result.job
        self._held[job.kind].pop(job.item_id, None)
        self._halt = self._halt or result.halt
        if status is None:
            self.totals.dropped += 1
            self._listener.note(f"{job.kind} {job.item_id}: the result came too late, another worker has it now.")
            return
        if isinstance(result.outcome, Snooze):
            self._claimed -= 1
        elif status in COUNTED:
            self.totals.by_kind[job.kind][status] += 1
            self._pace.count(job.kind)
        self._listener.settled(job.kind, status, job.item_id, getattr(result.outcome, "message", None))

    def _counts(self) -> dict[str, int]:
        names = {"done": "done", "failed": "failed", "skipped": "skipped", "retried": "retry"}
        return {column: self.totals.of(status) for column, status in names.items()}

    def _ended(self) -> bool:
        """Nothing in flight and nothing to claim: is this the end? Waits a little if it is not."""
        if self._stopping() or (self._plan.limit and self._claimed >= self._plan.limit):
            return True
        if self._crews.keys() - self._dry - self._paused.keys():
            return False
        if self._plan.forever:
            self._stop.wait(LOOK_S / 2)
            return self._stop.is_set()
        coming = self._patiently(self._desk.to_come, "nothing is in flight")
        if coming is None:
            return True
        if coming.pending:  # another worker gave it back, or opened it, after our last claim
            self._dry.clear()
            return False
        if not coming.held_by_others and not (self._plan.wait and (coming.due is not None or coming.paused)):
            return True
        if coming.paused and coming.due is None and not coming.held_by_others and not self._told_paused:
            self._told_paused = True
            self._listener.note(f"All that is left is paused ({', '.join(self._paused)}): waiting for it.")
        if coming.due is not None and self._plan.wait:
            self._listener.waiting(from_iso(coming.due), coming.waiting)
        self._stop.wait(LOOK_S / 4)
        return self._stop.is_set()

    def _give_back(self, jobs: list[Job]) -> None:
        self._desk.give_back(jobs)
        for job in jobs:
            self._held[job.kind].pop(job.item_id, None)
        self._claimed -= len(jobs)
        self.totals.given_back += len(jobs)

    def _leave(self) -> None:
        """Whatever happened: no row stays ours, and our name comes off the list."""
        for crew in self._crews.values():
            crew.dismiss()
        try:
            self._give_back([job for held in self._held.values() for job in held.values()])
            self._desk.close()
        except DatabaseTrouble as error:
            self._listener.note(f"{error} Rows in flight come back by themselves.")
