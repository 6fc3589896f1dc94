"""How many jobs finished per second lately, by kind: for estimates and for `tmxdb status`."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable

MIN_S, MAX_S = 30.0, 300.0
_STEP_S = 1.0


class Throughput:
    """Counts jobs of the last quarter of the run, 30 to 300 seconds of it, in steps of one second.

    A longer run has a longer window: the rate of a site that answers unevenly is then good for an estimate of hours.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._started_s = monotonic()
        self._steps: dict[str, deque[list[float]]] = defaultdict(deque)

    def count(self, kind: str) -> None:
        """Count one finished job of `kind`."""
        now_s, steps = self._monotonic(), self._steps[kind]
        if not steps or now_s - steps[-1][0] >= _STEP_S:
            steps.append([now_s, 0])
        steps[-1][1] += 1

    def per_second(self) -> dict[str, float]:
        """Return jobs per second by kind, over the window or since the start."""
        now_s = self._monotonic()
        runs_s = now_s - self._started_s
        window_s = max(min(runs_s, max(MIN_S, min(runs_s / 4, MAX_S))), _STEP_S)
        rates = {}
        for kind, steps in self._steps.items():
            while steps and steps[0][0] < now_s - window_s:
                steps.popleft()
            rates[kind] = round(sum(n for _, n in steps) / window_s, 2)
        return rates
