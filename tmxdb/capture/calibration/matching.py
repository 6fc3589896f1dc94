"""How far pictures lag behind the steps of the game: compare pictures in flow with pictures of known ticks. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import TypeVar

from tmxdb.capture.output.picture_lag import CERTAIN
from tmxdb.capture.settings import TICK_MS

P = TypeVar("P")
MAX_LAG_TICKS = 4
BLOCK_TICKS = 9
"""Consecutive ticks of known pictures: enough for MAX_LAG_TICKS, one tick ahead, and four pictures in flow."""
MIN_PICTURES = 6
MIN_AGREEMENT = 0.6
MIN_MARGIN = 0.05
_STILL = 0.02
"""A picture whose best and worst match differ by less than this share shows no motion."""


@dataclass(frozen=True, slots=True)
class LagMeasurement:
    """How pictures in flow match those of known ticks.

    `agreement`: share of the pictures whose best match is at `lag_ticks`. `margin`: how much better that match is than
    the next best one, 0 to 1, in the median. `lags`: how many pictures match best at each lag; -1 is a tick too early.
    """

    lag_ticks: int
    agreement: float
    margin: float
    pictures: int
    lags: dict[int, int]

    @property
    def confidence(self) -> float:
        """Agreement times margin: 1 if every picture equals the one of its tick and no other."""
        return round(self.agreement * self.margin, 3)

    @property
    def problem(self) -> str | None:
        """Why the lag cannot be relied on; None if it can."""
        if self.pictures < MIN_PICTURES:
            return f"only {self.pictures} pictures show motion, fewer than {MIN_PICTURES}"
        if not 0 <= self.lag_ticks < MAX_LAG_TICKS:
            return f"the pictures match best at a lag of {self.lag_ticks} ticks, the limit of what is measured"
        if self.agreement < MIN_AGREEMENT:
            found = ", ".join(f"{lag} in {count}" for lag, count in sorted(self.lags.items()))
            return f"the lag changes from picture to picture (ticks: {found})"
        if self.margin < MIN_MARGIN:
            return "pictures of neighbouring ticks differ too little"
        return None

    @property
    def doubt(self) -> str | None:
        """Why a lag is doubtful although no problem was found; None if it is not."""
        if self.confidence >= CERTAIN:
            return None
        if self.agreement < self.margin:
            return f"only {self.agreement:.0%} of the pictures agree on the lag"
        return f"pictures of neighbouring ticks are almost alike (margin {self.margin:g})"


def measure_lag(flow: Mapping[int, P], known: Mapping[int, P], difference: Callable[[P, P], float]) -> LagMeasurement:
    """Return how far pictures lag.

    `flow`: pictures by the race time of the last step before them. `known`: pictures by the race time that they show
    for certain. Only pictures in flow with known ones for every possible lag count.
    """
    best: list[int] = []
    margins: list[tuple[dict[int, float], float]] = []
    for time_ms, picture in flow.items():
        candidates = {lag: known.get(time_ms - lag * TICK_MS) for lag in range(-1, MAX_LAG_TICKS + 1)}
        present = {lag: other for lag, other in candidates.items() if other is not None}
        if len(present) < len(candidates):
            continue
        differences = {lag: difference(picture, other) for lag, other in present.items()}
        worst = max(differences.values())
        if worst <= 0 or (worst - min(differences.values())) / worst < _STILL:
            continue
        best.append(min(differences, key=lambda lag: (differences[lag], abs(lag))))
        margins.append((differences, worst))
    if not best:
        return LagMeasurement(0, 0.0, 0.0, 0, {})
    lags = Counter(best)
    lag_ticks = max(lags, key=lambda lag: (lags[lag], -abs(lag)))
    margin = median(_margin(differences, lag_ticks) for differences, _ in margins)
    return LagMeasurement(lag_ticks, lags[lag_ticks] / len(best), round(margin, 3), len(best), dict(lags))


def _margin(differences: Mapping[int, float], lag: int) -> float:
    second = min(value for other, value in differences.items() if other != lag)
    return max(0.0, 1 - differences[lag] / second) if second > 0 else 0.0


def choose_blocks(motion: Mapping[int, float], until_ms: int, blocks: int) -> list[int]:
    """Return the ticks to hold: `blocks` runs of BLOCK_TICKS consecutive ticks with the most motion.

    `motion`: by race time, how much the picture in flow differs from the one before it.
    """
    length_ms = BLOCK_TICKS * TICK_MS
    total: Counter[int] = Counter()
    for time_ms, value in motion.items():
        begin_ms = time_ms // length_ms * length_ms
        if begin_ms > 0 and begin_ms + length_ms <= until_ms:
            total[begin_ms] += value  # type: ignore[assignment]
    chosen = sorted(begin for begin, value in total.most_common(blocks) if value > 0)
    return [begin + tick * TICK_MS for begin in chosen for tick in range(BLOCK_TICKS)]
