"""How many rows of each kind to claim next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column

from tmxdb.queue.job import Job, Kind, Part
from tmxdb.queue.loop.perform import Result
from tmxdb.queue.rows.groups import MAX_GROUP_ROWS, group_of

BATCH = 128
"""Most results in one cycle. Measured with jobs that do nothing: 256 are not faster, and delay other processes."""
MIN_AHEAD = 32
"""Rows to claim ahead for each kind, so that no thread waits for the database. It grows up to BATCH when jobs are so
short that all of them are done by the next cycle: larger cycles cost less for each job."""


@dataclass(frozen=True, slots=True)
class Demand:
    """How much to claim of a kind: up to `rows` rows. For a kind with groups, rows of up to `groups` groups."""

    rows: int
    groups: int = 0


class DemandPlanner:
    """Computes the demand from the sizes of the thread pools and the jobs in flight.

    `kinds` in the order of the work: rows of later kinds are claimed first, because they finish what earlier kinds
    opened. `held`: returns the claimed jobs of a kind by key, including those whose results are about to be settled.
    """

    def __init__(
        self, kinds: Mapping[str, Kind], sizes: Mapping[str, int], held: Callable[[str], Mapping[int, Job]]
    ) -> None:
        self._kinds, self._sizes, self._held = kinds, sizes, held
        self._ahead = {name: max(MIN_AHEAD, size) for name, size in sizes.items()}

    def demand(self, claimable: Collection[str], results: Sequence[Result], limit: int) -> dict[str, Demand]:
        """Return what to claim of the kinds `claimable`, at most `limit` rows in all, when `results` are settled."""
        demands: dict[str, Demand] = {}
        settling = Counter(result.job.kind for result in results if not isinstance(result.outcome, Part))
        for name in reversed(list(self._kinds)):
            group = group_of(self._kinds[name])
            demand = (
                self._rows(name, settling[name], limit)
                if group is None
                else self._groups(name, group, results, limit)
            )  # fmt: skip
            if demand.rows > 0 and name in claimable:
                demands[name] = demand
                limit -= demand.rows
        return demands

    def _rows(self, name: str, settling: int, limit: int) -> Demand:
        """Return enough rows to keep all threads busy; none if only a few are missing."""
        ahead = self._look_ahead(name, settling)
        room = min(self._sizes[name] + ahead - len(self._held(name)) + settling, limit)
        return Demand(room if room >= min(ahead // 2, limit) else 0)

    def _groups(self, name: str, group: Column[Any], results: Sequence[Result], limit: int) -> Demand:
        """Return one group for each thread that has none, or will have none once `results` are settled."""
        settling = {result.job.item_id for result in results if result.job.kind == name}
        groups = {job.row[group.name] for key, job in self._held(name).items() if key not in settling}
        free = max(0, self._sizes[name] - len(groups))
        return Demand(min(free * MAX_GROUP_ROWS, limit), free)

    def _look_ahead(self, name: str, settling: int) -> int:
        """Return how many rows to claim ahead: twice as many if all that were ahead are done by now."""
        if settling >= self._ahead[name]:
            self._ahead[name] = min(2 * self._ahead[name], BATCH)
        elif settling < self._ahead[name] // 4:
            self._ahead[name] = max(self._ahead[name] // 2, MIN_AHEAD, self._sizes[name])
        return self._ahead[name]
