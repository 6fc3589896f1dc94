"""Telemetry: which ticks of a race are recorded, and what its files contain."""

from __future__ import annotations

import io
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.capture.conftest import Player
from tests.capture.race.cars import DETAILS, car
from tests.capture.race.simulated_game import SimulatedGame
from tmxdb.arrays.telemetry import as_arrays
from tmxdb.capture.race.outcome import CompletedRace
from tmxdb.capture.settings import CaptureSettings
from tmxdb.capture.telemetry import files
from tmxdb.capture.telemetry.columns import COLUMNS, to_car_axes
from tmxdb.capture.telemetry.files import NAMES, NPZ, PARQUET, describe, parse_telemetry, read_telemetry
from tmxdb.capture.telemetry.table import TelemetryTable
from tmxdb.errors import GameError, InvalidInput
from tmxdb.game.state import CarDetails, CarInputs, CarState

# Which ticks


@pytest.mark.parametrize(("hz", "period_ms"), [(100, 10), (50, 20), (20, 50), (10, 100)])
@pytest.mark.parametrize("fps", [1, 100])
def test_every_tick_of_the_rate_and_the_finish_are_recorded(
    play: Player, game: SimulatedGame, hz: int, period_ms: int, fps: int
) -> None:
    game.race_ms = 510
    assert isinstance(play(game, settings=CaptureSettings(fps=fps, telemetry_hz=hz)), CompletedRace)
    times = [tick.time_ms for tick in play.recorded.ticks]
    assert times == sorted({*range(0, 511, period_ms), 510})
    assert all(tick.state.race_time_ms == tick.time_ms for tick in play.recorded.ticks)


@pytest.mark.parametrize("ghost", [False, True])
def test_no_ticks_are_recorded_without_telemetry_or_with_a_ghost(
    play: Player, game: SimulatedGame, ghost: bool
) -> None:
    play(game, settings=CaptureSettings(telemetry_hz=100 if ghost else 0), ghost=ghost)
    assert play.recorded.ticks == []


def test_a_race_that_starts_over_keeps_only_its_own_ticks(play: Player, game: SimulatedGame) -> None:
    game.pictures_per_s = 60
    result = play(game, settings=CaptureSettings(fps=100), adapt_speed=True)
    assert isinstance(result, CompletedRace)
    assert play.recorded.discarded
    assert [tick.time_ms for tick in play.recorded.ticks] == list(range(0, 501, 10))


