"""Pictures of many runs of a track: their lines, and the mean speed at each place."""

from __future__ import annotations

import io
import math

import pytest

from tests import needs
from tests.gbx.made import a_replay
from tests.rows import Rows
from tests.tool import Tool, tool
from tmxdb.db.database import Database
from tmxdb.db.migrate import upgrade
from tmxdb.errors import InvalidInput
from tmxdb.pictures.driven_line import DrivenLine
from tmxdb.pictures.theme import DARK, LIGHT
from tmxdb.pictures.track_lines import TrackRun, draw_track, mean_speeds

__all__ = ["tool"]
image = needs.module("PIL.Image")
needs.module("matplotlib")


def corner(name: str, speed_kmh: float, then_kmh: float | None = None, side: int = 1) -> TrackRun:
    """A kilometre along x, then one along z."""
    x = [10.0 * i for i in range(101)] + [1000.0] * 100
    z = [0.0] * 101 + [10.0 * side * i for i in range(1, 101)]
    line = DrivenLine(name, [100 * i for i in range(201)], x, z, [speed_kmh] * 101 + [then_kmh or speed_kmh] * 100)
    return TrackRun(line, 20_000, [10_000, 20_000])


@pytest.mark.parametrize(("side", "is_above"), [(-1, True), (1, False)])
def test_a_left_turn_is_drawn_to_the_left(side: int, is_above: bool) -> None:
    png = draw_track("a track", [corner("Ann", 60.0, 400.0, side)], heat=True)
    picture = image.open(io.BytesIO(png)).convert("RGB")
    width, height = picture.size
    loaded = picture.load()
    places = [(x, y) for x in range(int(width * 0.88)) for y in range(height)]  # without the scale
    slow = [(x, y) for x, y in places if loaded[x, y][2] > 150 and loaded[x, y][0] < 100]
    fast = [(x, y) for x, y in places if loaded[x, y][0] > 100 and max(loaded[x, y][1:]) < 30]
    assert max(x for x, _ in slow) <= max(x for x, _ in fast)
    middle = sum(y for _, y in slow) / len(slow)
    assert (sum(y for _, y in fast) / len(fast) < middle) is is_above


def test_the_mean_of_all_runs_is_in_each_cell() -> None:
    mean, (left, right, bottom, top) = mean_speeds([corner("Ann", 100.0), corner("Bob", 50.0), corner("Eve", 60.0)])
    known = [value for row in mean for value in row if not math.isnan(value)]
    assert (min(known), max(known)) == pytest.approx((70.0, 70.0))
    assert len(known) >= 390  # no hole along the way
    assert left == 0 < 1000 < right
    assert top == 0 < 1000 < bottom


@pytest.mark.parametrize("heat", [False, True])
def test_a_dark_picture_is_dark(heat: bool) -> None:
    runs = [corner("Ann", 100.0), corner("$f00 ☃ 漢", 90.0)]
    for theme, is_dark in ((LIGHT, False), (DARK, True)):
        picture = image.open(io.BytesIO(draw_track("a $track", runs, heat=heat, theme=theme))).convert("L")
        assert (picture.getpixel((2, 2)) < 60) is is_dark


def test_runs_without_samples_are_one_sentence() -> None:
    with pytest.raises(InvalidInput, match="no run with samples"):
        draw_track("a track", [TrackRun(DrivenLine("Ann", [], [], [], []), None)], heat=False)


def test_the_best_runs_of_a_track_are_drawn_together(tool: Tool) -> None:
    database = Database(str(tool.folder / "tmx.db"))
    upgrade(database)
    rows, data = Rows(database), tool.folder / "data"
    data.mkdir()
    rows.track(1, "done", name="A01")
    rows.track(2, "done")
    for number in range(4):
        (data / f"{number}.gbx").write_bytes(a_replay() if number else b"GBX cut")
        rows.replay(10 + number, "done", position=number, file_path=f"{number}.gbx", user_name=f"driver {number}")
    database.close()
    ran = tool("plot", "--track-id", 1, "--top", 3)
    assert ran.out == "1-lines.png\n"
    assert "replay 10 is left out" in ran.err
    assert tool("plot", "--track-id", 1, "--heat", "--dark").out == "1-speed.png\n"
    assert "no downloaded replay" in tool("plot", "--track-id", 2, ends=1).error
    assert "track 3 is not in the database" in tool("plot", "--track-id", 3, ends=1).error
    assert "leave out the replay" in tool("plot", 10, "--track-id", 1, ends=2).error
    assert "add --track-id" in tool("plot", 11, "--heat", ends=2).error
    assert tool("plot", 11, "--dark", "--out", "dark.png").out == "dark.png\n"
