"""The samples of a shard, in the form that all formats write: one frame's JPEG, and what is known of it and its run.

Every sample has the same fields and each field has one type, because loaders infer the types from the first few
samples: docs/facts/training.md#hugging-face-datasets.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tmxdb.capture.output.actions import action_index
from tmxdb.capture.output.reader import CapturedFrame, read_frames, read_jpeg, read_metadata
from tmxdb.errors import InvalidInput
from tmxdb.export.frames.plan import ExportedRun, Shard
from tmxdb.storage import id_name


@dataclass(frozen=True, slots=True)
class SampledRun:
    """The run of a frame: the folder of its capture, and what its metadata says of all frames."""

    folder: Path
    replay_name: str
    fps: int
    width: int
    height: int
    finished: bool
    """Whether the drive reached the finish."""


@dataclass(frozen=True, slots=True)
class FrameSample:
    """One frame of one run. `facts` can be written as JSON. `key` is unique among all frames of a database."""

    key: str
    jpeg: bytes
    facts: dict[str, Any]
    run: SampledRun
    file: str
    """Name of the picture in the folder of the run, if each has a file."""


class RunDamaged(Exception):
    """A run whose folder is not as it was captured. It is left out of the export as a whole, and reported."""

    def __init__(self, capture_id: int, why: str) -> None:
        super().__init__(why)
        self.capture_id = capture_id


def frame_samples(data: Path, shard: Shard, left_out: Collection[int]) -> Iterator[FrameSample]:
    """Yield the frames of all runs of a shard, except for the captures in `left_out`. Raise RunDamaged."""
    for run in shard.captures:
        if run.capture_id not in left_out:
            try:
                yield from _run(data.joinpath(*run.folder_path.split("/")), run)
            except InvalidInput as error:
                raise RunDamaged(run.capture_id, str(error)) from error


def is_complete(data: Path, run: ExportedRun) -> bool:
    """Return whether `frame_samples` yields all frames of a run. Reads them."""
    try:
        for _ in _run(data.joinpath(*run.folder_path.split("/")), run):
            pass
    except InvalidInput:
        return False
    return True


def _run(folder: Path, run: ExportedRun) -> Iterator[FrameSample]:
    metadata = read_metadata(folder)

    def fact(name: str, convert: Callable[[Any], Any]) -> Any:
        return _typed(folder, "metadata.json", name, convert, metadata.get(name))

    if metadata.get("replay_id", run.replay_id) != run.replay_id:
        raise InvalidInput(
            f"{folder}: contains the frames of another replay. Run `tmxdb verify --repair` to capture replay"
            f" {id_name(run.replay_id)} again.",
            code="capture.damaged",
        )
    race_time_ms = fact("race_time_ms", _integer)
    drive = SampledRun(
        folder,
        fact("replay_name", _text),
        fact("fps", _integer),
        fact("width", _integer),
        fact("height", _integer),
        fact("race_finished", _flag),
    )
    n = 0
    for frame in read_frames(folder):
        facts = {
            "capture_id": run.capture_id,
            "replay_id": run.replay_id,
            "track_id": run.track_id,
            "map_uid": run.map_uid,
            "race_time_ms": race_time_ms,
            **_entry_facts(folder, frame),
        }
        key = f"{run.capture_id:08d}_{frame.step:06d}"
        yield FrameSample(key, read_jpeg(folder, frame), facts, drive, frame.file)
        n += 1
    if n != run.frame_count:
        raise InvalidInput(
            f"{folder}: expected {run.frame_count:,} frames, found {n:,}."
            " Run `tmxdb verify --repair` to capture it again.",
            code="capture.damaged",
        )


def _entry_facts(folder: Path, frame: CapturedFrame) -> dict[str, Any]:
    """Return the entry of a frame with exactly the known fields, each of its type."""
    inputs = _fields(folder, frame, _INPUTS, frame.entry.get("inputs"))
    return {
        "step": frame.step,
        "time_ms": frame.time_ms,
        "action_idx": action_index(**inputs),  # computed, because captures of earlier versions do not have it
        "inputs": inputs,
        "state": _fields(folder, frame, _STATE, frame.entry.get("state")),
        "capture_timestamp_utc": _typed(
            folder, frame.file, "capture_timestamp_utc", _text, frame.entry.get("capture_timestamp_utc")
        ),
    }


def _fields(
    folder: Path, frame: CapturedFrame, types: Mapping[str, Callable[[Any], Any]], values: Any
) -> dict[str, Any]:
    if not isinstance(values, dict):
        values = {}
    return {name: _typed(folder, frame.file, name, convert, values.get(name)) for name, convert in types.items()}


def _typed(folder: Path, item: str, name: str, convert: Callable[[Any], Any], value: Any) -> Any:
    try:
        return convert(value)
    except (TypeError, ValueError):
        raise InvalidInput(
            f"{folder}: {name} of {item} has the wrong type. Run `tmxdb verify --repair` to capture it again.",
            code="capture.damaged",
        ) from None


def _integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not -(2**31) <= value < 2**31:
        raise TypeError
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError
    return float(value)  # JSON writes 0.0 and 0 alike as numbers, but loaders take them for different types


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _list(convert: Callable[[Any], Any], length: int | None, value: Any) -> list[Any]:
    if not isinstance(value, list) or (length is not None and len(value) != length):
        raise TypeError
    return [convert(one) for one in value]


_VECTOR = partial(_list, _number, 3)
_FOUR_FLAGS = partial(_list, _flag, 4)
_INPUTS: Mapping[str, Callable[[Any], Any]] = {
    "accelerate": _flag,
    "brake": _flag,
    "left": _flag,
    "right": _flag,
    "steer": _integer,
    "gas": _integer,
}
_STATE: Mapping[str, Callable[[Any], Any]] = {
    "race_time_ms": _integer,
    "position": _VECTOR,
    "velocity": _VECTOR,
    "angular_velocity": _VECTOR,
    "speed_kmh": _number,
    "rotation": partial(_list, _VECTOR, 3),
    "yaw_pitch_roll": _VECTOR,
    "gear": _integer,
    "rpm": _number,
    "wheels_on_ground": _FOUR_FLAGS,
    "wheels_sliding": _FOUR_FLAGS,
    "cp_times_ms": partial(_list, _integer, None),
    "current_checkpoint": _integer,
    "respawns": _integer,
    "finished": _flag,
}
"""Fields of `manifest.json` and their types, as in `capture/output/schemas/manifest.schema.json`."""
