"""`tmxdb contact-sheet` and `tmxdb plot` over captured runs."""

from __future__ import annotations

import gc
import io
import shutil
import weakref
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.frames import captured_database, captured_folder, jpeg
from tests.tool import Tool, tool
from tmxdb.capture.output.reader import CapturedFrame, read_frames
from tmxdb.db.database import Database
from tmxdb.pictures.contact_sheet import GAP, STRIP_HEIGHT, TITLE_HEIGHT, draw_sheet, evenly_spaced, steering

__all__ = ["tool"]


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=60, unique=True), st.integers(1, 40))
def test_chosen_frames_are_spread_evenly_and_include_both_ends(times_ms: list[int], n: int) -> None:
    frames = [CapturedFrame("x", i, time_ms, {}) for i, time_ms in enumerate(sorted(times_ms))]
    chosen = evenly_spaced(frames, n)
    assert len({frame.step for frame in chosen}) == len(chosen) <= n
    assert chosen == sorted(chosen, key=lambda frame: frame.step)
    assert chosen[0] is frames[0]
    if n > 1:
        assert chosen[-1] is frames[-1]


def test_evenly_spaced_frames_stay_evenly_spaced() -> None:
    frames = [CapturedFrame("x", i, 100 * i, {}) for i in range(101)]
    assert [frame.step for frame in evenly_spaced(frames, 6)] == [0, 20, 40, 60, 80, 100]


def test_each_frame_is_at_its_position_with_its_inputs_below(tmp_path: Path) -> None:
    folder = captured_folder(tmp_path / "run", 8)
    frames = evenly_spaced(list(read_frames(folder)), 6)
    sheet = Image.open(io.BytesIO(draw_sheet("a run", folder, frames, columns=3, frame_width=64))).convert("RGB")
    assert sheet.size == (GAP + 3 * (64 + GAP), TITLE_HEIGHT + GAP + 2 * (64 + STRIP_HEIGHT + GAP))
    for number, frame in enumerate(frames):
        x, y = GAP + number % 3 * (64 + GAP), TITLE_HEIGHT + number // 3 * (64 + STRIP_HEIGHT + GAP)
        original = Image.open(io.BytesIO(jpeg(frame.time_ms))).convert("RGB")
        assert sheet.crop((x, y, x + 64, y + 64)).tobytes() == original.tobytes()
        assert sheet.getpixel((x + 4, y + 64 + 24)) == (42, 157, 74)  # accelerate is down all the time
        steer = steering(frame.entry["inputs"])
        side = (x + 30, y + 64 + 21) if steer < 0 else (x + 60, y + 64 + 21)
        assert sheet.getpixel(side) == (48, 80, 122)


def test_pictures_of_a_watched_ghost_have_only_their_time_below(tmp_path: Path) -> None:
    folder = captured_folder(tmp_path / "run", 2, drive="ghost")
    sheet = Image.open(io.BytesIO(draw_sheet("a run", folder, list(read_frames(folder)), columns=2, frame_width=64)))
    below = sheet.convert("RGB").crop((GAP, TITLE_HEIGHT + 64 + 18, GAP + 64, TITLE_HEIGHT + 64 + STRIP_HEIGHT))
    assert len(below.getcolors() or ()) == 1


@pytest.fixture
def captured(tool: Tool, sqlite_template: Path) -> Tool:
    shutil.copyfile(sqlite_template, tool.folder / "tmx.db")
    database = Database(str(tool.folder / "tmx.db"))
    captured_database(database, tool.folder / "data", {10: 40, 20: 3})
    database.close()
    return tool


def test_the_newest_finished_capture_is_drawn(captured: Tool) -> None:
    ran = captured("contact-sheet", 10, "--frames", 12, "--columns", 4)
    assert ran.out == "10-frames.png\n"
    with Image.open(captured.folder / "10-frames.png") as sheet:
        assert sheet.size[0] == GAP + 4 * (160 + GAP)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((99,), "replay 99 is not in the database"),
        ((10, "--capture-id", 7), "capture 7 of it is not finished"),
        ((10, "--frame-width", 2000, "--columns", 40, "--frames", 40), "is too large"),
        ((10, "--out", "no/such/folder/x.png"), str(Path("no/such/folder"))),
    ],
)
def test_a_picture_that_cannot_be_drawn_is_one_sentence(
    captured: Tool, arguments: tuple[object, ...], message: str
) -> None:
    assert message in captured("contact-sheet", *arguments, ends=1).error


def test_a_damaged_frame_is_named(captured: Tool) -> None:
    frame = captured.folder / "data/frames/1/10/frame_00000_0ms.jpeg"
    frame.write_bytes(frame.read_bytes()[:300])
    assert "frame_00000_0ms.jpeg: is not a complete JPEG" in captured("contact-sheet", 10, ends=1).error


def test_frames_are_opened_one_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = captured_folder(tmp_path / "run", 8)
    opened: list[weakref.ref[Image.Image]] = []
    most = 0
    real = Image.open

    def counted_open(*arguments: Any, **settings: Any) -> Image.Image:
        nonlocal most
        picture = real(*arguments, **settings)
        opened.append(weakref.ref(picture))
        gc.collect(1)
        most = max(most, sum(each() is not None for each in opened))
        return picture

    monkeypatch.setattr(Image, "open", counted_open)
    draw_sheet("a run", folder, list(read_frames(folder)), columns=5, frame_width=64)
    assert most <= 3
