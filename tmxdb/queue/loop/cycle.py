"""What a cycle of the job store starts from, and what it did."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tmxdb.events import Event
from tmxdb.queue.job import Job
from tmxdb.queue.loop.demand import Demand
from tmxdb.queue.loop.perform import Result


@dataclass(frozen=True, slots=True)
class CycleInput:
    """What a cycle starts from: results to settle, rows to claim, and the state of the threads.

    `begun`: keys of the rows being worked on, by kind. `free`: how many threads will begin a claimed row immediately.
    """

    results: Sequence[Result] = ()
    demand: Mapping[str, Demand] = field(default_factory=dict)
    begun: Mapping[str, Sequence[int]] = field(default_factory=dict)
    free: Mapping[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Cycle:
    """What one cycle did: new jobs, each result with its new status (None: too late, dropped), and events to emit.

    `lost`: jobs whose rows other workers have recovered from us. `confirmed_at`: when all other jobs were certainly
    ours, by the monotonic clock (s) and by the wall clock (ms) of this machine.
    """

    claimed: list[Job] = field(default_factory=list)
    lost: list[Job] = field(default_factory=list)
    confirmed_at: tuple[float, int] | None = None
    settled: list[tuple[Result, str | None]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)


def begun_json(state: CycleInput, claimed: Sequence[Job]) -> str:
    """Return the rows being worked on, and those of `claimed` that free threads will begin, as JSON."""
    begun = {kind: list(keys) for kind, keys in state.begun.items() if keys}
    free = dict(state.free)
    for job in claimed:
        if free.get(job.kind, 0) > 0:
            free[job.kind] -= 1
            begun.setdefault(job.kind, []).append(job.item_id)
    return json.dumps(begun)
