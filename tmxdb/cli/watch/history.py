"""Rates over time: what each kind finished between two looks at the database."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from tmxdb.reports.status import Status

MOST = 240
"""Rates kept of each kind: eight minutes at one look every two seconds."""
_BARS = "▁▂▃▄▅▆▇█"
_ASCII_BARS = "_.:-=+*#"


class RateHistory:
    """Jobs per second of each kind between each two of the states that `add` was given."""

    def __init__(self) -> None:
        self._last: tuple[float, dict[str, int]] | None = None
        self.rates: dict[str, deque[float]] = {}

    def add(self, state: Status, at_s: float) -> None:
        """Remember `state`, read at `at_s` by a monotonic clock."""
        finished = {kind: row["done"] + row["failed"] + row["skipped"] for kind, row in state.kinds.items()}
        if self._last is not None and at_s > self._last[0]:
            for kind, n in finished.items():
                rate = max(n - self._last[1].get(kind, n), 0) / (at_s - self._last[0])
                self.rates.setdefault(kind, deque(maxlen=MOST)).append(rate)
        self._last = (at_s, finished)

    def active(self) -> Mapping[str, deque[float]]:
        """Return the kinds that finished anything, with their rates, the oldest first."""
        return {kind: rates for kind, rates in self.rates.items() if any(rates)}


def sparkline(rates: deque[float], width: int, *, ascii_only: bool = False) -> str:
    """Return the last `width` rates as bars; the highest of them has full height."""
    bars = _ASCII_BARS if ascii_only else _BARS
    shown = list(rates)[-width:]
    highest = max(shown, default=0.0)
    if highest <= 0:
        return bars[0] * len(shown)
    return "".join(bars[min(int(rate / highest * len(bars)), len(bars) - 1)] for rate in shown)
