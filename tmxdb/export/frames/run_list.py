"""The list of runs of an export: one line of JSON for each, with the metadata of its capture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tmxdb.capture.output.reader import read_metadata
from tmxdb.errors import TmxdbError
from tmxdb.export.frames.plan import ExportedRun


def listed_runs(path: Path) -> dict[int, dict[str, Any]]:
    """Return the lines of an existing list by capture; empty if there is none or it is damaged."""
    try:
        lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        return {line["capture_id"]: line for line in lines}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def run_metadata(data: Path, run: ExportedRun, earlier: dict[str, Any] | None) -> dict[str, Any]:
    """Return the metadata of a run, or its `earlier` line: a capture deleted since is still in its shard."""
    try:
        return read_metadata(data.joinpath(*run.folder_path.split("/")))
    except TmxdbError:
        return earlier or {"replay_id": run.replay_id, "track_id": run.track_id, "total_frames": run.frame_count}
