"""What lies beside the pictures is what the shipped schemas say."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError

from tmxdb.capture.manifest import MANIFEST, METADATA, FrameLabel, Metadata, schema
from tmxdb.capture.settings import CaptureSettings
from tmxdb.errors import GameTrouble

from .cars import car

OF_THE_OLDER_SCRIPT = {"track_id", "replay_name", "challenge_name", "fps", "width", "height", "capture_interval_ms",
                       "step_ms", "run_steps_per_action", "race_time_ms", "total_frames"}  # fmt: skip
RUN = Metadata(
    track_id=9865,
    replay_id=4471203,
    replay_name="4471203_ann_23450ms",
    challenge_name="A01-Räce",
    map_uid="uid",
    race_time_ms=23_450,
    actual_race_time_ms=23_450,
    race_finished=True,
    time_matches=True,
    total_frames=236,
    frames_missed=0,
    frames_late=0,
    frames_dropped=0,
    inputs_match=None,
    restarts=0,
    tmxdb_version="0.1.0",
    tminterface_version=None,
    driver="tmi2",
    captured_at_ms=1_800_000_000_000,
)


def valid(document: Any, file: str) -> Any:
    """`document`, if the schema of `file` takes it."""
    Draft202012Validator.check_schema(schema(file))
    Draft202012Validator(schema(file)).validate(document)
    return document


def test_metadata_has_the_fields_of_the_older_script_and_is_as_its_schema_says() -> None:
    document = valid(json.loads(RUN.to_json(CaptureSettings())), METADATA)
    assert document.keys() >= OF_THE_OLDER_SCRIPT
    assert document["challenge_name"] == "A01-Räce"
    assert (document["capture_interval_ms"], document["run_steps_per_action"], document["speed"]) == (100, 10, 1.0)
    assert document["captured_at_utc"] == "2027-01-15T08:00:00.000Z"


def test_metadata_of_a_desync_and_of_uneven_frames_is_valid_too() -> None:
    run = replace(RUN, actual_race_time_ms=None, race_finished=False, time_matches=False, inputs_match=False)
    document = valid(json.loads(run.to_json(CaptureSettings(fps=30, color="gray"))), METADATA)
    assert document["capture_interval_ms"] == pytest.approx(33.333333)


def test_every_frame_has_its_entry_with_inputs_and_state() -> None:
    label = FrameLabel(12, 120, car(120, position=(1.23456789, 2, 3), current_checkpoint=1), 1_800_000_000_000)
    (entry,) = valid([json.loads(label.to_json())], MANIFEST)
    assert entry["file"] == "frame_00012_120ms.jpeg"
    assert (entry["step"], entry["time_ms"], entry["state"]["current_checkpoint"]) == (12, 120, 1)
    assert entry["state"]["position"] == [1.234568, 2, 3]
    assert entry["inputs"]["accelerate"] is True


def test_the_schema_refuses_an_entry_that_lacks_its_state() -> None:
    entry = json.loads(FrameLabel(0, 0, car(), 0).to_json())
    del entry["state"]
    with pytest.raises(ValidationError):
        valid([entry], MANIFEST)


def test_a_number_that_is_none_comes_into_no_manifest() -> None:
    with pytest.raises(GameTrouble) as error:
        FrameLabel(0, 0, car(speed_kmh=float("nan")), 0).to_json()
    assert error.value.code == "game.nonsense"
