"""The parts of a manifest that only rulka reads: the actions of the whole race, and states in rulka's names.

docs/facts/training.md#frame-folders says what rulka reads. Everything is computed from the telemetry of the run.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from tmxdb.capture.settings import CaptureSettings
from tmxdb.capture.telemetry.materials import group_of
from tmxdb.capture.telemetry.table import TelemetryTable
from tmxdb.errors import InvalidInput

GROUPS = 4
_DIGITS = 6


def actions_of(table: TelemetryTable, step_ms: int) -> list[int]:
    """Return the index of the action at each multiple of `step_ms` from 0 to the last record.

    A tick that the game did not report has the action of the one before.
    """
    times, actions = table.column("time_ms"), table.column("action_idx")
    if not times or actions is None:
        return []
    timeline, place = [], 0
    for time_ms in range(0, int(times[-1]) + 1, step_ms):
        while place + 1 < len(times) and times[place + 1] <= time_ms:
            place += 1
        timeline.append(int(actions[place]))
    return timeline


def meta_entries(table: TelemetryTable, times_ms: Iterable[int]) -> Iterator[dict[str, Any]]:
    """Yield a state in rulka's names for each of these times that has a record. Velocities are in world axes.

    Yield nothing if the game did not report all parts of `gear_and_wheels`: rulka cannot do without them.
    """
    names = ("gearbox_state", "free_wheeling", "wheel_dampers", "wheel_materials")
    if any(table.column(name) is None for name in names):
        return
    wanted, count = set(times_ms), 0
    for row, time_ms in enumerate(_values(table, "time_ms")):
        if time_ms not in wanted:
            continue
        gearbox = _row(table, "gearbox_state", row, 1)[0]
        count = count + 1 if gearbox else 0
        rotation = _row(table, "rotation", row, 9)
        yield {
            "time_ms": time_ms,
            "race_time": time_ms,
            "position": _row(table, "position", row, 3),
            "velocity": _row(table, "velocity", row, 3),
            "angular_velocity": _row(table, "angular_velocity", row, 3),
            "orientation_flat": [rotation[3 * j + i] for i in range(3) for j in range(3)],
            "gear_and_wheels": [
                *_row(table, "wheels_sliding", row, 4),
                *_row(table, "wheels_on_ground", row, 4),
                *_row(table, "wheel_dampers", row, 4),
                gearbox,
                *_row(table, "gear", row, 1),
                *_row(table, "rpm", row, 1),
                float(count),
                *_material_flags(_row(table, "wheel_materials", row, 4)),
            ],
            "is_freewheeling": bool(_row(table, "free_wheeling", row, 1)[0]),
        }


def closing_lines(
    table: TelemetryTable,
    settings: CaptureSettings,
    times_ms: Iterable[int],
    zones: Mapping[int, Mapping[str, Any]] = MappingProxyType({}),
) -> Iterator[bytes]:
    """Yield what follows the entries of an object manifest, up to its end. `zones`: more facts of states, by time.

    Telemetry that is coarser than a step does not say when an input changed. Its manifest has no actions, and rulka
    takes those between the frames from the nearest frame.
    """
    if settings.telemetry_hz * settings.step_ms >= 1000:
        actions = json.dumps(actions_of(table, settings.step_ms), separators=(",", ":"))
        yield f'"actions":{actions},\n'.encode()
    yield b'"meta":['
    before = b"\n"
    for entry in meta_entries(table, times_ms):
        yield before + json.dumps(entry | dict(zones.get(entry["time_ms"], {})), separators=(",", ":")).encode()
        before = b",\n"
    yield b"\n]}\n"


def _material_flags(materials: list[Any]) -> list[float]:
    return [float(group_of(int(material)) == group) for material in materials for group in range(GROUPS)]


def _values(table: TelemetryTable, name: str) -> Any:
    values = table.column(name)
    if values is None:
        raise InvalidInput(f"the telemetry has no {name}.", code="input.column")
    return values


def _row(table: TelemetryTable, name: str, row: int, width: int) -> list[float]:
    return [round(float(value), _DIGITS) for value in _values(table, name)[row * width : (row + 1) * width]]
