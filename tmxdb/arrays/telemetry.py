"""Telemetry of a capture as NumPy arrays, and the 184 inputs that linesight and rulka compute from a state.

docs/facts/training.md#float-inputs
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tmxdb.capture.telemetry.columns import COLUMNS, FLAG
from tmxdb.capture.telemetry.files import NAMES, read_telemetry
from tmxdb.capture.telemetry.table import TelemetryTable
from tmxdb.errors import InvalidInput


@dataclass(frozen=True, eq=False)
class Telemetry:
    """Inputs and car at each recorded tick: N ticks, a column for each field of docs/how-to/capture.md#telemetry.

    A column is also an attribute: `telemetry.position` is `telemetry["position"]`, float32 of shape (N, 3) in metres.
    """

    hz: int
    """Records per second of race time."""
    columns: Mapping[str, NDArray[Any]] = field(repr=False)
    """Arrays of shape (N,) or (N, width) by name. Columns that the game did not report are not in it."""

    def __len__(self) -> int:
        return len(self.columns["time_ms"])

    def __getitem__(self, name: str) -> NDArray[Any]:
        """Return a column. Raise KeyError if the game did not report it."""
        return self.columns[name]

    def __getattr__(self, name: str) -> NDArray[Any]:
        try:
            columns = object.__getattribute__(self, "columns")
            column: NDArray[Any] = columns[name]
        except (AttributeError, KeyError):
            raise AttributeError(f"telemetry has no column {name}") from None
        return column

    def rows(self, times_ms: Any) -> NDArray[np.int64]:
        """Return the numbers of the last records at or before race times, such as those of frames.

        Raise ValueError for a time before the first record or after the last one.
        """
        times = np.asarray(times_ms)
        rows: NDArray[np.int64] = np.searchsorted(self.columns["time_ms"], times, side="right") - 1
        if times.size and (rows.min() < 0 or times.max() > self.columns["time_ms"][-1]):
            raise ValueError("a time outside the recorded race")
        return rows


def telemetry_of(folder: Path, metadata: Mapping[str, Any]) -> Telemetry | None:
    """Return the telemetry that the metadata of a captured folder names, or None.

    Raise InvalidInput if it is damaged.
    """
    described = metadata.get("telemetry")
    if described is None:
        return None
    if not isinstance(described, dict) or described.get("file") not in NAMES or not isinstance(described["hz"], int):
        raise InvalidInput(f"{folder}: the metadata does not say which file has the telemetry.", code="capture.damaged")
    return as_arrays(read_telemetry(folder, described["file"]), described["hz"])


def as_arrays(table: TelemetryTable, hz: int) -> Telemetry:
    """Return the columns of a table as arrays that share its memory."""
    arrays: dict[str, NDArray[Any]] = {}
    for column in COLUMNS:
        values = table.column(column.name)
        if values is not None:
            flat = np.frombuffer(values, dtype=np.bool_ if column.code == FLAG else values.typecode)
            arrays[column.name] = flat if column.width == 1 else flat.reshape(-1, column.width)
    return Telemetry(hz, arrays)
