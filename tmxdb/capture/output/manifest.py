"""The text beside the pictures: `metadata.json` for a run, one entry of `manifest.json` for each frame.

The field names are those of the script that tmxdb replaces, and more: docs/facts/training.md#frame-folders. Their JSON
Schemas are in `schemas/`. Times are integer milliseconds of race time.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from importlib import resources
from typing import Any

from tmxdb.capture.output.actions import ACTIONS, action_of
from tmxdb.capture.settings import CaptureSettings
from tmxdb.clock import iso
from tmxdb.errors import GameError
from tmxdb.game.state import Camera, CarDetails, CarInputs, CarState, WheelState

METADATA, MANIFEST = "metadata.json", "manifest.json"
FORMAT_VERSION = 1
"""Increases when a field changes its meaning. New fields alone do not count."""
DIGITS = 6
"""Decimals of numbers in the manifest: micrometres of a position, a millionth of a rotation matrix."""


@dataclass(frozen=True, slots=True)
class FrameRecord:
    """What a frame shows: its number among the due frames (numbers of missed frames stay unused), its tick, the car."""

    step: int
    time_ms: int
    state: CarState
    captured_at_ms: int
    """Wall time, UTC."""
    camera: Camera | None = None
    """None if the game does not report it."""

    @property
    def stem(self) -> str:
        """File name without its extension."""
        return f"frame_{self.step:05d}_{self.time_ms}ms"

    @property
    def file(self) -> str:
        """File name of the picture."""
        return f"{self.stem}.jpeg"

    @property
    def action_idx(self) -> int:
        """Index into the table of 12 actions."""
        return action_of(self.state.inputs)

    def to_json(self) -> str:
        """Return the entry of this frame as one line. Raise GameError if the game sent a number that is not finite."""
        entry = {
            "file": self.file,
            "step": self.step,
            "time_ms": self.time_ms,
            "action_idx": self.action_idx,
            "inputs": inputs_entry(self.state.inputs),
            "state": state_entry(self.state),
            "capture_timestamp_utc": iso(self.captured_at_ms),
        }
        if self.camera is not None:
            entry["camera"] = camera_entry(self.camera)
        if self.state.details is not None:
            entry["car"] = car_entry(self.state.details)
        try:
            return _ENCODER.encode(entry)
        except ValueError:
            raise GameError("the game sent a number that is not finite.", code="game.nonsense") from None


@dataclass(frozen=True, slots=True)
class CaptureMetadata:
    """Facts of a whole run. A time that is unknown is None."""

    track_id: int
    replay_id: int
    replay_name: str
    challenge_name: str | None
    map_uid: str | None
    race_time_ms: int
    """Of the replay."""
    actual_race_time_ms: int | None
    """As driven in the game; None if the finish was not reached."""
    race_finished: bool
    time_matches: bool | None
    """None if unknown: a ghost drove."""
    total_frames: int
    frames_missed: int
    """Due frames without a picture."""
    frames_late: int
    """Frames that show a later tick than the due one; their labels are those of the tick shown."""
    frames_dropped: int
    """Pictures that arrived and were not stored, because the tick that they show is unknown."""
    inputs_match: bool | None
    """Whether the inputs that the game reports are those of the script; None if it does not report them."""
    restarts: int
    """How many drives were discarded before this one."""
    tmxdb_version: str
    tminterface_version: str | None
    driver: str
    captured_at_ms: int
    """Wall time of the end, UTC."""
    speed: float = 1.0
    """Game seconds per second of wall time. Not that of the settings if it was adapted."""
    map_clips_removed: bool = False
    """Whether it was driven on a copy of the map without its MediaTracker clips."""
    frames_black: int = 0
    """Frames without a pixel that is brighter than black."""
    frames_frozen: int = 0
    """Frames with the same picture as before although the car has moved."""
    picture_lag_ticks: int = 0
    """How many ticks the pictures were taken to be older than the last step before them."""
    picture_lag_method: str = "assumed"
    """How the lag is known: `assumed` if it was not measured."""
    picture_lag_confidence: float | None = None
    """Of the measurement, 0 to 1."""
    telemetry: dict[str, Any] | None = None
    """The file, rate and completeness of the telemetry; None if none was stored."""
    store: dict[str, Any] | None = None
    """The one file with all pictures; None if each has its own."""

    def to_json(self, settings: CaptureSettings) -> str:
        """Return the text of metadata.json."""
        facts = asdict(self)
        finished_at_ms = facts.pop("captured_at_ms")
        interval_ms = settings.capture_interval_ms
        document = {
            "format_version": FORMAT_VERSION,
            **facts,
            "fps": settings.fps,
            "width": settings.width,
            "height": settings.height,
            "capture_interval_ms": int(interval_ms) if interval_ms.is_integer() else round(interval_ms, DIGITS),
            "step_ms": settings.step_ms,
            "run_steps_per_action": settings.run_steps_per_action,
            "settings": settings.to_dict(),
            "action_table": ACTIONS,
            "captured_at_utc": iso(finished_at_ms),
        }
        return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def inputs_entry(inputs: CarInputs) -> dict[str, Any]:
    """Return `inputs` of a frame: keys as booleans, `steer` and `gas` from -65536 to 65536."""
    return {
        "accelerate": inputs.accelerate,
        "brake": inputs.brake,
        "left": inputs.left,
        "right": inputs.right,
        "steer": inputs.steer,
        "gas": inputs.gas,
    }


def state_entry(state: CarState) -> dict[str, Any]:
    """Return `state` of a frame: metres, m/s, radians, km/h; matrices as rows."""
    return {
        "race_time_ms": state.race_time_ms,
        "position": _numbers(state.position),
        "velocity": _numbers(state.velocity),
        "angular_velocity": _numbers(state.angular_velocity),
        "speed_kmh": round(state.speed_kmh, DIGITS),
        "rotation": [_numbers(row) for row in state.rotation],
        "yaw_pitch_roll": _numbers(state.yaw_pitch_roll),
        "gear": state.gear,
        "rpm": round(state.rpm, DIGITS),
        "wheels_on_ground": list(state.wheels_on_ground),
        "wheels_sliding": list(state.wheels_sliding),
        "cp_times_ms": list(state.cp_times_ms),
        "current_checkpoint": state.current_checkpoint,
        "respawns": state.respawns,
        "finished": state.finished,
    }


def camera_entry(camera: Camera) -> dict[str, Any]:
    """Return `camera` of a frame: rows of the rotation, metres, degrees."""
    return {
        "rotation": [_numbers(row) for row in camera.rotation],
        "position": _numbers(camera.position),
        "fov": round(camera.fov, DIGITS),
    }


def car_entry(details: CarDetails) -> dict[str, Any]:
    """Return `car` of a frame: wheels, engine and contacts, named as in CarDetails."""
    wheels = [{name: _rounded(getattr(wheel, name)) for name in _WHEEL_NAMES} for wheel in details.wheels]
    return {"wheels": wheels, **{name: _rounded(getattr(details, name)) for name in _CAR_NAMES}}


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, DIGITS)
    return _numbers(value) if isinstance(value, tuple) else value


def schema(file: str) -> dict[str, Any]:
    """Return the JSON Schema of METADATA or MANIFEST, as shipped with the package."""
    name = file.replace(".json", ".schema.json")
    text = resources.files("tmxdb.capture.output").joinpath("schemas", name).read_text("utf-8")
    document: dict[str, Any] = json.loads(text)
    return document


def _numbers(values: tuple[float, ...]) -> list[float]:
    return [round(value, DIGITS) for value in values]


_ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False)
"""Created once: there is an entry for each frame."""
_CAR_NAMES = tuple(field.name for field in fields(CarDetails) if field.name != "wheels")
_WHEEL_NAMES = tuple(field.name for field in fields(WheelState))
"""Not by `asdict`, which copies every part: 51 µs for the car, of each frame."""
