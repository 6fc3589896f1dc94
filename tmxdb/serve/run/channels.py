"""Speed, gear, pedals and steering of runs over race time, as charts with one axis of time for all runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tmxdb.arrays.line import read_line
from tmxdb.arrays.telemetry import Telemetry
from tmxdb.errors import GbxError, InvalidInput
from tmxdb.gbx import Replay
from tmxdb.gbx.jumps import MAX_SPEED_KMH
from tmxdb.pictures.controls import control_steps

MAX_POINTS = 6000
"""Points of a chart: of longer runs, some are left out."""
Curve = Sequence[tuple[float, float]]
"""(time_ms, value) in the order of time."""


@dataclass(frozen=True, slots=True)
class RunChannels:
    """The curves of one run up to its end. Speed is linear between points; the others keep a value until the next one.

    Steering is -1 (left) to 1 (right). Empty: the file does not have it. `problem`: what could not be read.
    """

    end_ms: int
    speed: Curve = ()
    gear: Curve = ()
    accelerate: Curve = ()
    brake: Curve = ()
    steer: Curve = ()
    respawns_ms: Sequence[int] = ()
    problem: str | None = None


def read_channels(replay: Replay, telemetry: Telemetry | None = None) -> RunChannels:
    """Return the channels of the best ghost. `telemetry`: of a capture of this replay, for the gear.

    Raise GbxError if the file is damaged; damaged samples or inputs alone are left out and named.
    """
    problems: list[str] = []
    speed: Curve = ()
    try:
        line = read_line(replay)
        speeds = np.nan_to_num(np.clip(line.speeds_kmh, 0, MAX_SPEED_KMH))
        speed = _in_order(zip(line.times_ms.tolist(), speeds.tolist(), strict=True))
    except (GbxError, InvalidInput) as error:
        problems.append(str(error))
    end_ms = replay.race_time_ms
    if end_ms is None:
        end_ms = int(speed[-1][0]) if speed else 0
    accelerate: Curve = ()
    brake: Curve = ()
    steer: Curve = ()
    respawns_ms: Sequence[int] = ()
    try:
        events = replay.inputs
        if events:
            end_ms = end_ms or max(event.time_ms for event in events)
            steps = control_steps(events, end_ms)
            accelerate, brake, steer, respawns_ms = steps.accelerate, steps.brake, steps.steer, steps.respawns_ms
    except GbxError as error:
        problems.append(f"its inputs are damaged: {error}")
    return RunChannels(
        end_ms,
        [point for point in speed if point[0] <= end_ms],
        _gear(telemetry, end_ms),
        _in_order(accelerate),
        _in_order(brake),
        _in_order(steer),
        respawns_ms,
        "; ".join(problems) or None,
    )


def chart_data(runs: Sequence[RunChannels]) -> dict[str, Any]:
    """Return for each channel `x` (ms) and one list of values for each run; None where a run has no value."""
    return {
        "speed": _chart(runs, [run.speed for run in runs], digits=1, is_linear=True),
        "gear": _chart(runs, [run.gear for run in runs]),
        "accelerate": _chart(runs, [run.accelerate for run in runs]),
        "brake": _chart(runs, [run.brake for run in runs]),
        "steer": _chart(runs, [run.steer for run in runs], digits=3),
    }


def _chart(
    runs: Sequence[RunChannels], curves: Sequence[Curve], *, digits: int = 0, is_linear: bool = False
) -> dict[str, Any]:
    ends = [run.end_ms for run, curve in zip(runs, curves, strict=True) if curve]
    times = np.unique(np.concatenate([[point[0] for point in curve] for curve in curves] + [ends]).astype(float))
    if len(times) > MAX_POINTS:
        times = times[np.unique(np.linspace(0, len(times) - 1, MAX_POINTS).astype(int))]
    series = []
    for run, curve in zip(runs, curves, strict=True):
        if not curve:
            series.append([None] * len(times))
            continue
        at, values = np.array(curve, dtype=float).T
        if is_linear:
            found = np.interp(times, at, values)
        else:
            found = values[np.clip(np.searchsorted(at, times, side="right") - 1, 0, None)]
        is_outside = (times < at[0]) | (times > run.end_ms)
        rounded = np.round(found, digits).tolist()
        series.append([None if gone else value for gone, value in zip(is_outside.tolist(), rounded, strict=True)])
    return {"x": times.tolist(), "series": series}


def _gear(telemetry: Telemetry | None, end_ms: int) -> Curve:
    if telemetry is None or not len(telemetry):
        return ()
    times, gears = telemetry["time_ms"], telemetry["gear"]
    changes = np.flatnonzero(np.diff(gears, prepend=gears[:1] - 1))
    found = zip(times[changes].tolist(), gears[changes].tolist(), strict=True)
    return [(time_ms, gear) for time_ms, gear in _in_order(found) if 0 <= time_ms <= end_ms]


def _in_order(curve: Iterable[tuple[float, float]]) -> Curve:
    """Return the points whose time is later than that of the ones before."""
    kept: list[tuple[float, float]] = []
    for point in curve:
        if not kept or point[0] > kept[-1][0]:
            kept.append(point)
    return kept
