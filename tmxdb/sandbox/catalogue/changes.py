"""What has happened to the catalogue since it opened: uploads, updates and removals a test asked for.

Everything else is computed from the seed; only this is remembered.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

# 2026-01-01: all made-up history lies before it, all changes after it, a minute apart.
END_OF_HISTORY_MS = 1_767_225_600_000
MINUTE_MS = 60_000


@dataclass
class Changes:
    """Dates are milliseconds since 1970; tracks are named by their index in upload order."""

    uploads: list[int] = field(default_factory=list)  # dates of tracks behind the first ones
    updates: defaultdict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    extra_replays: defaultdict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    deleted_tracks: set[int] = field(default_factory=set)
    deleted_replays: set[int] = field(default_factory=set)  # replay ids
    count: int = 0

    def next_date(self) -> int:
        """The date of one more change. Whoever keeps computed lists may use `count` as their age."""
        self.count += 1
        return END_OF_HISTORY_MS + self.count * MINUTE_MS
