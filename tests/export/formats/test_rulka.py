"""Folders of frames for rulka, read with a second implementation of its rules."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests import needs
from tests.capture.output import rulka_rules
from tests.export.conftest import RUNS
from tests.frames import captured_database, captured_folder
from tests.tool import Tool
from tmxdb.arrays.float_inputs import float_inputs
from tmxdb.arrays.reference_line import reference_line
from tmxdb.arrays.telemetry import telemetry_of
from tmxdb.capture.output.reader import read_metadata
from tmxdb.db.database import Database

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


def test_states_have_the_zones_of_a_centre_line(captured: Tool) -> None:
    lines = captured.folder / "vcp"
    lines.mkdir()
    circle = np.arange(0, 40) / 200  # a point every half metre of the circle of 100 m that the car drives
    np.save(lines / "1_0.5m_cl.npy", np.stack([500 + 100 * np.cos(circle), 0 * circle + 9, 500 + 100 * np.sin(circle)], 1))  # fmt: skip  # noqa: E501
    said = captured(*EXPORT, "--vcp", lines).err
    assert "no centre line of 5 tracks: 2, 3, 4, 5, 6. Their states have no zones." in said
    folder = captured.folder / "data/frames/1/12"
    telemetry = telemetry_of(folder, read_metadata(folder))
    assert telemetry is not None
    expected = float_inputs(telemetry, reference_line(lines / "1_0.5m_cl.npy"), period_ms=100)
    (manifest,) = captured.folder.glob("out/*/1/12/manifest.json")
    states = json.loads(manifest.read_text())["meta"]
    mine = [[*state["zone_centers_in_car_frame"], state["margin"]] for state in states]
    assert len(mine) == RUNS[12]
    assert np.allclose(mine, expected[:, 62:183], atol=1e-4)
    assert states[0]["current_zone_idx"] == 20 < states[-1]["current_zone_idx"]
    samples = [rulka_rules.collect(root) for root in roots(captured.folder / "out")]
    with_zones = [floats for part in samples for floats in part.floats if floats is not None and any(floats[62:183])]
    assert len(with_zones) == RUNS[10] + RUNS[11] + RUNS[12]


def test_only_rulka_takes_centre_lines(captured: Tool) -> None:
    assert (
        "--vcp: only with --format rulka."
        in captured("export", "frames", "out", "--vcp", captured.folder, ends=2).error
    )


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
    captured_folder(captured.folder / "data/frames/8/70", 5, track_id=7, replay_id=60)
    captured.change("update captures set folder_path = 'frames/8/70' where replay_id = 60")
    captured.change("update captures set track_id = 7, frame_count = 5 where replay_id = 60")
    captured(*EXPORT)
    names = {path.name for path in captured.folder.glob("out/*/7/*")}
    assert names in ({"70", "70_capture60"}, {"70", "70_capture70"})


def test_check_finds_a_picture_that_is_gone_or_cut_short(captured: Tool) -> None:
    captured(*EXPORT)
    (picture,) = captured.folder.glob("out/*/1/10/frame_00001_100ms.jpeg")
    data = picture.read_bytes()
    picture.unlink()
    assert "1 of its pictures are missing or cut short" in captured("export", "--check", "out", ends=3).err
    picture.write_bytes(data[:-2])
    assert "1 of its pictures are missing or cut short" in captured("export", "--check", "out", ends=3).err


def test_a_run_with_damaged_telemetry_is_left_out(captured: Tool) -> None:
    (captured.folder / "data/frames/2/20/telemetry.parquet").write_bytes(b"PAR1")
    assert "1 run left out" in captured(*EXPORT, ends=3).err
    assert list(captured.folder.glob("out/*/2")) == []
    assert "0 problems" in captured("export", "--check", "out").err


def test_telemetry_coarser_than_a_step_gives_no_actions(captured: Tool) -> None:
    for path in captured.folder.glob("data/frames/*/*/metadata.json"):
        facts = json.loads(path.read_text())
        path.write_text(json.dumps(facts | {"settings": facts["settings"] | {"telemetry_hz": 20}}))
    captured(*EXPORT)
    (manifest,) = captured.folder.glob("out/*/1/12/manifest.json")
    document = json.loads(manifest.read_text())
    assert "actions" not in document
    assert len(document["meta"]) == RUNS[12]


def test_a_capture_without_telemetry_has_no_actions_between_its_frames(captured: Tool) -> None:
    for path in captured.folder.glob("data/frames/*/*/metadata.json"):
        path.write_text(json.dumps(json.loads(path.read_text()) | {"telemetry": None}))
    captured(*EXPORT)
    samples = [rulka_rules.collect(root, offsets_ms=OFFSETS) for root in roots(captured.folder / "out")]
    assert sum(len(one.windows) for one in samples) == sum(RUNS.values())
    assert {floats for one in samples for floats in one.floats} == {None}
