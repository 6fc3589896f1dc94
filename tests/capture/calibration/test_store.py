"""Measured lags in the game's folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tmxdb.capture.games.calibration_store import (
    FILE,
    Calibration,
    GameFacts,
    find_calibration,
    lag_warning,
    store_calibration,
)
from tmxdb.errors import InvalidInput

FACTS = GameFacts("tmi2", "TmxdbLink 2", "2.2.1", "plugin", 64, 64, 1.0)
MEASURED = Calibration(FACTS, 1, "held", 0.9, "2026-11-29T12:00:00.000Z")


def test_a_calibration_is_found_for_its_own_set_up_only(tmp_path: Path) -> None:
    store_calibration(tmp_path, MEASURED)
    assert find_calibration(tmp_path, FACTS) == MEASURED
    for other in (
        replace(FACTS, width=128), replace(FACTS, speed=0.5), replace(FACTS, tminterface_version="2.1.4"),
        replace(FACTS, plugin="other"), replace(FACTS, frame_source="screen"),
    ):  # fmt: skip
        assert find_calibration(tmp_path, other) is None


def test_only_a_measurement_with_confidence_needs_no_warning() -> None:
    assert lag_warning(FACTS, MEASURED) is None
    assert lag_warning(FACTS, replace(MEASURED, confidence=0.5)) is None
    again = "run `tmxdb game calibrate --width 64 --height 64`."
    for calibration, problem in ((None, "was not measured"), (replace(MEASURED, confidence=0.49), "of only 0.49")):
        said = str(lag_warning(FACTS, calibration))
        assert problem in said
        assert said.endswith(again)


def test_a_new_calibration_replaces_that_of_the_same_set_up(tmp_path: Path) -> None:
    other = replace(MEASURED, facts=replace(FACTS, width=128), lag_ticks=0)
    for one in (MEASURED, other, replace(MEASURED, lag_ticks=2)):
        store_calibration(tmp_path, one)
    found = find_calibration(tmp_path, FACTS)
    assert found is not None
    assert found.lag_ticks == 2
    assert find_calibration(tmp_path, other.facts) == other
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


@pytest.mark.parametrize(
    "text",
    ["", "[]", "nonsense", '{"format": 2, "calibrations": []}', "[" * 100_000,
     '{"format": 1, "calibrations": [5, {}, {"facts": {}}, {"facts": null}]}'],
)  # fmt: skip
def test_a_file_that_tmxdb_did_not_write_counts_as_no_calibration(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    assert find_calibration(tmp_path, FACTS) is None


def test_a_file_of_another_program_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("my notes")
    with pytest.raises(InvalidInput, match="not written by tmxdb"):
        store_calibration(tmp_path, MEASURED)
    assert (tmp_path / FILE).read_text() == "my notes"
