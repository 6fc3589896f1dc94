"""`tmxdb verify` the other way round: files that no row knows, and those that only seem so."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.rows import FakeClock, Rows
from tmxdb.upkeep.aside import move_aside, move_new

from ..queue.fakes import Bench
from .conftest import Shelf

Run = Callable[..., Any]
STRANGERS = [
    "replays/1/9_x_9ms.Replay.Gbx",  # no such replay
    "replays/1/1_x_1ms.Replay.Gbx.bak",
    "replays/77/1_x_1ms.Replay.Gbx",  # the folder of another track
    "replays/notes.txt",
    "replays/1/deep/er/still.txt",
    "replays/not a track/ü \n$name.gbx",
    "tracks/2.Challenge.Gbx",  # no such map
    "tracks/1.Challenge.Gbx.partial",
    "tracks/sub/1.Challenge.Gbx",
    "frames/loose.jpeg",
]


def test_files_that_no_row_knows_are_told_and_moved_aside_whatever_they_are_called(tool: Run, shelf: Shelf) -> None:
    shelf.replay(1)
    shelf.map(1)
    shelf.capture(1)
    known = shelf.files()
    for path in STRANGERS:
        shelf.put(path, path.encode())
    shelf.put("frames/1/no_such_run/frame_0.jpeg", b"x")
    told = tool("verify", "--json", ends=3).json
    assert {finding["path"] for finding in told["findings"]} == {*STRANGERS, "frames/1/no_such_run"}
    assert {**known, **{path: path.encode() for path in STRANGERS}}.items() <= shelf.files().items()
    tool("verify", "--mend")
    moved = {f"strangers/{path}": path.encode() for path in STRANGERS}
    assert shelf.files() == {**known, **moved, "strangers/frames/1/no_such_run/frame_0.jpeg": b"x"}
    assert "All is well." in tool("verify").err


def test_nothing_is_overwritten_when_strangers_of_one_name_come_again(tool: Run, shelf: Shelf) -> None:
    for content in (b"first", b"second", b"third"):
        shelf.put("tracks/x.gbx", content)
        shelf.put("frames/1/run/f.jpeg", content)
        tool("verify", "--mend")
    assert shelf.files() == {
        f"strangers/{name}": content
        for n, content in enumerate((b"first", b"second", b"third"), start=1)
        for name in (f"tracks/x.gbx{'' if n == 1 else f'~{n}'}", f"frames/1/run{'' if n == 1 else f'~{n}'}/f.jpeg")
    }


@pytest.mark.parametrize("status", ["pending", "running", "retry", "failed"])
def test_a_file_that_waits_for_its_row_stays_to_be_adopted(tool: Run, shelf: Shelf, rows: Rows, status: str) -> None:
    rows.replay(41, status, track_id=7)
    rows.map(7, status)
    rows.capture(3, 41, status)
    for path in ("replays/7/41_Anna_5ms.Replay.Gbx", "tracks/7.Challenge.Gbx", "frames/1/41_Anna_5ms/frame_0.jpeg"):
        shelf.put(path, b"x")
    before = shelf.files()
    tool("verify", "--mend")
    assert shelf.files() == before


def test_a_row_may_name_a_file_that_lies_where_it_would_not_be_put(tool: Run, shelf: Shelf, rows: Rows) -> None:
    """Adopted from older scripts, or moved by hand."""
    shelf.replay(1)
    rows.replay(2, "done", file_path="replays/old/Anna_Bergwerk.Replay.gbx", file_bytes=1)
    rows.map(1, "done", file_path="tracks/old/Bergwerk.Challenge.Gbx", file_bytes=1)
    rows.capture(1, 1, "done", folder_path="frames/1/run/60fps")
    shelf.put("replays/old/Anna_Bergwerk.Replay.gbx", b"x")
    shelf.put("tracks/old/Bergwerk.Challenge.Gbx", b"x")
    shelf.put("frames/1/run/60fps/manifest.json", b"[]")
    shelf.put("frames/1/run/60fps/metadata.json", b"{}")
    shelf.put("frames/1/run/30fps/manifest.json", b"[]")
    told = tool("verify", "--json", "--mend").json
    assert [finding["path"] for finding in told["findings"]] == ["frames/1/run/30fps"]
    assert "All is well." in tool("verify").err


def test_a_row_whose_file_is_written_in_other_letters_keeps_it(tool: Run, shelf: Shelf, rows: Rows) -> None:
    """File systems of Windows and macOS do not tell a from A; to move it aside there would be to lose it."""
    file = shelf.replay(1)
    os.rename(file, file.with_name(file.name.upper()))
    told = tool("verify", "--json", ends=None).json
    assert [finding for finding in told["findings"] if finding["what"] == "stranger"] == []


def test_temporary_files_of_live_workers_stay_and_those_of_dead_ones_are_swept(
    tool: Run, shelf: Shelf, rows: Rows, clock: FakeClock
) -> None:
    shelf.replay(1)
    Bench(rows.database, clock).sign_in("lives")
    mine = shelf.put("replays/.partial/lives~5.Replay.Gbx", b"half")
    dead = shelf.put("tracks/.partial/dead~5.Challenge.Gbx", b"half")
    assert "1 temporary file of workers that are gone" in tool("verify").err
    assert dead.exists()
    tool("verify", "--mend")
    assert mine.exists()
    assert not dead.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_links_are_followed_to_known_files_and_round_in_no_circle(tool: Run, shelf: Shelf, tmp_path: Path) -> None:
    """Somebody may keep the folder of a track on another disk."""
    shelf.replay(1)
    other = tmp_path / "other disk"
    (shelf.data / "replays/1").rename(other)
    (shelf.data / "replays/1").symlink_to(other)
    (other / "round").symlink_to(other)
    told = tool("verify", "--json", ends=3).json
    assert [finding["path"] for finding in told["findings"]] == ["replays/1/round"]


def test_two_that_take_the_same_name_both_keep_what_they_moved(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
    (tmp_path / "folder").mkdir()
    (tmp_path / "taken").mkdir()
    move_new(tmp_path / "a", tmp_path / "new")
    for source, target in (("b", "new"), ("folder", "new"), ("folder", "taken"), ("b", "taken")):
        with pytest.raises(FileExistsError):
            move_new(tmp_path / source, tmp_path / target)
    assert move_aside(tmp_path / "b", tmp_path / "new") == tmp_path / "new~2"
    assert (tmp_path / "new").read_text() + (tmp_path / "new~2").read_text() == "ab"


def test_what_can_not_be_moved_leaves_no_empty_name_behind(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        move_aside(tmp_path / "not there", tmp_path / "aside" / "x")
    assert list((tmp_path / "aside").iterdir()) == []
