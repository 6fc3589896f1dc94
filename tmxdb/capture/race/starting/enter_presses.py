"""When to press Enter while a map does not start: a screen may wait for a key although it should be skipped."""

from __future__ import annotations

from tmxdb.capture.race import assumptions as assumed


class EnterPresses:
    """The presses of one wait for a map. `enabled`: with --press-enter only."""

    def __init__(self, *, enabled: bool) -> None:
        self._enabled = enabled
        self._until = 0.0

    def begin(self, now: float, deadline: float) -> float:
        """Begin a wait that ends at `deadline`. Return when to look again."""
        self._until = deadline
        return self.next(now)

    def next(self, now: float) -> float:
        """Return when to press next, or when the wait ends."""
        return min(self._until, now + assumed.PRESS_EVERY_S) if self._enabled else self._until

    def is_waiting(self, now: float) -> bool:
        """Return whether there is time for a press."""
        return self._enabled and now < self._until
