"""Changes to the catalogue since it opened: uploads, updates and removals that a test requested.

Everything else is computed from the seed; only this is state.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

# 2026-01-01: all simulated history is earlier; all changes are later, one minute apart.
END_OF_HISTORY_MS = 1_767_225_600_000
MINUTE_MS = 60_000


@dataclass
class Changes:
    """Dates are in milliseconds since 1970. Tracks are identified by their index in upload order."""

    uploads: list[int] = field(default_factory=list)  # dates of the tracks added after the initial ones
    updates: defaultdict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    extra_replays: defaultdict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    deleted_tracks: set[int] = field(default_factory=set)
    deleted_replays: set[int] = field(default_factory=set)  # replay ids
    withdrawn_replays: set[int] = field(default_factory=set)  # replay ids
    records: set[tuple[int, int]] = field(default_factory=set)  # (track index, replay number), faster than all before
    count: int = 0

    def next_date(self) -> int:
        """Return the date of one more change. `count` also serves as the version of cached lists."""
        self.count += 1
        return END_OF_HISTORY_MS + self.count * MINUTE_MS
