"""The 184 inputs of agents, compared with a second implementation that follows the description line by line."""

from __future__ import annotations

import math
from array import array
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.capture.race.cars import DETAILS
from tests.frames import car
from tmxdb.arrays.float_inputs import FLOAT_INPUTS, float_inputs
from tmxdb.arrays.reference_line import ReferenceLine, reference_line
from tmxdb.arrays.telemetry import Telemetry, as_arrays
from tmxdb.capture.telemetry.table import TelemetryTable
from tmxdb.errors import InvalidInput
from tmxdb.export.centerlines.resampling import centerline
from tmxdb.game.state import CarDetails, CarInputs, WheelState

# The path, and the results for a distance of 0.5 m, of docs/facts/training.md#virtual-checkpoints.
PATH = [(0, 9, 0), (0, 9, 0), (0, 9, 0.1), (0, 9, 0.4), (0, 9, 1.0), (0.2, 9, 1.8), (0.7, 9.1, 2.6), (1.5, 9.2, 3.2),
        (2.5, 9.3, 3.5), (3.6, 9.3, 3.6), (4.8, 9.3, 3.6), (6.0, 9.3, 3.6)]  # fmt: skip


def test_the_worked_example_of_the_original() -> None:
    line = reference_line(centerline(PATH, 0.5))
    assert len(line.centers) == 1038
    assert line.centers[20] == pytest.approx([0.2845, 9.0369, -0.0671], abs=1e-4)
    assert line.centers[25] == pytest.approx([1.3607, 9.15, 1.76], abs=1e-4)
    begin = 0.5 * (line.centers[19] + line.centers[20])
    margins = line.margins(begin[np.newaxis], np.array([20]))
    assert margins == pytest.approx([8.558468], abs=2e-6)


def test_a_line_is_read_from_the_file_that_export_vcp_writes(tmp_path: Path) -> None:
    np.save(tmp_path / "1_0.5m_cl.npy", np.array(centerline(PATH, 0.5)))
    assert np.array_equal(
        reference_line(tmp_path / "1_0.5m_cl.npy").centers, reference_line(centerline(PATH, 0.5)).centers
    )
    (tmp_path / "no.npy").write_bytes(b"no")
    for bad in (
        tmp_path / "no.npy",
        tmp_path / "missing.npy",
        [[1.0, 2.0]],
        [[0.0, 0.0, math.nan]] * 3,
        [[1.0, 2.0, 3.0]] * 3,
        [],
        "abc",
        ["abc", "def"],
    ):
        with pytest.raises(InvalidInput, match="virtual checkpoints"):
            reference_line(bad)


TICKS = 301


