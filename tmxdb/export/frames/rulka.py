"""A run as rulka reads it: its pictures in a folder with an object manifest and metadata.

    train/9865/replay_12/frame_00000_0ms.jpeg …    links to the files of the capture where the disk has links
    train/9865/replay_12/metadata.json
    train/9865/replay_12/manifest.json             entries, actions per game step, states; written last

docs/facts/training.md#frame-folders
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from tmxdb.capture.output.manifest import MANIFEST, METADATA
from tmxdb.capture.output.reader import read_metadata
from tmxdb.capture.output.rulka import closing_lines
from tmxdb.capture.settings import parse_settings
from tmxdb.capture.telemetry.files import NAMES, read_telemetry
from tmxdb.errors import InvalidInput
from tmxdb.export.centerlines.export import file_name
from tmxdb.export.frames.frame_samples import FrameSample, RunDamaged
from tmxdb.export.frames.picture_files import check_pictures, place_picture
from tmxdb.storage import disk_errors, write_atomic
from tmxdb.storage.hashing_file import HashingFile
from tmxdb.storage.os_errors import CHOOSE_OUT

RULKA_DISTANCE_M = 0.5
"""Distance of virtual checkpoints in the files that rulka looks for."""
_ENTRY = ("step", "time_ms", "action_idx", "inputs", "state", "capture_timestamp_utc")


def write(file: IO[bytes] | HashingFile, samples: Iterable[FrameSample], manifest: Path, vcp: Path | None) -> int:
    """Write the pictures of a run beside `manifest`, and its manifest to `file`. Return how many frames there are.

    `vcp`: the folder with centre lines of tracks, if states are to have their zones.
    """
    folder, times = manifest.parent, []
    source: Path | None = None
    track_id = capture_id = 0
    before = b'{"entries":[\n'
    for sample in samples:
        if source is None:
            source, track_id, capture_id = sample.run.folder, sample.facts["track_id"], sample.facts["capture_id"]
            with disk_errors(str(folder), instead=CHOOSE_OUT):
                folder.mkdir(parents=True, exist_ok=True)
        place_picture(sample, folder / sample.file)
        entry = {"file": sample.file} | {name: sample.facts[name] for name in _ENTRY}
        file.write(before + json.dumps(entry, separators=(",", ":")).encode())
        before = b",\n"
        times.append(sample.facts["time_ms"])
    if source is None:
        return 0
    file.write(b"\n],\n")
    line_file = None if vcp is None else line_path(vcp, track_id)
    try:
        metadata = read_metadata(source)
        for line in _closing(source, metadata, times, line_file):
            file.write(line)
    except InvalidInput as error:
        if error.code == "input.extra":
            raise
        raise RunDamaged(capture_id, str(error)) from error
    text = json.dumps({**metadata, "store": None}, indent=2, ensure_ascii=False) + "\n"
    write_atomic(folder / METADATA, text.encode(), instead=CHOOSE_OUT)
    return len(times)


def line_path(vcp: Path, track_id: int) -> Path:
    """Return the file in which rulka looks for the centre line of a track."""
    return vcp / file_name(track_id, RULKA_DISTANCE_M)


def count(file: IO[bytes]) -> int:
    """Return how many frames a run has. Raise InvalidInput if a picture is missing, or if it is not one of ours."""
    try:
        entries = json.load(file)["entries"]
        names = [str(entry["file"]) for entry in entries]
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidInput("not a manifest", code="export.damaged") from error
    check_pictures(Path(file.name).parent, names, MANIFEST)
    return len(names)


def _closing(source: Path, metadata: dict[str, Any], times: list[int], line_file: Path | None) -> Iterator[bytes]:
    described = metadata.get("telemetry")
    name = described.get("file") if isinstance(described, dict) else None
    if name in NAMES:
        settings = parse_settings(json.dumps(metadata["settings"]))
        table = read_telemetry(source, name)
        zones: dict[int, dict[str, Any]] = {}
        if line_file is not None and line_file.exists():
            from tmxdb.export.frames.zones import zone_facts

            zones = zone_facts(table, line_file, times)
        yield from closing_lines(table, settings, times, zones)
    else:  # without telemetry rulka takes the actions between the frames from the nearest frame
        yield b'"meta":[\n]}\n'
