"""How rulka reads folders of captured frames, written again from docs/facts/training.md#frame-folders.

Only its rules: pictures are named, not decoded, and no neural network is there.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".npy")
FLOATS_BEFORE_ZONES = 62


@dataclass
class RulkaRun:
    """A run as behaviour cloning sees it. `timeline` is None if the manifest has none or the step is not known."""

    folder: Path
    entries: list[dict[str, Any]]
    timeline: list[int] | None
    step_ms: int
    meta: list[dict[str, Any]]


@dataclass
class RulkaSamples:
    """Samples of a data set: the files of a window, the actions at the offsets, and the floats if there are any."""

    windows: list[tuple[str, ...]] = field(default_factory=list)
    actions: list[tuple[int, ...]] = field(default_factory=list)
    floats: list[list[float] | None] = field(default_factory=list)


def tracks(root: Path) -> list[str]:
    """Every directory is a track, also one that is hidden."""
    return sorted(path.name for path in root.iterdir() if path.is_dir())


def validation_tracks(names: list[str], share: float = 0.1, seed: int = 42) -> set[str]:
    """The part of rulka's own split that is not trained on."""
    if len(names) < 2 or not share:
        return set()
    order = sorted(names)
    random.Random(seed).shuffle(order)
    return set(order[: max(1, int(len(order) * share))])


def level_0_frames(folder: Path) -> list[str]:
    """Visual pretraining ignores the manifest: all pictures by name."""
    return sorted(path.name for path in folder.iterdir() if path.suffix.lower() in PICTURES)


def read_run(folder: Path) -> RulkaRun | None:
    """Behaviour cloning skips a run whose manifest is of another shape without a word."""
    try:
        document = json.loads((folder / "manifest.json").read_text("utf-8"))
    except (OSError, ValueError):
        return None
    timeline, meta = None, []
    if isinstance(document, dict):
        entries = document.get("entries")
        timeline, meta = document.get("actions"), document.get("meta") or []
    else:
        entries = document
    if not isinstance(entries, list):
        return None
    try:
        step_ms = json.loads((folder / "metadata.json").read_text("utf-8")).get("step_ms")
    except (OSError, ValueError):
        step_ms = None
    if not isinstance(step_ms, int) or step_ms <= 0:
        timeline, step_ms = None, 0
    order = sorted(entries, key=lambda entry: (entry.get("step", 0), entry.get("time_ms", 0)))
    return RulkaRun(folder, order, timeline, step_ms, meta)


def collect(root: Path, *, n_stack: int = 1, offsets_ms: tuple[int, ...] = (0,)) -> RulkaSamples:
    """Collect the samples of every run."""
    samples = RulkaSamples()
    for track in tracks(root):
        for folder in sorted(path for path in (root / track).iterdir() if path.is_dir()):
            run = read_run(folder)
            if run is not None:
                _collect_run(run, samples, n_stack, offsets_ms)
    return samples


def _collect_run(run: RulkaRun, samples: RulkaSamples, n_stack: int, offsets_ms: tuple[int, ...]) -> None:
    for last in range(n_stack - 1, len(run.entries)):
        window = run.entries[last - n_stack + 1 : last + 1]
        if not all(entry.get("file") and (run.folder / entry["file"]).is_file() for entry in window):
            continue
        labels = _labels(run, window[-1], offsets_ms)
        if labels is not None:
            samples.windows.append(tuple(entry["file"] for entry in window))
            samples.actions.append(labels)
            samples.floats.append(_floats(run, window[-1]))


def _labels(run: RulkaRun, entry: dict[str, Any], offsets_ms: tuple[int, ...]) -> tuple[int, ...] | None:
    if offsets_ms == (0,):
        action = entry.get("action_idx")
        return None if action is None else (int(action),)
    time_ms = entry.get("time_ms")
    if time_ms is None:
        return None
    if run.timeline is not None:
        places = (round((time_ms + offset) / run.step_ms) for offset in offsets_ms)
        return tuple(run.timeline[min(max(place, 0), len(run.timeline) - 1)] for place in places)
    known = [one for one in run.entries if one.get("action_idx") is not None]
    return tuple(
        int(min(known, key=lambda one: abs(one["time_ms"] - time_ms - offset))["action_idx"]) for offset in offsets_ms
    )


def _floats(run: RulkaRun, entry: dict[str, Any]) -> list[float] | None:
    """The nearest state, whatever its distance; previous actions from the timeline, else all forward."""
    if not run.meta or entry.get("time_ms") is None:
        return None
    state = min(run.meta, key=lambda one: abs(one["time_ms"] - entry["time_ms"]))
    previous = [0] * 5
    if run.timeline is not None:
        here = round(entry["time_ms"] / run.step_ms)
        previous = [run.timeline[min(max(here - back, 0), len(run.timeline) - 1)] for back in range(5, 0, -1)]
    keys = [flag for action in previous for flag in _keys(action)]
    orientation = state.get("orientation_flat", [1.0, 0, 0, 0, 1.0, 0, 0, 0, 1.0])
    y_map = [orientation[1], orientation[4], orientation[7]]
    zones = list(state.get("zone_centers_in_car_frame", []))[:120]
    return [
        0.0,
        *keys,
        *state.get("gear_and_wheels", []),
        *state.get("angular_velocity", [0.0] * 3),
        *state.get("velocity", [0.0] * 3),
        *y_map,
        *zones,
        *[0.0] * (120 - len(zones)),
        state.get("margin", 0.0),
        float(state.get("is_freewheeling", False)),
    ]


def _keys(action: int) -> tuple[float, float, float, float]:
    pedals, steering = divmod(action, 3)
    return float(pedals in (0, 3)), float(pedals in (2, 3)), float(steering == 1), float(steering == 2)
