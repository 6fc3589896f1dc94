"""Lines and inputs in the forms of NumPy's files."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tmxdb.arrays.line import Line
from tmxdb.arrays.ticks import InputTicks
from tmxdb.gbx import InputEvent

LINE_FIELDS = {
    "time_ms": "race time",
    **dict.fromkeys(("x", "y", "z"), "position; y is up"),
    **dict.fromkeys(("vx", "vy", "vz"), "velocity in the axes of the world"),
    "speed_kmh": "speed",
    **dict.fromkeys(("qw", "qx", "qy", "qz"), "rotation from the axes of the car to those of the world: a quaternion"),
    "jump": "whether a respawn moved the car here",
}


def line_records(line: Line) -> NDArray[Any]:
    """Return a line as a structured array of shape (N,) with the fields `LINE_FIELDS`."""
    kinds = {"time_ms": "<i8", "jump": "?"}
    records = np.zeros(len(line), dtype=[(name, kinds.get(name, "<f8")) for name in LINE_FIELDS])
    records["time_ms"] = line.times_ms
    for names, values in ((("x", "y", "z"), line.positions), (("vx", "vy", "vz"), line.velocities),
                          (("qw", "qx", "qy", "qz"), line.rotations)):  # fmt: skip
        for number, name in enumerate(names):
            records[name] = values[:, number]
    records["speed_kmh"] = line.speeds_kmh
    records["jump"][line.jumps] = True
    return records


def npy_of(array: NDArray[Any]) -> bytes:
    """Return an array as the bytes of an NPY file."""
    file = io.BytesIO()
    np.save(file, array, allow_pickle=False)
    return file.getvalue()


def ticks_npz(ticks: InputTicks, events: Sequence[InputEvent]) -> bytes:
    """Return inputs as the bytes of an NPZ file: an array for each field of `InputTicks`, `action_idx`, and the events
    as `event_times_ms`, `event_controls` and `event_values`."""
    arrays = {field.name: getattr(ticks, field.name) for field in fields(ticks)}
    arrays |= {
        "action_idx": ticks.action_idx,
        "event_times_ms": np.array([event.time_ms for event in events], dtype=np.int64),
        "event_controls": np.array([event.control for event in events], dtype=np.str_),
        "event_values": np.array([event.value for event in events], dtype=np.int64),
    }
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()
