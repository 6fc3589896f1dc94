"""`tmxdb stats`: the numbers of a collection, and their pictures."""

from __future__ import annotations

import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image

from tests.rows import Rows
from tests.tool import Tool, tool
from tmxdb.db.database import Database
from tmxdb.db.reading.reader import Reader
from tmxdb.reports.collection import CHARTS, NumberBin, bins, read_collection

__all__ = ["tool"]


def fill(rows: Rows) -> None:
    """Add three tracks: with three replays, with one, and without any."""
    for track_id, year in ((1, 2008), (2, 2008), (3, 2010)):
        rows.track(track_id, uploaded_at=f"{year}-05-01T00:00:00.000Z")
    for replay_id, track_id, time_ms, device, position in (
        (11, 1, 30_500, "keyboard", 0), (12, 1, 31_000, "pad", 1), (13, 1, 90_000, "keyboard", 2),
        (21, 2, None, None, 0),
    ):  # fmt: skip
        rows.replay(replay_id, track_id=track_id, site_time_ms=time_ms, device=device, position=position,
                    replay_at=f"2009-0{position + 1}-01T00:00:00.000Z")  # fmt: skip
    rows.select("best", 2, 3)


def test_a_collection_is_counted(rows: Rows, database: Database) -> None:
    fill(rows)
    reader = Reader(database.location)
    found, best = read_collection(reader), read_collection(reader, "best")
    reader.close()
    assert (found.tracks, found.replays, best.tracks, best.replays) == (3, 4, 2, 1)
    assert found.replays_per_track == [NumberBin(0, 1, 1), NumberBin(1, 2, 1), NumberBin(2, 5, 1)]
    assert found.race_times_s == [NumberBin(20, 50, 2), NumberBin(50, 100, 1)]
    assert [(one.label, one.count) for one in found.devices] == [("keyboard", 2), ("pad", 1)]
    assert [(one.label, one.count) for one in found.tracks_by_year] == [("2008", 2), ("2010", 1)]
    assert [(one.label, one.count) for one in found.replays_by_year] == [("2009", 4)]
    assert [(one.label, one.count) for one in found.records_by_month] == [("2009-01", 2)]
    assert (best.devices, best.race_times_s) == ([], [])


@pytest.mark.parametrize(("values", "found"), [
    ([], []), ([(0, 9)], []), ([(1, 2)], [(1, 2, 2)]), ([(5, 1), (9, 1), (10, 1)], [(5, 10, 2), (10, 20, 1)]),
    ([(2, 1), (1000, 4)], [(2, 5, 1), (5, 10, 0), (10, 20, 0), (20, 50, 0), (50, 100, 0), (100, 200, 0),
                           (200, 500, 0), (500, 1000, 0), (1000, 2000, 4)]),
])  # fmt: skip
def test_bins_hold_all_values_once(values: list[tuple[int, int]], found: list[tuple[int, int, int]]) -> None:
    assert [(one.begin, one.end, one.count) for one in bins(values)] == found


@pytest.fixture
def filled(tool: Tool, sqlite_template: Path) -> Tool:
    shutil.copyfile(sqlite_template, tool.folder / "tmx.db")
    database = Database(str(tool.folder / "tmx.db"))
    fill(Rows(database))
    database.close()
    return tool


def test_a_picture_is_light_or_dark(filled: Tool) -> None:
    assert filled("stats").out == "stats.png\n"
    filled("stats", "--dark", "--out", "dark.png")
    corners = []
    for name in ("stats.png", "dark.png"):
        with Image.open(filled.folder / name) as picture:
            corners.append(picture.convert("RGB").getpixel((3, 3)))
    assert corners == [(255, 255, 255), (15, 20, 17)]
    assert "exists" in filled("stats", ends=1).err


def test_charts_can_be_chosen_and_a_vector_picture_is_the_same_each_time(filled: Tool) -> None:
    filled("stats", "--chart", "devices", "--out", "a.svg")
    filled("stats", "--chart", "devices", "--out", "b.svg")
    first = (filled.folder / "a.svg").read_bytes()
    assert first == (filled.folder / "b.svg").read_bytes()
    assert ElementTree.fromstring(first).tag.endswith("svg")
    filled("stats", *(word for chart in CHARTS for word in ("--chart", chart)), "--out", "all.svg")
    assert len((filled.folder / "all.svg").read_bytes()) > 2 * len(first)


def test_numbers_are_printed_and_nothing_is_written(filled: Tool) -> None:
    found = filled("stats", "--only", "best", "--json").json
    assert (found["tracks"], found["replays"]) == (2, 1)
    assert not (filled.folder / "stats.png").exists()


@pytest.mark.parametrize(("arguments", "status", "says"), [
    (("--out", "x.jpg"), 2, "does not end with .png or .svg"), (("--chart", "x"), 2, "replays-per-track"),
    (("--only", "nothing"), 1, "selection"), (("--out", "no/such/x.png"), 1, str(Path("no/such"))),
])  # fmt: skip
def test_wrong_options_are_one_sentence(filled: Tool, arguments: tuple[str, ...], status: int, says: str) -> None:
    assert says in filled("stats", *arguments, ends=status).err


def test_an_empty_database_has_nothing_to_draw(tool: Tool, sqlite_template: Path) -> None:
    shutil.copyfile(sqlite_template, tool.folder / "tmx.db")
    assert "There are no tracks to draw" in tool("stats", ends=1).err
