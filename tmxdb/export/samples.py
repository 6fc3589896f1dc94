"""What both formats write of a frame: its JPEG, and what is known of it, with the run it belongs to."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tmxdb.capture.reading import captured_frames, read_frame, read_metadata
from tmxdb.errors import BadInput
from tmxdb.export.plan import Captured, Shard


@dataclass(frozen=True, slots=True)
class Sample:
    """One frame of one run. `facts` is ready for JSON; `key` is unlike that of any other sample of a database."""

    key: str
    jpeg: bytes
    facts: dict[str, Any]


class RunDamaged(Exception):
    """A run whose folder is not as it was captured: it is left out, whole, and the user is told."""

    def __init__(self, run: Captured, why: str) -> None:
        super().__init__(why)
        self.run = run


def samples(data: Path, shard: Shard, left_out: Collection[int]) -> Iterator[Sample]:
    """The frames of all runs of a shard but those `left_out`. Raises RunDamaged."""
    for run in shard.captures:
        if run.capture_id not in left_out:
            try:
                yield from _run(data.joinpath(*run.folder_path.split("/")), run)
            except BadInput as error:
                raise RunDamaged(run, str(error)) from error


def _run(folder: Path, run: Captured) -> Iterator[Sample]:
    race_time_ms = read_metadata(folder).get("race_time_ms")
    n = 0
    for frame in captured_frames(folder):
        facts = {
            "capture_id": run.capture_id,
            "replay_id": run.replay_id,
            "track_id": run.track_id,
            "map_uid": run.map_uid,
            "race_time_ms": race_time_ms,
            **{name: value for name, value in frame.entry.items() if name != "file"},
        }
        yield Sample(f"{run.capture_id:08d}_{frame.step:06d}", read_frame(folder, frame), facts)
        n += 1
    if n != run.frame_count:
        raise BadInput(
            f"{folder}: {n} frames, captured were {run.frame_count}. `tmxdb verify` finds out more.",
            code="capture.damaged",
        )
