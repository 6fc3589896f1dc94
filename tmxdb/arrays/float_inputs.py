"""The 184 numbers that agents of linesight and rulka get beside a picture, computed from telemetry.

docs/facts/training.md#float-inputs
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tmxdb.arrays.reference_line import ReferenceLine
from tmxdb.arrays.telemetry import Telemetry
from tmxdb.capture.telemetry.materials import GROUPS
from tmxdb.errors import InvalidInput

FLOAT_INPUTS = 184
PREVIOUS_ACTIONS, ZONES, ZONE_STEP = 5, 40, 20
_FORWARD = (1.0, 0.0, 0.0, 0.0)
_NEEDED = ("wheel_dampers", "wheel_materials", "gearbox_state", "free_wheeling")


def float_inputs(telemetry: Telemetry, line: ReferenceLine, *, period_ms: int = 50) -> NDArray[np.float32]:
    """Return the inputs every `period_ms` from the start of the race: float32, shape (N, 184), not normalised.

    Row i is for race time i * period_ms. Column 0, the time in the agent's horizon, is 0: it is set when an agent
    trains. Before the start the previous actions are "forward". Velocities are in the axes of the car, as agents that
    drive have them. Raise InvalidInput if the telemetry has no such times or lacks a column.
    """
    missing = [name for name in _NEEDED if name not in telemetry.columns]
    if missing:
        raise InvalidInput(
            f"the telemetry has no {', '.join(missing)}: the game did not report it.", code="input.column"
        )
    times = telemetry["time_ms"]
    picked = _rows(times, period_ms)
    rotation = telemetry["rotation"][picked].reshape(-1, 3, 3).astype(np.float64)
    positions = telemetry["position"][picked].astype(np.float64)
    zones = line.zones(positions)
    centers = zone_centers(line, zones, rotation, positions)
    gearbox = telemetry["gearbox_state"][picked]
    parts: list[Any] = [
        np.zeros(len(picked)),
        _previous_actions(telemetry, picked),
        telemetry["wheels_sliding"][picked],
        telemetry["wheels_on_ground"][picked],
        telemetry["wheel_dampers"][picked],
        gearbox,
        telemetry["gear"][picked],
        telemetry["rpm"][picked],
        _count_since_zero(gearbox),
        _material_groups(telemetry["wheel_materials"][picked]),
        telemetry["local_angular_velocity"][picked],
        telemetry["local_velocity"][picked],
        rotation[:, 1],
        centers.reshape(len(picked), -1),
        line.margins(positions, zones),
        telemetry["free_wheeling"][picked],
    ]
    columns = [np.asarray(part, dtype=np.float32).reshape(len(picked), -1) for part in parts]
    return np.concatenate(columns, axis=1)


def zone_centers(
    line: ReferenceLine, zones: NDArray[np.int64], rotation: NDArray[np.float64], positions: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the 40 centers ahead of cars in these zones, in their axes: metres, shape (N, 40, 3).

    `rotation`: shape (N, 3, 3). `positions`: metres, shape (N, 3).
    """
    ahead = line.centers[np.minimum(zones[:, None] + ZONE_STEP * np.arange(ZONES), len(line.centers) - 1)]
    # A world vector in car axes is the transposed rotation times the vector.
    centers: NDArray[np.float64] = np.einsum("nij,nzi->nzj", rotation, ahead - positions[:, None])
    return centers


def _rows(times: NDArray[Any], period_ms: int) -> NDArray[np.int64]:
    wanted = np.arange(0, int(times[-1]) + 1, period_ms)
    rows: NDArray[np.int64] = np.searchsorted(times, wanted)
    if not np.array_equal(times[rows], wanted):
        raise InvalidInput(f"the telemetry does not have a record every {period_ms} ms.", code="input.column")
    return rows


def _previous_actions(telemetry: Telemetry, picked: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the keys of the five samples before each one, oldest first: shape (N, 20)."""
    keys = np.stack([telemetry[name][picked] for name in ("accelerate", "brake", "left", "right")], axis=1)
    padded = np.concatenate([np.tile(_FORWARD, (PREVIOUS_ACTIONS, 1)), keys.astype(np.float64)])
    return np.concatenate([padded[place : place + len(picked)] for place in range(PREVIOUS_ACTIONS)], axis=1)


def _count_since_zero(values: NDArray[Any]) -> NDArray[np.int64]:
    """Return for each value how many in a row, up to it, are not 0."""
    at = np.arange(len(values))
    last_zero = np.maximum.accumulate(np.where(values == 0, at, -1))
    return at - last_zero


def _material_groups(materials: NDArray[Any]) -> NDArray[np.float64]:
    """Return four flags per wheel, wheel by wheel: shape (N, 16). Unknown materials count as asphalt, as in rulka."""
    known = np.where((materials >= 0) & (materials < len(GROUPS)), materials, 0)
    groups = np.asarray(GROUPS)[known]
    flags: NDArray[np.float64] = (groups[:, :, None] == np.arange(4)).astype(np.float64)
    return flags.reshape(len(materials), -1)
