"""What a capture writes is what rulka reads: checked with a second implementation of its rules."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.capture.output import rulka_rules
from tests.capture.output.test_manifest import RUN, valid
from tests.capture.race.cars import DETAILS, car
from tmxdb.capture.output.encoder import Encoder
from tmxdb.capture.output.folder import CaptureFolder, read_complete
from tmxdb.capture.output.manifest import MANIFEST, METADATA
from tmxdb.capture.output.reader import read_frames
from tmxdb.capture.output.rulka import actions_of
from tmxdb.capture.race.commands import StoreFrame, StoreTick
from tmxdb.capture.settings import CaptureSettings
from tmxdb.capture.telemetry.table import TelemetryTable
from tmxdb.errors import InvalidInput, UsageError
from tmxdb.game.driver import Frame
from tmxdb.game.state import CarInputs, CarState
from tmxdb.storage import Storage
from tmxdb.upkeep.capture_integrity import capture_problem

TIMES = (0, 100, 200, 290)
"""Of frames. Ticks are every 10 ms up to the last one."""


def at(time_ms: int) -> CarState:
    """Return a car that accelerates, and steers to the left from 110 ms on."""
    turned = ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (-1.0, 0.0, 0.0))
    inputs = CarInputs(True, False, time_ms >= 110, False, 0, 0)
    return car(time_ms, inputs=inputs, velocity=(9.0, 1.0, 0.5), rotation=turned, details=DETAILS)


def capture(root: Path, settings: CaptureSettings, path: str = "frames/9865/run", details: bool = True) -> Path:
    storage = Storage(root)
    dataset = CaptureFolder(storage, path, settings, owner="me")
    encoder = Encoder(dataset, settings, lambda: 1_800_000_000_000)
    for time_ms in range(0, TIMES[-1] + 1, 10):
        state = at(time_ms) if details else replace(at(time_ms), details=None)
        encoder.store_tick(StoreTick(time_ms, state))
        if time_ms in TIMES:
            encoder.store(StoreFrame(TIMES.index(time_ms), time_ms, state, Frame(16, 8, b"\x10\x80\xf0\x00" * 128)))
    encoder.finish()
    encoder.close()
    telemetry = dataset.add_telemetry(encoder.telemetry)
    dataset.publish(replace(RUN, total_frames=dataset.frames, telemetry=telemetry))
    dataset.close()
    return storage.absolute(path)


LIST = CaptureSettings(width=16, height=8)
OBJECT = replace(LIST, manifest="rulka")
OFFSETS = tuple(range(0, 101, 10))


def test_a_list_gives_samples_with_the_action_of_the_tick_shown(tmp_path: Path) -> None:
    capture(tmp_path, LIST)
    samples = rulka_rules.collect(tmp_path / "frames")
    assert samples.actions == [(0,), (0,), (1,), (1,)]
    assert samples.floats == [None] * 4
    assert len(rulka_rules.collect(tmp_path / "frames", n_stack=3).windows) == 2
    assert len(rulka_rules.collect(tmp_path / "frames", offsets_ms=OFFSETS).windows) == 4


def test_an_object_gives_actions_between_the_frames_and_floats(tmp_path: Path) -> None:
    folder = capture(tmp_path, OBJECT)
    document = valid(json.loads((folder / MANIFEST).read_text()), MANIFEST)
    valid(json.loads((folder / METADATA).read_text()), METADATA)
    assert document["actions"] == [0] * 11 + [1] * 19
    samples = rulka_rules.collect(tmp_path / "frames", offsets_ms=OFFSETS)
    assert samples.actions[1] == (0, *[1] * 10)
    floats = samples.floats[2]
    assert floats is not None
    assert len(floats) == 184
    assert floats[1:21] == [1.0, 0.0, 1.0, 0.0] * 5  # 150 to 190 ms: accelerate and left
    assert floats[33:36] == [DETAILS.gearbox_state, 1.0, 1000.0]
    assert floats[36] == 3.0
    assert floats[37:53] == [1.0, 0, 0, 0, 1.0, 0, 0, 0, 0, 1.0, 0, 0, 0, 0, 0, 0]  # materials 0 to 3
    assert floats[56:59] == [9.0, 1.0, 0.5]  # world axes, as rulka's own data has them
    assert floats[59:62] == [0.0, 1.0, 0.0]
    assert floats[183] == 1.0


def test_an_object_is_read_and_verified_like_a_list(tmp_path: Path) -> None:
    folder = capture(tmp_path, OBJECT)
    assert [frame.time_ms for frame in read_frames(folder)] == list(TIMES)
    assert read_complete(Storage(tmp_path), "frames/9865/run", RUN.replay_id, OBJECT) is not None
    assert read_complete(Storage(tmp_path), "frames/9865/run", RUN.replay_id, LIST) is None
    assert capture_problem(Storage(tmp_path), "frames/9865/run", content=True) is None
    text = (folder / MANIFEST).read_text()
    (folder / MANIFEST).write_text(text[:-5])
    with pytest.raises(InvalidInput, match="cut short"):
        list(read_frames(folder))
    assert capture_problem(Storage(tmp_path), "frames/9865/run", content=False) is not None


def test_without_details_of_the_car_there_are_no_states(tmp_path: Path) -> None:
    """rulka would make vectors of 152 numbers of them, and say nothing."""
    folder = capture(tmp_path, OBJECT, details=False)
    assert json.loads((folder / MANIFEST).read_text())["meta"] == []
    assert rulka_rules.collect(tmp_path / "frames").floats == [None] * 4


def test_a_capture_in_progress_is_no_track(tmp_path: Path) -> None:
    capture(tmp_path, LIST)
    (tmp_path / "frames" / ".partial").mkdir()  # left by an earlier version
    unfinished = CaptureFolder(Storage(tmp_path), "frames/1/other", LIST, owner="me")
    assert rulka_rules.tracks(tmp_path / "frames") == ["9865"]
    assert [path.name for path in Storage(tmp_path).partial_files()] == ["me~1-other"]
    unfinished.discard()


def test_visual_pretraining_finds_the_pictures_alone(tmp_path: Path) -> None:
    assert len(rulka_rules.level_0_frames(capture(tmp_path, LIST))) == len(TIMES)


def test_the_split_of_rulka_is_known() -> None:
    assert rulka_rules.validation_tracks([str(n) for n in range(100, 112)]) == {"107"}


def test_missing_ticks_have_the_action_before_them() -> None:
    table = TelemetryTable()
    for time_ms in (0, 100, 110, 150):
        table.add(time_ms, at(time_ms))
    assert actions_of(table, 10) == [0] * 11 + [1] * 5
    assert actions_of(table, 50) == [0, 0, 0, 1]
    assert actions_of(TelemetryTable(), 10) == []


@pytest.mark.parametrize("settings", [{"telemetry_hz": 0}, {"telemetry_hz": 50}, {"drive": "ghost"}])
def test_rulkas_manifest_needs_telemetry_at_every_step(settings: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="--manifest rulka"):
        CaptureSettings(manifest="rulka", **settings)  # type: ignore[arg-type]
    assert CaptureSettings(manifest="rulka", telemetry_hz=50, step_ms=20).manifest == "rulka"