def test_telemetry_asks_the_game_nothing_while_it_is_held(
    game: SimulatedGame, play: Player, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The state comes with the answer, after which the game goes on."""
    asked: list[int] = []
    held_state = SimulatedGame.state

    def state(self: SimulatedGame) -> CarState:
        asked.append(self.time_ms)
        return held_state(self)

    def answer_and_get_state(self: SimulatedGame) -> CarState:
        known = held_state(self)
        self.answer()
        return known

    monkeypatch.setattr(SimulatedGame, "state", state)
    monkeypatch.setattr(SimulatedGame, "answer_and_get_state", answer_and_get_state)
    play(game, settings=CaptureSettings(fps=10, telemetry_hz=100))
    assert len(play.recorded.ticks) == 51
    assert asked == [0, 490, 500]  # the map, whether the car moves, and the tick of the last checkpoint


# Files


def table(ticks: int = 5, *, details: CarDetails | None = DETAILS) -> TelemetryTable:
    filled = TelemetryTable()
    for n in range(ticks):
        inputs = CarInputs(n % 2 == 0, False, n > 2, False, -65536 if n > 2 else 0, 0)
        turned = ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (-1.0, 0.0, 0.0))
        state = car(10 * n, inputs=inputs, velocity=(float(n), 1.0, 2.0), rotation=turned, details=details, lap=n // 3)
        filled.add(10 * n, state)
    return filled


def file_bytes(filled: TelemetryTable, name: str) -> bytes:
    out = io.BytesIO()
    files.write_telemetry(filled, out, name)
    return out.getvalue()


@pytest.mark.parametrize("name", NAMES)
def test_a_file_gives_back_every_value(name: str) -> None:
    again = parse_telemetry(file_bytes(table(), name), name, "it")
    assert again.columns() == table().columns()
    arrays = as_arrays(again, 100)
    assert arrays.time_ms.tolist() == [0, 10, 20, 30, 40]
    assert arrays.accelerate.tolist() == [True, False, True, False, True]
    assert arrays.action_idx.tolist() == [0, 3, 0, 4, 1]
    assert arrays.local_velocity[3].tolist() == [-2.0, 1.0, 3.0]
    assert arrays.wheel_materials.tolist() == [[0, 1, 2, 3]] * 5
    assert arrays.lap.tolist() == [0, 0, 0, 1, 1]
    assert {column.name for column in COLUMNS} == set(arrays.columns)


@pytest.mark.parametrize("name", NAMES)
def test_what_a_game_does_not_report_is_null(name: str) -> None:
    filled = table(details=None)
    again = parse_telemetry(file_bytes(filled, name), name, "it")
    nulls = [column.name for column in COLUMNS if column.needs_details]
    assert again.null_columns == nulls == describe(filled, name, 100)["null_columns"]
    with pytest.raises(AttributeError, match="no column turbo"):
        as_arrays(again, 100).turbo  # noqa: B018


def test_details_that_come_only_at_times_leave_their_columns_null() -> None:
    filled = table(2)
    filled.add(20, car(20))
    assert "turbo" in filled.null_columns
    assert filled.problem() is None
    assert len(filled) == 3


def test_other_programs_read_the_files(tmp_path: Path) -> None:
    import pyarrow.parquet as parquet

    (tmp_path / PARQUET).write_bytes(file_bytes(table(), PARQUET))
    (tmp_path / NPZ).write_bytes(file_bytes(table(), NPZ))
    rows = parquet.read_table(tmp_path / PARQUET).to_pylist()
    loaded = np.load(tmp_path / NPZ)
    for name, value in rows[3].items():
        assert loaded[name][3].tolist() == value, name
    assert loaded["position"].dtype == np.float32
    assert loaded["accelerate"].dtype == np.bool_


@pytest.mark.parametrize("name", NAMES)
def test_equal_telemetry_gives_equal_bytes(name: str) -> None:
    assert file_bytes(table(), name) == file_bytes(table(), name)


def test_without_pyarrow_a_npz_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    assert files.file_name() == PARQUET
    monkeypatch.setattr(files, "_pyarrow", lambda: None)
    assert files.file_name() == NPZ
    with pytest.raises(InvalidInput, match="needs pyarrow"):
        parse_telemetry(b"", PARQUET, "it")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("cut", [0, 1, 100, -1, -40])
def test_a_damaged_file_is_one_sentence(tmp_path: Path, name: str, cut: int) -> None:
    (tmp_path / name).write_bytes(file_bytes(table(), name)[:cut])
    with pytest.raises(InvalidInput, match=r"Run `tmxdb verify --repair`") as damaged:
        read_telemetry(tmp_path, name)
    assert damaged.value.code == "capture.damaged"


def test_times_that_do_not_increase_are_damage() -> None:
    filled = table(2)
    filled.add(10, car(10, details=DETAILS))
    with pytest.raises(InvalidInput, match="times that do not increase"):
        parse_telemetry(file_bytes(filled, NPZ), NPZ, "it")


def test_missed_ticks_are_counted() -> None:
    filled = TelemetryTable()
    for time_ms in (20, 40, 100, 110):
        filled.add(time_ms, car(time_ms))
    assert describe(filled, NPZ, 50)["missed"] == 3  # 0, 60, 80; the finish is beside the grid


def test_a_number_out_of_range_is_an_error_of_the_game() -> None:
    with pytest.raises(GameError, match="out of range at 30 ms"):
        TelemetryTable().add(30, car(30, gear=2**40))


def test_a_vector_in_car_axes() -> None:
    """A car that has turned by 90 degrees, with its nose along the world's x axis."""
    turned = ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (-1.0, 0.0, 0.0))
    assert to_car_axes(turned, (5.0, 1.0, 0.0)) == (0.0, 1.0, 5.0)
    state = replace(car(), rotation=turned)
    assert math.isclose(math.hypot(*to_car_axes(state.rotation, (1.0, 2.0, 3.0))), math.sqrt(14))
