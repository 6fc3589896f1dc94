"""The options of a run and its totals."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from tmxdb.db.selected import Scope
from tmxdb.events import Event, ResultDropped, RowSettled, RowsGivenUp, RowsReleased


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a worker runs.

    `n`: jobs to run at the same time. `limit`: stop after this many jobs; 0 means no limit. `forever`: wait for new
    rows. `wait`: wait for rows in retry and for paused kinds. `selection`: do only the rows of its tracks, or
    rows that were named.
    """

    n: int
    limit: int = 0
    forever: bool = False
    wait: bool = True
    max_attempts: int = 5
    selection: Scope | None = None


COUNTED = ("done", "failed", "skipped", "retry")


@dataclass(slots=True)
class Totals:
    """Totals of a run, counted from its events: jobs by kind and new status, dropped late results, released rows.

    `retry` counts charged attempts, like the table `attempts`; a snoozed row is not counted.
    """

    by_kind: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    dropped: int = 0
    released: int = 0

    def of(self, status: str) -> int:
        """Return how many jobs of all kinds ended with `status`."""
        return sum(counter[status] for counter in self.by_kind.values())

    def count(self, event: Event) -> None:
        """Add what `event` reports."""
        match event:
            case RowSettled(kind=kind, status=status, snoozed=False) if status in COUNTED:
                self.by_kind[kind][status] += 1
            case RowsGivenUp(kind=kind, rows=rows):
                self.by_kind[kind]["failed"] += rows
            case ResultDropped():
                self.dropped += 1
            case RowsReleased(rows=rows):
                self.released += rows
