"""The worker's side of the database: one transaction a turn for everything that is to be written.

Measured on two cores with SQLite: 64 threads that each write by themselves 8 k jobs/s with waits of seconds, one
writer for all of them 80 k. So a turn settles all results of some milliseconds, looks for rows that came back,
says that we live, and claims what comes next.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, exc, select

from tmxdb.clock import Clock
from tmxdb.db.engine import Database
from tmxdb.db.tally import compact_tally, tallied
from tmxdb.queue.claim import claim, next_pending
from tmxdb.queue.crew import Result, bug
from tmxdb.queue.groups import claim_groups, group_of
from tmxdb.queue.job import RUNNING, Fail, Job, Kind
from tmxdb.queue.pauses import Paused, pauses, pausing
from tmxdb.queue.recover import DUE_AT_ONCE, next_due, promote_far, recover
from tmxdb.queue.settle import release, release_keys, settle
from tmxdb.queue.workers import HEARTBEAT_MS, LEASE_MS, Identity, Watch, heartbeat, sign_in, sign_out

LOOK_S = 1.0
"""How often a worker looks for rows that came back by themselves, or that somebody else opened."""


@dataclass(slots=True)
class Turn:
    """What one transaction did. `settled`: each result with its new status, None for one that came too late.

    `dry`: kinds of which less was there than wanted. `deadly`: rows given up because workers died on them.
    `paused`: kinds that are not to be worked on, as of the last look.
    """

    claimed: list[Job] = field(default_factory=list)
    settled: list[tuple[Result, str | None]] = field(default_factory=list)
    dry: set[str] = field(default_factory=set)
    taken_back: dict[str, int] = field(default_factory=dict)
    deadly: dict[str, int] = field(default_factory=dict)
    paused: Mapping[str, Paused] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Want:
    """How much to claim of a kind: so many rows, and of a kind with groups no more than so many of those."""

    rows: int
    groups: int = 0


@dataclass(frozen=True, slots=True)
class ToCome:
    """What may still turn up: rows that became pending since the last claim, when the first retry is due (ISO), how
    many wait, rows that others hold, and whether there are rows of kinds that are paused (counted nowhere else)."""

    pending: bool
    due: str | None
    waiting: int
    held_by_others: bool
    paused: bool


class Desk:
    """Writes for one worker. Every method is one transaction."""

    def __init__(
        self,
        database: Database,
        kinds: Mapping[str, Kind],
        me: Identity,
        *,
        n: int,
        max_attempts: int,
        clock: Clock,
        rng: random.Random,
        width: Callable[[], int | None],
    ) -> None:
        self._database, self._kinds, self._me = database, kinds, me
        self._n, self._max_attempts = n, max_attempts
        self._clock, self._rng, self._width = clock, rng, width
        self._watch = Watch()
        self._paused: Mapping[str, Paused] = {}
        self._next_look = self._next_beat = 0.0

    def open(self) -> None:
        """Sign in, and let each kind open what this run asks for."""
        with self._database.write() as connection:
            sign_in(connection, self._me, list(self._kinds), self._n, self._clock())
            for kind in self._kinds.values():
                kind.prepare(connection)

    def turn(
        self,
        results: Sequence[Result],
        wanted: Mapping[str, Want],
        counts: Mapping[str, int],
        per_second: Mapping[str, float],
        held: Mapping[str, Mapping[int, Job]],
    ) -> Turn:
        """Settle `results`, then claim up to `wanted` rows of each kind; nothing is written if there is no need.

        `held`: the jobs that the worker knows of, `results` included.
        """
        turn, now = Turn(paused=self._paused), time.monotonic()
        looks, beats = now >= self._next_look, now >= self._next_beat
        if not (results or wanted or looks or beats):
            return turn
        with self._database.write() as connection:
            now_ms = self._clock()
            if beats:
                kinds = list(self._kinds.values())
                ours = heartbeat(connection, self._me, kinds, self._n, counts, per_second, now_ms, self._width())
                for kind in kinds:
                    # When the connection broke at a COMMIT that went through, we hold rows that we never heard of.
                    unheard = set(ours[kind.name]) - held[kind.name].keys()
                    release_keys(connection, kind, unheard, worker=self._me.worker_id)
                compact_tally(connection)
            more_due = looks and self._look(connection, turn, now_ms)
            turn.paused = self._paused
            self._settle(connection, results, turn, now_ms)
            for name, want in wanted.items():
                if name not in self._paused:
                    self._claim(connection, self._kinds[name], want, turn, now_ms)
        if looks:
            self._next_look = now if more_due else now + LOOK_S
        if beats:
            self._database.trim_log()
            self._next_beat = now + HEARTBEAT_MS / 1000
        return turn

    def _claim(self, connection: Connection, kind: Kind, want: Want, turn: Turn, now_ms: int) -> None:
        group = group_of(kind)
        me = self._me.worker_id
        if group is None:
            jobs = claim(connection, kind, worker=me, n=want.rows, now_ms=now_ms, lease_ms=LEASE_MS)
            got_all = len(jobs) == want.rows
        else:
            jobs = claim_groups(
                connection, kind, group, worker=me, groups=want.groups, rows=want.rows, now_ms=now_ms, lease_ms=LEASE_MS
            )
            got_all = len({job.row[group.name] for job in jobs}) == want.groups or len(jobs) == want.rows
        turn.claimed += jobs
        if not got_all:
            turn.dry.add(kind.name)

    def looks_now(self) -> bool:
        """Whether the next turn looks for rows that came back: then a kind that had run dry may have some."""
        return time.monotonic() >= self._next_look

    def to_come(self) -> ToCome:
        """What may still turn up when nothing is pending."""
        due: list[str] = []
        pending, waiting, others, paused = False, 0, False, False
        with self._database.read() as connection:
            for name, kind in self._kinds.items():
                table = kind.table
                some = connection.execute(next_pending(table), {"n": 1}).first() is not None
                first = next_due(connection, kind)
                if name in self._paused:
                    paused = paused or some or first is not None
                else:
                    pending = pending or some
                    if first is not None:
                        due.append(first)
                        waiting += tallied(connection, name, "retry")
                held = select(kind.key).where(table.c.status == RUNNING, table.c.claimed_by != self._me.worker_id)
                others = others or connection.execute(held.limit(1)).first() is not None
        return ToCome(pending, min(due, default=None), waiting, others, paused)

    def give_back(self, jobs: Sequence[Job]) -> None:
        """Rows as if they had never been claimed."""
        if jobs:
            with self._database.write() as connection:
                for name, kind in self._kinds.items():
                    release(connection, kind, [job for job in jobs if job.kind == name])

    def close(self) -> None:
        """Sign out."""
        with self._database.write() as connection:
            sign_out(connection, [self._me.worker_id])

    def _look(self, connection: Connection, turn: Turn, now_ms: int) -> bool:
        """What came back by itself; whether there is more of it than one turn should carry."""
        more = False
        dead = self._watch.dead(connection, self._me.worker_id, now_ms)
        for name, kind in self._kinds.items():
            promote_far(connection, kind, now_ms)
            back = recover(connection, kind, dead=dead, now_ms=now_ms)
            more = more or back.due == DUE_AT_ONCE
            if back.lost:
                turn.taken_back[name] = back.lost
            if back.deadly:
                turn.deadly[name] = back.deadly
        sign_out(connection, dead)
        holding = pauses(connection, now_ms)
        found = {name: pausing(holding, name) for name in self._kinds}
        self._paused = {name: row for name, row in found.items() if row is not None}
        return more

    def _settle(self, connection: Connection, results: Sequence[Result], turn: Turn, now_ms: int) -> None:
        for name, kind in self._kinds.items():
            batch = [result for result in results if result.job.kind == name]
            if batch:
                turn.settled += self._settle_kind(connection, kind, batch, now_ms)

    def _settle_kind(
        self, connection: Connection, kind: Kind, batch: Sequence[Result], now_ms: int
    ) -> list[tuple[Result, str | None]]:
        """Settle together; if the database refuses something in it, one by one, and the culprit has failed.

        What jobs hand in comes from files and sites: a number too large for its column, a character that
        the engine does not take. It must cost its own row, not the run.
        """
        try:
            with connection.begin_nested():
                settled = settle(
                    connection,
                    kind,
                    [(result.job, result.outcome) for result in batch],
                    worker=self._me.worker_id,
                    now_ms=now_ms,
                    max_attempts=self._max_attempts,
                    rng=self._rng,
                )
        except (exc.OperationalError, exc.InternalError):
            raise  # the database, not the row
        except Exception:  # as in crew.py, for values that only the database refuses: a bug costs its row, not the run
            if len(batch) > 1:
                return [pair for result in batch for pair in self._settle_kind(connection, kind, [result], now_ms)]
            if isinstance(batch[0].outcome, Fail):
                raise
            return self._settle_kind(connection, kind, [Result(batch[0].job, bug(), batch[0].halt)], now_ms)
        return list(zip(batch, settled.statuses, strict=True))
