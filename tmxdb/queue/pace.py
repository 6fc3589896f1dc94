"""How fast jobs end lately, by kind: for the time left, and for `tmxdb status`."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable

WINDOW_S = 30.0
_STEP_S = 1.0


class Pace:
    """Counts jobs in steps of a second over the last half minute."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._began = monotonic()
        self._steps: dict[str, deque[list[float]]] = defaultdict(deque)

    def count(self, kind: str) -> None:
        """One job of `kind` has ended now."""
        now, steps = self._monotonic(), self._steps[kind]
        if not steps or now - steps[-1][0] >= _STEP_S:
            steps.append([now, 0])
        steps[-1][1] += 1

    def per_second(self) -> dict[str, float]:
        """Jobs a second by kind over the window, or since the start if that is less ago."""
        now = self._monotonic()
        span = max(min(WINDOW_S, now - self._began), _STEP_S)
        rates = {}
        for kind, steps in self._steps.items():
            while steps and steps[0][0] < now - WINDOW_S:
                steps.popleft()
            rates[kind] = round(sum(n for _, n in steps) / span, 2)
        return rates
