"""What is written beside the pictures: `metadata.json` for a run, an entry of `manifest.json` for each frame.

The field names are those of the script that tmxdb replaces, and more; their JSON Schemas lie in `schemas/`. Times are
whole milliseconds of race time.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from importlib import resources
from typing import Any

from tmxdb.capture.settings import CaptureSettings
from tmxdb.clock import iso
from tmxdb.errors import GameTrouble
from tmxdb.game.state import CarInputs, CarState

METADATA, MANIFEST = "metadata.json", "manifest.json"
FORMAT_VERSION = 1
"""Grows when a field changes its meaning; new fields alone do not count."""
DIGITS = 6
"""Decimals of a number in the manifest: micrometres of a position, a millionth of a turn's matrix."""


@dataclass(frozen=True, slots=True)
class FrameLabel:
    """What a frame shows: its number among the frames due (numbers of missed frames stay free), its tick, the car."""

    step: int
    time_ms: int
    state: CarState
    captured_at_ms: int
    """Wall time, UTC."""

    @property
    def stem(self) -> str:
        """The file's name without its ending."""
        return f"frame_{self.step:05d}_{self.time_ms}ms"

    @property
    def file(self) -> str:
        return f"{self.stem}.jpeg"

    def to_json(self) -> str:
        """One line: the entry of this frame. Raises GameTrouble if the game told a number that is none."""
        entry = {
            "file": self.file,
            "step": self.step,
            "time_ms": self.time_ms,
            "inputs": inputs_entry(self.state.inputs),
            "state": state_entry(self.state),
            "capture_timestamp_utc": iso(self.captured_at_ms),
        }
        try:
            return _ENTRY.encode(entry)
        except ValueError:
            raise GameTrouble("the game says a number that is none.", code="game.nonsense") from None


@dataclass(frozen=True, slots=True)
class Metadata:
    """What holds for a whole run. Of a time that is not known: None."""

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
    """None if nobody can say: the ghost drove."""
    total_frames: int
    frames_missed: int
    """Frames due that are not there."""
    frames_late: int
    """Frames that show a later tick than the one due; their labels are those of the tick shown."""
    frames_dropped: int
    """Pictures that came and were not kept, because the tick that they show is not known."""
    inputs_match: bool | None
    """Whether the game says that it was driven with the inputs of the script; None if it does not say."""
    restarts: int
    """How often this race was begun anew before it went through."""
    tmxdb_version: str
    tminterface_version: str | None
    driver: str
    captured_at_ms: int
    """Wall time of the end, UTC."""

    def to_json(self, settings: CaptureSettings) -> str:
        """The text of metadata.json."""
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
            "speed": settings.running_speed,
            "settings": settings.to_dict(),
            "captured_at_utc": iso(finished_at_ms),
        }
        return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def inputs_entry(inputs: CarInputs) -> dict[str, Any]:
    """`inputs` of a frame: keys as booleans, `steer` and `gas` from -65536 to 65536."""
    return {
        "accelerate": inputs.accelerate,
        "brake": inputs.brake,
        "left": inputs.left,
        "right": inputs.right,
        "steer": inputs.steer,
        "gas": inputs.gas,
    }


def state_entry(state: CarState) -> dict[str, Any]:
    """`state` of a frame: metres, m/s, radians, km/h; matrices as rows."""
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


def schema(file: str) -> dict[str, Any]:
    """The JSON Schema of METADATA or MANIFEST, as shipped with the package."""
    name = file.replace(".json", ".schema.json")
    text = resources.files("tmxdb.capture").joinpath("schemas", name).read_text("utf-8")
    document: dict[str, Any] = json.loads(text)
    return document


def _numbers(values: tuple[float, ...]) -> list[float]:
    return [round(value, DIGITS) for value in values]


_ENTRY = json.JSONEncoder(separators=(",", ":"), allow_nan=False)
"""Made once: there is an entry for each frame."""
