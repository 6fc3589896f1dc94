"""What a worker is asked to do, what it says meanwhile, and what came of it."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Plan:
    """How to work. `limit` 0: no limit. `forever`: wait for new work. `wait`: for rows in retry or paused, too."""

    n: int
    limit: int = 0
    forever: bool = False
    wait: bool = True
    max_attempts: int = 5


@dataclass(slots=True)
class Totals:
    """What a run did: finished jobs by kind and status, late results dropped, rows given back at the end."""

    by_kind: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    dropped: int = 0
    given_back: int = 0

    def of(self, status: str) -> int:
        """Jobs of all kinds that ended as `status`."""
        return sum(counter[status] for counter in self.by_kind.values())


class Listener(Protocol):
    """Who watches a run: the progress bar, the log."""

    def settled(self, kind: str, status: str, item_id: int, error: str | None) -> None:
        """A job was written back as `status`."""

    def waiting(self, until_ms: int, rows: int) -> None:
        """Nothing to do before `until_ms`; `rows` wait for a retry."""

    def note(self, message: str) -> None:
        """Something a person should know."""

    def beat(self) -> None:
        """Once in a while, whatever happens."""