def driven() -> Telemetry:
    """Return three seconds of a car on a circle that turns with it, slides, jumps, and shifts gears."""
    table = TelemetryTable()
    for tick in range(TICKS):
        time_ms, angle = 10 * tick, tick / 300
        rotation = ((math.cos(angle), 0.0, math.sin(angle)), (0.0, 1.0, 0.0), (-math.sin(angle), 0.0, math.cos(angle)))
        wheels = tuple(
            WheelState(tick % 7 > wheel, tick % 5 == wheel, 0.01 * wheel + tick / 1e4, (tick // 3 + wheel) % 33, 1)
            for wheel in range(4)
        )
        details = CarDetails(**{**_values(DETAILS), "wheels": wheels, "gearbox_state": int(tick % 90 < 40)})
        state = car(time_ms)
        table.add(time_ms, _with(state, rotation=rotation, details=details, wheels=wheels, tick=tick))
    return as_arrays(table, 100)


def _values(details: CarDetails) -> dict[str, Any]:
    return {name: getattr(details, name) for name in CarDetails.__dataclass_fields__}


def _with(state: Any, *, rotation: Any, details: CarDetails, wheels: Any, tick: int) -> Any:
    from dataclasses import replace

    return replace(
        state,
        rotation=rotation,
        details=details,
        gear=1 + tick // 100,
        rpm=5000.0 + tick,
        inputs=CarInputs(tick % 60 < 50, tick % 60 > 45, tick % 40 < 20, tick % 40 > 30, 0, 0),
        wheels_on_ground=tuple(wheel.on_ground for wheel in wheels),
        wheels_sliding=tuple(wheel.sliding for wheel in wheels),
    )


GROUPS: dict[int, tuple[int, ...]] = {
    0: (0, 1, 16, 18, 19),
    1: (2, 20),
    2: (5, 6, 8, 17),
    3: (7, 26),
    4: (3, 4, 9, 10, 11, 12, 13, 14, 15, 21, 22, 23, 24, 25, 27, 28, 29, 30),
}


def plain(telemetry: Telemetry, points: list[Any], period_ms: int) -> list[list[float]]:
    """Compute the inputs with loops and lists."""
    extended = [[p - (n * (q - p)) for p, q in zip(points[0], points[1], strict=True)] for n in range(20, 0, -1)]
    extended += [list(point) for point in points]
    extended += [[q + n * (q - p) for p, q in zip(points[-2], points[-1], strict=True)] for n in range(1, 1001)]
    zc = [list(point) for point in extended]
    for i in range(5, len(extended) - 5):
        zc[i] = [(a + b) / 2 for a, b in zip(extended[i - 5], extended[i + 5], strict=True)]
    middle = [[(a + b) / 2 for a, b in zip(zc[i], zc[i + 1], strict=True)] for i in range(len(zc) - 1)]
    length = [math.dist(middle[i], middle[i + 1]) for i in range(len(middle) - 1)]
    sums = [0.0]
    for one in length:
        sums.append(sums[-1] + one)
    rows, k, counter, past = [], 20, 0, [(1.0, 0.0, 0.0, 0.0)] * 5
    for at in range(0, TICKS, period_ms // 10):
        p = [float(value) for value in telemetry.position[at]]
        r = telemetry.rotation[at].astype(float).reshape(3, 3)
        while math.dist(zc[k + 1], p) <= min(math.dist(zc[k], p), 45.0006944) and k < len(zc) - 1001:
            k += 1
        while k >= 2 and math.dist(zc[k - 1], p) < math.dist(zc[k], p) and math.dist(zc[k - 1], p) <= 45.0006944:
            k -= 1
        counter = counter + 1 if telemetry.gearbox_state[at] else 0
        row = [0.0]
        for keys in past[-5:]:
            row += keys
        past.append(tuple(float(telemetry[name][at]) for name in ("accelerate", "brake", "left", "right")))
        row += [float(value) for value in telemetry.wheels_sliding[at]]
        row += [float(value) for value in telemetry.wheels_on_ground[at]]
        row += [float(value) for value in telemetry.wheel_dampers[at]]
        row += [float(telemetry.gearbox_state[at]), float(telemetry.gear[at]), float(telemetry.rpm[at]), counter]
        for material in telemetry.wheel_materials[at]:
            group = next((g for g, ids in GROUPS.items() if material in ids), 0)
            row += [float(group == number) for number in range(4)]
        for name in ("angular_velocity", "velocity"):
            world = telemetry[name][at]
            row += [sum(r[i][j] * world[i] for i in range(3)) for j in range(3)]
        row += [r[1][0], r[1][1], r[1][2]]
        for ahead in range(40):
            away = [zc[k + 20 * ahead][axis] - p[axis] for axis in range(3)]
            row += [sum(r[i][j] * away[i] for i in range(3)) for j in range(3)]
        axis_of = [(b - a) / length[k - 1] for a, b in zip(middle[k - 1], middle[k], strict=True)]
        along = sum((p[i] - middle[k - 1][i]) * axis_of[i] for i in range(3))
        metres = sums[k - 1] + min(max(along, 0.0), length[k - 1])
        row += [min(700.0, sums[len(zc) - 1000] - metres), float(telemetry.free_wheeling[at])]
        rows.append(row)
    return rows


@pytest.fixture(scope="module")
def telemetry() -> Telemetry:
    return driven()


@pytest.fixture(scope="module")
def points(telemetry: Telemetry) -> list[Any]:
    return centerline([tuple(map(float, row)) for row in telemetry.position[::10]], 0.5)  # type: ignore[misc]


@pytest.mark.parametrize("period_ms", [50, 10])
def test_all_184_numbers_come_from_telemetry_and_virtual_checkpoints(
    telemetry: Telemetry, points: list[Any], period_ms: int
) -> None:
    found = float_inputs(telemetry, reference_line(points), period_ms=period_ms)
    wanted = np.array(plain(telemetry, points, period_ms))
    assert found.shape == wanted.shape == (1 + 3000 // period_ms, FLOAT_INPUTS)
    assert found.dtype == np.float32
    for column in range(FLOAT_INPUTS):
        assert found[:, column] == pytest.approx(wanted[:, column], rel=1e-5, abs=2e-3), column
    changing = (wanted.max(axis=0) > wanted.min(axis=0)).sum()
    assert changing > 120  # so that an exchange of columns is seen


def test_the_zone_follows_the_car_forwards_and_back(points: list[Any]) -> None:
    line: ReferenceLine = reference_line(points)
    there = line.centers[20:60]
    zones = line.zones(np.concatenate([there, there[::-1]]))
    assert zones.tolist() == [*range(20, 60), *range(59, 19, -1)]
    assert line.zones(np.array([[1e6, 0.0, 0.0]])).tolist() == [20]  # too far away: it stays


def test_missing_columns_and_times_are_one_sentence(telemetry: Telemetry, points: list[Any]) -> None:
    line = reference_line(points)
    fewer = Telemetry(100, {name: values for name, values in telemetry.columns.items() if name != "wheel_dampers"})
    with pytest.raises(InvalidInput, match="the telemetry has no wheel_dampers"):
        float_inputs(fewer, line)
    coarse = Telemetry(10, {name: values[::10] for name, values in telemetry.columns.items()})
    with pytest.raises(InvalidInput, match="a record every 50 ms"):
        float_inputs(coarse, line)
    assert len(float_inputs(coarse, line, period_ms=100)) == 31


def test_rows_of_times(telemetry: Telemetry) -> None:
    assert telemetry.rows([0, 15, 3000]).tolist() == [0, 1, 300]
    with pytest.raises(ValueError, match="outside"):
        telemetry.rows([3010])
    assert as_arrays(TelemetryTable({"time_ms": array("i")}), 100).hz == 100
