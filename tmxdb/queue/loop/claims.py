"""Claims of one kind by one worker. Each claim from a selection continues where the last one stopped.

Pending rows of a selection, or of ids that were named, are found by going through its tracks or ids in order. Late in
a run most of them are done: with 200,000 tracks, 180,000 of them done, a search from the first one took 42 to 108 ms,
with the write lock held.
"""

from __future__ import annotations

import time

from sqlalchemy import Connection

from tmxdb.db.selected import NamedRows, Scope
from tmxdb.queue.job import Job, Kind
from tmxdb.queue.loop.demand import Demand
from tmxdb.queue.rows.claim import claim, last_rank
from tmxdb.queue.rows.groups import claim_groups, group_of

IDS_AT_ONCE = 2_000
"""Ids that were named, to look at together."""
PAUSE_FACTOR = 20
"""A search from the start is followed by a pause of this many times its duration before the next one, so that such
searches take at most 5 % of the time. A row that becomes pending before the current place waits for the next one: with
200,000 tracks about 1 s."""
_END = 2**31 - 1
"""After every rank."""


class Claims:
    """Claims rows of `kind` for `worker`. `scope`: only these rows.

    A claim from a scope starts at the place that the last one reached. It starts over from the beginning after
    `restart`, and otherwise as often as PAUSE_FACTOR allows.
    """

    def __init__(self, kind: Kind, worker: str, scope: Scope | None) -> None:
        self._kind, self._worker, self._scope = kind, worker, scope
        self._group = group_of(kind)
        self._place = 0  # a rank in the selection, or an index of the ids
        self._restart_s = 0.0

    def restart(self) -> None:
        """Let the next claim start with the first track of the selection, or the first id."""
        self._restart_s = 0.0

    def claim(self, connection: Connection, demand: Demand, now_ms: int) -> tuple[list[Job], bool]:
        """Claim what is demanded. Return the jobs, and whether there were as many as wanted."""
        if self._group is not None:
            jobs = claim_groups(
                connection,
                self._kind,
                self._group,
                worker=self._worker,
                groups=demand.groups,
                rows=demand.rows,
                now_ms=now_ms,
                selection=self._scope,
            )
            groups = len({job.row[self._group.name] for job in jobs})
            return jobs, groups == demand.groups or len(jobs) == demand.rows
        if self._scope is None:
            jobs = claim(connection, self._kind, worker=self._worker, n=demand.rows, now_ms=now_ms)
        else:
            jobs = self._claim_in(connection, self._scope, demand.rows, now_ms)
        return jobs, len(jobs) == demand.rows

    def _claim_in(self, connection: Connection, scope: Scope, n: int, now_ms: int) -> list[Job]:
        began_s = time.monotonic()
        restarts = began_s >= self._restart_s
        if restarts:
            self._place = 0
        if isinstance(scope, NamedRows):
            jobs = self._claim_named(connection, scope, n, now_ms)
        else:
            jobs = self._claim_selected(connection, scope, n, now_ms)
        if restarts:
            ended_s = time.monotonic()
            self._restart_s = ended_s + PAUSE_FACTOR * (ended_s - began_s)
        return jobs

    def _claim_selected(self, connection: Connection, selection: str, n: int, now_ms: int) -> list[Job]:
        jobs = claim(
            connection,
            self._kind,
            worker=self._worker,
            n=n,
            now_ms=now_ms,
            selection=selection,
            from_rank=self._place,
        )
        self._place = last_rank(connection, self._kind.table, selection, jobs) if len(jobs) == n else _END
        return jobs

    def _claim_named(self, connection: Connection, scope: NamedRows, n: int, now_ms: int) -> list[Job]:
        jobs: list[Job] = []
        while self._place < len(scope.ids):
            some = NamedRows(scope.column, scope.ids[self._place : self._place + IDS_AT_ONCE])
            wanted = n - len(jobs)
            jobs += claim(connection, self._kind, worker=self._worker, n=wanted, now_ms=now_ms, selection=some)
            if len(jobs) == n:
                break
            self._place += IDS_AT_ONCE
        return jobs
