"""What an adoption found, as one value for text and JSON."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

SHOWN = 1000
"""Files named one by one; the table `adopted_files` has all of them."""


@dataclass(slots=True)
class Report:
    """Counts of files by outcome, of which `earlier` by an earlier run; and what was added.

    `undecided`: files of a dry run that only the site's lists can tell, with about `requests` requests.
    """

    files: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    other: int = 0
    earlier: int = 0
    undecided: int = 0
    requests: int = 0
    replays: int = 0
    maps: int = 0
    tracks: int = 0
    local_tracks: int = 0
    local_replays: int = 0
    problems: list[tuple[str, str, str]] = field(default_factory=list)

    def count(self, outcome: str, path: str, reason: str | None, *, earlier: bool = False) -> None:
        """Count one file. Files with a reason are named."""
        self.outcomes[outcome] += 1
        self.earlier += earlier
        if reason is not None and len(self.problems) < SHOWN:
            self.problems.append((outcome, path, reason))

    def as_json(self) -> dict[str, Any]:
        """Return the same values for `json.dumps`."""
        return {
            "files": self.files,
            **{name: self.outcomes[name] for name in ("matched", "unknown", "damaged", "duplicate")},
            "other": self.other,
            "earlier": self.earlier,
            "undecided": self.undecided,
            "requests": self.requests,
            "replays": self.replays,
            "maps": self.maps,
            "tracks": self.tracks,
            "local_tracks": self.local_tracks,
            "local_replays": self.local_replays,
            "problems": [dict(zip(("outcome", "path", "reason"), problem, strict=True)) for problem in self.problems],
        }
