"""Which maps did not start, so that not every replay of a track waits for them again.

A map that does not start occupies a game for two full waits. After the first failure the other captures of the map wait
with the failed one. After the second they fail without being tried, for HOLD_S.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from tmxdb.errors import GameError

FIRST_WAIT_S = 60.0
"""How long other captures wait after the first failure: the failed one is tried again after that."""
HOLD_S = 3600.0
"""How long a map is not tried again after its second failure."""
CODE = "capture.map_did_not_start"


@dataclass(slots=True)
class _Failures:
    count: int
    until: float
    captures: set[int]
    """Those that found out. They are tried again by their own backoff."""


class MapStarts:
    """The failures to start of all maps of one worker. Thread-safe. `now`: seconds of a monotonic clock."""

    def __init__(self) -> None:
        self._failures: dict[str, _Failures] = {}
        self._lock = threading.Lock()

    def check(self, map_key: str, capture_id: int, item: str, now: float) -> None:
        """Raise GameError if the map should not be tried now.

        `game.map_waits`, which is not charged, after one failure; `capture.map_did_not_start` after more.
        """
        with self._lock:
            failures = self._failures.get(map_key)
        if failures is None or now >= failures.until or capture_id in failures.captures:
            return
        if failures.count > 1:
            raise GameError(
                f"{item}: not tried, because its map has not started {failures.count} times for other replays of the"
                " track. Open the map in the game by hand, then run `tmxdb retry --kind capture`.",
                code=CODE,
            )
        raise GameError(
            f"{item}: its map has just not started for another replay of the track. Trying again later.",
            code="game.map_waits",
            retry_after_s=failures.until - now,
        )

    def failed(self, map_key: str, capture_id: int, now: float) -> None:
        """Note that a map did not start for this capture."""
        with self._lock:
            failures = self._failures.setdefault(map_key, _Failures(0, now, set()))
            failures.count += 1
            failures.until = now + (FIRST_WAIT_S if failures.count == 1 else HOLD_S)
            failures.captures.add(capture_id)

    def started(self, map_key: str) -> None:
        """Note that a map started."""
        with self._lock:
            self._failures.pop(map_key, None)
