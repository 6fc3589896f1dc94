"""Folders of frames for rulka, read with a second implementation of its rules."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests import needs
from tests.capture.output import rulka_rules
from tests.export.conftest import RUNS
from tests.frames import captured_database
from tests.tool import Tool
from tmxdb.db.engine import Database

EXPORT = ("export", "frames", "out", "--format", "rulka", "--split", "train=0.6,val=0.4", "--no-progress")
OFFSETS = (0, 10, 50, 100)


def roots(out: Path) -> list[Path]:
    return [out / "train", out / "val"]


def test_every_frame_is_a_sample_with_the_action_of_its_tick(captured: Tool) -> None:
    captured(*EXPORT)
    found = [rulka_rules.collect(root) for root in roots(captured.folder / "out")]
    assert sum(len(samples.windows) for samples in found) == sum(RUNS.values())
    captures = rulka_rules.collect(captured.folder / "data/frames")
    assert sorted(zip(captures.windows, captures.actions, strict=True)) == sorted(
        pair for samples in found for pair in zip(samples.windows, samples.actions, strict=True)
    )
    tracks = [set(rulka_rules.tracks(root)) for root in roots(captured.folder / "out")]
    assert tracks[0] | tracks[1] == {"1", "2", "3", "4", "5", "6"}
    assert not tracks[0] & tracks[1]
    assert "0 problems" in captured("export", "--check", "out").err


def test_actions_between_the_frames_and_floats_come_from_the_telemetry(captured: Tool) -> None:
    captured(*EXPORT)
    for root in roots(captured.folder / "out"):
        samples = rulka_rules.collect(root, offsets_ms=OFFSETS)
        assert samples.windows
        assert all(floats is not None and len(floats) == 184 for floats in samples.floats)
    run = rulka_rules.read_run(next(captured.folder.glob("out/*/1/10")))
    assert run is not None
    assert run.timeline is not None
    assert len(run.timeline) == 10 * (RUNS[10] - 1) + 1  # every 10 ms to the last frame


@pytest.mark.parametrize("store", ["tar", "video"])
def test_captures_in_one_file_become_pictures_again(captured: Tool, store: str) -> None:
    if store == "video":
        needs.module("av")
    captured("convert-captures", "--to", store, "--track-id", 1)
    captured(*EXPORT)
    assert sum(len(rulka_rules.collect(root).windows) for root in roots(captured.folder / "out")) == sum(RUNS.values())
    (folder,) = captured.folder.glob("out/*/1/10")
    assert len(rulka_rules.level_0_frames(folder)) == RUNS[10]


def test_pictures_are_links_where_the_disk_has_them(captured: Tool) -> None:
    captured(*EXPORT)
    (picture,) = captured.folder.glob("out/*/1/10/frame_00000_0ms.jpeg")
    assert picture.samefile(captured.folder / "data/frames/1/10/frame_00000_0ms.jpeg")


def test_a_damaged_run_has_no_folder(captured: Tool) -> None:
    (captured.folder / "data/frames/2/20/frame_00001_100ms.jpeg").write_bytes(b"<html>")
    assert "1 run left out" in captured(*EXPORT, ends=3).err
    assert list(captured.folder.glob("out/*/2")) == []
    assert "0 problems" in captured("export", "--check", "out").err
    assert "already written" in captured(*EXPORT, ends=3).err


def test_a_replay_captured_twice_has_two_folders(captured: Tool) -> None:
    database = Database(str(captured.folder / "tmx.db"))
    captured_database(database, captured.folder / "data", {70: 5})
    database.close()
    captured.change("update captures set folder_path = 'frames/7/70' where replay_id = 60")
    captured.change("update captures set track_id = 7, frame_count = 5 where replay_id = 60")
    captured(*EXPORT)
    names = {path.name for path in captured.folder.glob("out/*/7/*")}
    assert names in ({"70", "70_capture60"}, {"70", "70_capture70"})


def test_check_finds_a_picture_that_is_gone(captured: Tool) -> None:
    captured(*EXPORT)
    next(captured.folder.glob("out/*/1/10/frame_00001_100ms.jpeg")).unlink()
    assert "1 of its pictures are missing" in captured("export", "--check", "out", ends=3).err


def test_a_capture_without_telemetry_has_no_actions_between_its_frames(captured: Tool) -> None:
    for path in captured.folder.glob("data/frames/*/*/metadata.json"):
        path.write_text(json.dumps(json.loads(path.read_text()) | {"telemetry": None}))
    captured(*EXPORT)
    samples = [rulka_rules.collect(root, offsets_ms=OFFSETS) for root in roots(captured.folder / "out")]
    assert sum(len(one.windows) for one in samples) == sum(RUNS.values())
    assert {floats for one in samples for floats in one.floats} == {None}
