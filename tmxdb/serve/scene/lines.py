"""The line of a replay in about 1.5 bytes for each sample after packing.

Positions are whole steps of 1/32 m from the first one, stored as second differences in 16 bits, each axis on its own:
85 KB for 50 runs of 2 minutes after packing, against 400 KB as 32-bit floats.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tmxdb.arrays.line import Line, read_line
from tmxdb.gbx import Replay

STEP_M = 1 / 32
MAX_POINTS = 40_000
"""66 minutes of samples; of longer runs every second, third … point is kept."""
MAX_POSITION_M = 100_000
"""Far outside every map: positions beyond are damage."""
_I16 = 32_767
_MAX_GAP_MS = 65_535


@dataclass(frozen=True, slots=True)
class PackedLine:
    """A line for the 3D view.

    `data`: u16 × n steps of time in ms, then i16 × n second differences of x, of y and of z, in steps of `step_m` from
    `origin`. All little endian; the first of each is 0. `jumps`: points to which a respawn moved the car.
    """

    n: int
    start_ms: int
    step_m: float
    origin: tuple[float, float, float]
    jumps: tuple[int, ...]
    data: bytes

    def header(self) -> dict[str, Any]:
        """Return what the browser must know to unpack `data`."""
        return {
            "n": self.n, "start_ms": self.start_ms, "step_m": self.step_m, "origin": self.origin, "jumps": self.jumps,
        }  # fmt: skip


def packed_line(replay: Replay) -> PackedLine:
    """Return the line of the best ghost up to its finish.

    Raise InvalidInput if the file has no positions, and GbxError if it is damaged.
    """
    return pack(_until_finish(read_line(replay), replay.race_time_ms))


def pack(line: Line) -> PackedLine:
    """Return `line` packed, without points that are on no map."""
    with np.errstate(invalid="ignore"):
        is_kept = (np.abs(line.positions) <= MAX_POSITION_M).all(axis=1)
    is_kept &= np.concatenate([[True], np.diff(np.maximum.accumulate(line.times_ms)) > 0])[: len(line)]
    jumped = np.zeros(len(line), dtype=bool)
    jumped[line.jumps[line.jumps < len(line)]] = True
    times, positions = line.times_ms[is_kept], line.positions[is_kept]
    group = np.cumsum(is_kept)[jumped] - is_kept[jumped]  # a point that was left out passes its jump to the next one
    every = -(-len(times) // MAX_POINTS) or 1
    times, positions = times[::every], positions[::every]
    gaps = np.diff(times, prepend=times[:1])
    too_long = np.flatnonzero(gaps > _MAX_GAP_MS)
    if too_long.size:
        times, positions, gaps = times[: too_long[0]], positions[: too_long[0]], gaps[: too_long[0]]
    jumps = sorted({int(at) for at in -(-group // every) if 0 < at < len(times)})
    if not len(times):
        return PackedLine(0, 0, STEP_M, (0.0, 0.0, 0.0), (), b"")
    step_m = STEP_M
    while True:
        steps = np.rint((positions - positions[0]) / step_m).astype(np.int64)
        second = np.diff(np.diff(steps, axis=0, prepend=steps[:1]), axis=0, prepend=np.zeros((1, 3), dtype=np.int64))
        if np.abs(second).max() <= _I16:
            break
        step_m *= 2
    data = gaps.astype("<u2").tobytes() + np.ascontiguousarray(second.T).astype("<i2").tobytes()
    x, y, z = (float(value) for value in positions[0])
    return PackedLine(len(times), int(times[0]), step_m, (x, y, z), tuple(jumps), data)


def unpack(packed: PackedLine) -> tuple[Any, Any]:
    """Return times (n,) in ms and positions (n, 3) in metres, as the browser does."""
    n = packed.n
    gaps = np.frombuffer(packed.data, "<u2", n)
    second = np.frombuffer(packed.data, "<i2", 3 * n, 2 * n).reshape(3, n).T.astype(np.int64)
    steps = np.cumsum(np.cumsum(second, axis=0), axis=0)
    return packed.start_ms + np.cumsum(gaps, dtype=np.int64), np.array(packed.origin) + steps * packed.step_m


def _until_finish(line: Line, race_time_ms: int | None) -> Line:
    """Return the line with a point at the finish and none after it: samples go on after the race."""
    if race_time_ms is None or not len(line) or not line.times_ms[0] < race_time_ms <= line.times_ms[-1]:
        return line
    n = int(np.searchsorted(line.times_ms, race_time_ms, side="left"))
    end = line.at([race_time_ms])
    return Line(
        np.append(line.times_ms[:n], end.times_ms),
        np.concatenate([line.positions[:n], end.positions]),
        np.concatenate([line.velocities[:n], end.velocities]),
        np.concatenate([line.rotations[:n], end.rotations]),
        line.jumps[line.jumps < n],
    )
