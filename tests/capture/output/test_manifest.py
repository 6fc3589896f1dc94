"""Manifest and metadata are valid by the shipped schemas."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError

from tests.capture.race.cars import car
from tmxdb.capture.output.manifest import MANIFEST, METADATA, CaptureMetadata, FrameRecord, schema
from tmxdb.capture.settings import CaptureSettings
from tmxdb.errors import GameError

OLDER_SCRIPT_FIELDS = {"track_id", "replay_name", "challenge_name", "fps", "width", "height", "capture_interval_ms",
                       "step_ms", "run_steps_per_action", "race_time_ms", "total_frames"}  # fmt: skip
RUN = CaptureMetadata(
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
    """Return `document` if it is valid by the schema of `file`."""
    Draft202012Validator.check_schema(schema(file))
    Draft202012Validator(schema(file)).validate(document)
    return document


def test_metadata_is_valid_and_has_the_fields_of_the_older_script() -> None:
    document = valid(json.loads(RUN.to_json(CaptureSettings())), METADATA)
    assert document.keys() >= OLDER_SCRIPT_FIELDS
    assert document["challenge_name"] == "A01-Räce"
    assert document["action_table"][4] == ["left"]
    assert (document["capture_interval_ms"], document["run_steps_per_action"], document["speed"]) == (100, 10, 1.0)
    assert document["captured_at_utc"] == "2027-01-15T08:00:00.000Z"


def test_metadata_of_a_desync_and_of_uneven_frames_is_valid() -> None:
    run = replace(RUN, actual_race_time_ms=None, race_finished=False, time_matches=False, inputs_match=False)
    document = valid(json.loads(run.to_json(CaptureSettings(fps=30, color="gray"))), METADATA)
    assert document["capture_interval_ms"] == pytest.approx(33.333333)


def test_an_entry_has_the_inputs_and_the_state_of_its_frame() -> None:
    label = FrameRecord(12, 120, car(120, position=(1.23456789, 2, 3), current_checkpoint=1), 1_800_000_000_000)
    (entry,) = valid([json.loads(label.to_json())], MANIFEST)
    assert entry["file"] == "frame_00012_120ms.jpeg"
    assert (entry["step"], entry["time_ms"], entry["state"]["current_checkpoint"]) == (12, 120, 1)
    assert entry["state"]["position"] == [1.234568, 2, 3]
    assert entry["inputs"]["accelerate"] is True
    assert entry["action_idx"] == 0


def test_the_schema_rejects_an_entry_without_a_state() -> None:
    entry = json.loads(FrameRecord(0, 0, car(), 0).to_json())
    del entry["state"]
    with pytest.raises(ValidationError):
        valid([entry], MANIFEST)


def test_a_number_that_is_not_finite_never_gets_into_a_manifest() -> None:
    with pytest.raises(GameError) as error:
        FrameRecord(0, 0, car(speed_kmh=float("nan")), 0).to_json()
    assert error.value.code == "game.nonsense"
