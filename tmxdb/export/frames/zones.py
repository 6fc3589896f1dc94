"""Where a car is on the centre line of its track, in rulka's names: added to the states of a run.

docs/facts/training.md#float-inputs
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from tmxdb.arrays.float_inputs import zone_centers
from tmxdb.arrays.reference_line import reference_line
from tmxdb.arrays.telemetry import as_arrays
from tmxdb.capture.telemetry.table import TelemetryTable

_DIGITS = 6


def zone_facts(table: TelemetryTable, vcp: Path, times_ms: Iterable[int]) -> dict[int, dict[str, Any]]:
    """Return the facts at each of these race times that has a record. `vcp`: the file of the centre line.

    The zone of a car depends on the zones before it, so every record is followed. Raise InvalidInput if the file is
    not one that `tmxdb export vcp` wrote.
    """
    telemetry, line = as_arrays(table, 0), reference_line(vcp)
    positions = telemetry["position"].astype(np.float64)
    zones = line.zones(positions)
    (picked,) = np.nonzero(np.isin(telemetry["time_ms"], list(times_ms)))
    rotation = telemetry["rotation"][picked].reshape(-1, 3, 3).astype(np.float64)
    centers = zone_centers(line, zones[picked], rotation, positions[picked]).reshape(len(picked), -1)
    margins = line.margins(positions[picked], zones[picked])
    return {
        int(time_ms): {
            "zone_centers_in_car_frame": center.round(_DIGITS).tolist(),
            "margin": round(float(margin), _DIGITS),
            "current_zone_idx": int(zone),
        }
        for time_ms, center, margin, zone in zip(
            telemetry["time_ms"][picked], centers, margins, zones[picked], strict=True
        )
    }
