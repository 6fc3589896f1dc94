"""A centre line as linesight and rulka use it: the zone a car is in, and how far it is from the finish.

docs/facts/training.md#float-inputs
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tmxdb.errors import InvalidInput

BEFORE, AFTER = 20, 1000
"""Points that are added before the start and after the finish."""
_SMOOTHING = 5
_REACH_M = math.sqrt(0.25**2 + 45.0**2)
"""A car farther than this from the next zone stays in its zone."""
_MAX_MARGIN_M = 700.0
_MIN_POINTS = 2
Points = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ReferenceLine:
    """Virtual checkpoints, extended before the start and after the finish and smoothed, with distances along them."""

    centers: Points
    """Metres, shape (BEFORE + N + AFTER, 3)."""
    _between: Points = field(repr=False)
    _lengths: Points = field(repr=False)
    _sums: Points = field(repr=False)

    def zones(self, positions: Points) -> NDArray[np.int64]:
        """Return the zone of each position of a drive that begins at the start: shape (N,), indices of `centers`.

        `positions`: metres, shape (N, 3), in order of time. The zone of one depends on those before it.
        """
        zones = np.empty(len(positions), dtype=np.int64)
        centers, zone, last = self.centers, BEFORE, len(self.centers) - 1 - AFTER
        for number, position in enumerate(positions):
            here = math.dist(centers[zone], position)
            while zone < last and (ahead := math.dist(centers[zone + 1], position)) <= min(here, _REACH_M):
                zone, here = zone + 1, ahead
            while zone > 1 and (behind := math.dist(centers[zone - 1], position)) < here and behind <= _REACH_M:
                zone, here = zone - 1, behind
            zones[number] = zone
        return zones

    def margins(self, positions: Points, zones: NDArray[np.int64]) -> Points:
        """Return the metres to the finish of cars in these zones, at most 700."""
        begins, lengths = self._between[zones - 1], self._lengths[zones - 1]
        axes = (self._between[zones] - begins) / lengths[:, np.newaxis]
        along = np.clip(((positions - begins) * axes).sum(axis=1), 0.0, lengths)
        finish_m = self._sums[len(self.centers) - AFTER]
        margins: Points = np.minimum(_MAX_MARGIN_M, finish_m - self._sums[zones - 1] - along)
        return margins


def reference_line(points: Any) -> ReferenceLine:
    """Return the line of virtual checkpoints: metres, shape (N, 3), or the path of the `.npy` file that has them.

    Raise InvalidInput if they are something else.
    """
    if isinstance(points, str | os.PathLike):
        try:
            with Path(points).open("rb") as file:
                points = np.load(file, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise InvalidInput(
                f"{os.fspath(points)} cannot be read as virtual checkpoints.", code="input.vcp"
            ) from error
    try:
        line = np.asarray(points, dtype=np.float64)
    except (TypeError, ValueError):  # not numbers, or rows of different lengths
        line = np.empty(0)
    if line.ndim != 2 or line.shape[1] != 3 or len(line) < _MIN_POINTS or not np.isfinite(line).all():
        raise InvalidInput(
            "virtual checkpoints are an array of shape (N, 3) with 2 points or more. Make one with `tmxdb export vcp`.",
            code="input.vcp",
        )
    before = line[0] + (line[0] - line[1]) * np.arange(BEFORE, 0, -1)[:, np.newaxis]
    after = line[-1] + (line[-1] - line[-2]) * np.arange(1, AFTER + 1)[:, np.newaxis]
    centers = np.concatenate([before, line, after])
    smooth = centers.copy()
    smooth[_SMOOTHING:-_SMOOTHING] = 0.5 * (centers[: -2 * _SMOOTHING] + centers[2 * _SMOOTHING :])
    between = 0.5 * (smooth[:-1] + smooth[1:])
    lengths = np.linalg.norm(between[1:] - between[:-1], axis=1)
    if not lengths.all():  # zones of no length have no direction
        raise InvalidInput(
            "virtual checkpoints are points along a line, and several of these are at the same place. Make them with"
            " `tmxdb export vcp`.",
            code="input.vcp",
        )
    return ReferenceLine(smooth, between, lengths, np.concatenate([[0.0], np.cumsum(lengths)]))
