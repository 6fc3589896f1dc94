"""`tmxdb game check --drive` on the sandbox's game."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.e2e.captures.captures import World
from tests.tool import Ran, Tool, lengthen_capture_waits, tool
from tmxdb.capture.calibration import drive_check
from tmxdb.capture.calibration.appearance import check_colors, check_upright
from tmxdb.capture.calibration.matching import LagMeasurement
from tmxdb.capture.games.calibration_store import Calibration, GameFacts
from tmxdb.game.plugin import SCRIPT

__all__ = ["tool"]


@pytest.fixture
def world(tool: Tool, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    (tool.folder / "tmx.db").write_bytes(sqlite_template.read_bytes())
    lengthen_capture_waits(monkeypatch)
    monkeypatch.setattr("tmxdb.capture.calibration.drives.HOLD_S", 0.3)  # the game also renders on a busy machine
    monkeypatch.setattr("tmxdb.capture.calibration.calibrate.BLOCKS", 2)
    world = World(tool)
    world.fill(tracks=1, replays=1)
    plugins = world.user.parent / "TMInterface" / "Plugins"
    plugins.mkdir()
    (plugins / SCRIPT.name).write_bytes(SCRIPT.read_bytes())
    return world


def check(world: World, port: int, *words: object, ends: int) -> Ran:
    return world.tool(
        "game", "check", "--drive", "--replay-id", 100, "--base-tmi-port", port, "--trackmania-path", world.user,
        *words, ends=ends,
    )  # fmt: skip


def by_name(results: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {result["what"]: result for result in results}


def test_a_game_that_is_ready_passes_and_the_report_can_be_sent(world: World) -> None:
    with world.games(picture_code=False, plugin="tmxdb_link") as games:
        ran = check(world, games[0].port, "--width", 96, "--height", 72, "--out", "report.txt", ends=0)
    lines = {line.split()[0]: line for line in ran.out.splitlines() if line[0] != " "}
    for name in ("set-up", "map", "finish", "inputs", "frames", "pictures", "upright", "colours", "determinism", "lag"):
        assert " ok " in lines[name], lines[name]
    assert "0 of 121 due frames missed" in lines["frames"]
    assert "0 ticks" in lines["lag"]
    report = world.tool.folder / "report.txt"
    assert report.read_text() == ran.out
    with Image.open(report.with_suffix(".jpeg")) as picture:
        assert picture.size == (96, 72)


def test_what_to_change_is_said(world: World) -> None:
    with world.games(picture_code=False, picture_lag_ticks=1, pictures_per_s=90) as games:
        ran = check(world, games[0].port, "--json", "--out", "report.json", ends=1)
    results = by_name(ran.json)
    assert results["frames"]["ok"] is False
    assert "--running-speed 0." in results["frames"]["mend"]
    assert results["lag"]["ok"] is False
    assert "1 tick," in results["lag"]["found"]
    assert "tmxdb game calibrate" in results["lag"]["mend"]
    assert json.loads((world.tool.folder / "report.json").read_text()) == ran.json


def test_a_report_with_the_name_of_its_picture_is_refused_before_the_drive(world: World) -> None:
    ran = check(world, 1, "--out", "report.jpeg", "--force", ends=2)
    assert ran.error == (
        "Error: report.jpeg: this is the name of the picture. Give the report another ending, such as .txt."
    )
    assert not (world.tool.folder / "report.jpeg").exists()


def test_a_drive_that_fails_is_the_last_result(world: World) -> None:
    with world.games(faults=["parked"]) as games:
        results = by_name(check(world, games[0].port, "--json", ends=1).json)
    assert results["drive"]["ok"] is False
    assert "the car does not move" in results["drive"]["found"]
    assert "lag" not in results


def test_nothing_is_driven_if_something_is_missing(world: World) -> None:
    ran = check(world, 9, "--json", "--out", "report.json", ends=1)
    assert "No replay was driven" in ran.err
    assert "finish" not in by_name(ran.json)


def test_an_existing_report_is_not_overwritten(world: World) -> None:
    (world.tool.folder / "report.jpeg").write_text("mine")
    assert "report.jpeg" in check(world, 9, "--out", "report.txt", ends=1).error
    assert not (world.tool.folder / "report.txt").exists()


SKY, GROUND = (120, 160, 220), (70, 120, 70)


def road(shift: int) -> Image.Image:
    """Return a picture with a sky above, and stripes that move below."""
    image = Image.new("RGB", (60, 60), SKY)
    for row in range(30, 60):
        color = (200, 200, 200) if (row + shift) // 5 % 2 else GROUND
        image.paste(color, (0, row, 60, row + 1))
    return image


def test_the_half_that_moves_is_the_ground() -> None:
    pictures = {100 * n: road(n) for n in range(10)}
    assert check_upright(pictures).ok is True
    flipped = {time_ms: image.transpose(Image.Transpose.FLIP_TOP_BOTTOM) for time_ms, image in pictures.items()}
    assert "upside down" in str(check_upright(flipped).fix)
    assert "cannot be told" in str(check_upright({0: road(0), 100: road(0)}).fix)


def test_the_sky_is_blue() -> None:
    assert check_colors([road(0)]).ok is True
    swapped = Image.merge("RGB", road(0).split()[::-1])
    assert "red and blue may be swapped" in str(check_colors([swapped]).fix)
    assert "cannot be told" in str(check_colors([Image.new("RGB", (60, 60), (90, 90, 90))]).fix)


def test_a_lag_that_is_as_expected_may_still_be_doubtful() -> None:
    sure = LagMeasurement(0, agreement=1.0, margin=0.9, pictures=20, lags={0: 20})
    unsteady = LagMeasurement(0, agreement=0.6, margin=0.7, pictures=20, lags={0: 12, 1: 8})
    facts = GameFacts("tmi2", "TmxdbLink 2", "2.2.1", "plugin", 64, 64, 1.0)
    stored = Calibration(facts, 0, "held", 0.2, "2026-11-29T12:00:00.000Z")
    assert drive_check._lag(sure, None).ok is True
    assert drive_check._lag(sure, replace(stored, confidence=0.9)).ok is True
    doubtful = drive_check._lag(unsteady, None)
    assert (doubtful.ok, "only 60% of the pictures agree" in doubtful.found) == (None, True)
    weak = drive_check._lag(sure, stored)
    assert (weak.ok, weak.found) == (None, "0 ticks, confidence 0.9, as stored with a confidence of only 0.2")
