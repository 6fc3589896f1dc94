"""The line or the inputs of one replay file, in the form of a file of its own."""

from __future__ import annotations

import io
import json

from tmxdb.arrays.line import read_line
from tmxdb.arrays.records import LINE_FIELDS, line_records, npy_of, ticks_npz
from tmxdb.arrays.ticks import read_ticks
from tmxdb.capture.output.actions import ACTIONS
from tmxdb.capture.settings import TICK_MS
from tmxdb.errors import InvalidInput
from tmxdb.export.tables.sources import TableColumn
from tmxdb.export.tables.writers import row_writer
from tmxdb.gbx import Replay

MAX_POINTS = 10_000_000
"""Points of one line: 27 hours, every 10 ms."""
_TYPES = {"time_ms": "integer", "jump": "boolean"}
_UNITS = {"x": "m", "y": "m", "z": "m", "vx": "m/s", "vy": "m/s", "vz": "m/s"}
LINE_COLUMNS = tuple(
    TableColumn(name, _TYPES.get(name, "number"), doc, _UNITS.get(name)) for name, doc in LINE_FIELDS.items()
)


def line_file(replay: Replay, form: str, step_ms: int | None = None) -> bytes:
    """Return the driven line as a CSV, NPY or Parquet file: the samples of the ghost, or the car every `step_ms`.

    Raise InvalidInput if the replay has no samples or would have more than MAX_POINTS points, or if NumPy or pyarrow is
    missing.
    """
    line = read_line(replay)
    if step_ms is not None:
        times_ms = range(int(line.times_ms[0]), int(line.times_ms[-1]) + 1, step_ms)
        if len(times_ms) > MAX_POINTS:
            raise InvalidInput(
                f"the line would have {len(times_ms):,} points, more than any run. Use a larger --step-ms.",
                code="input.too_large",
            )
        line = line.at(times_ms)
    records = line_records(line)
    if form == "npy":
        return npy_of(records)
    file = io.BytesIO()
    writer = row_writer(form, file, LINE_COLUMNS)
    writer.write(records.tolist())
    writer.close()
    return file.getvalue()


def inputs_npz(replay: Replay) -> bytes:
    """Return the inputs at each tick as an NPZ file: the arrays of `InputTicks` by name, `action_idx`, and the events.

    Raise InvalidInput if the replay has no inputs, or if NumPy is missing.
    """
    return ticks_npz(read_ticks(replay), replay.inputs)


def actions_json(replay: Replay, step_ms: int = TICK_MS) -> bytes:
    """Return the actions as JSON: `actions[k]` holds at `k * step_ms`; `table` has the keys of each action.

    Raise InvalidInput if the replay has no inputs, or if NumPy is missing.
    """
    actions = read_ticks(replay).action_idx[:: step_ms // TICK_MS]
    value = {"step_ms": step_ms, "table": [list(keys) for keys in ACTIONS], "actions": actions.tolist()}
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"
