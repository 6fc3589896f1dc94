"""A shard of a Minari data set: an HDF5 file with one group for each run, in the names that Minari reads.

    capture_12/observations/image     the JPEG of each frame, unchanged
    capture_12/observations/state     float32 (frames, 29)
    capture_12/actions                float32 (frames - 1, 3)
    capture_12/rewards                minus the seconds from one frame to the next
    capture_12/terminations, truncations
    capture_12/infos/time_ms, action_idx

A run of n + 1 frames is n steps: the last frame is the observation after the last action. docs/facts/training.md#minari
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import IO, Any

import numpy as np

from tmxdb.errors import InvalidInput, UsageError
from tmxdb.export.frames.frame_samples import FrameSample, SampledRun
from tmxdb.export.frames.vectors import action_vector, state_vector
from tmxdb.storage.hashing_file import HashingFile

_FACTS = ("capture_id", "replay_id", "track_id", "map_uid")
MINARI_MIN_SIZE = 32
"""Minari takes smaller arrays for numbers, and stores no JPEG for them."""


def write(file: IO[bytes] | HashingFile, samples: Iterable[FrameSample]) -> int:
    """Write the samples in order. Return how many. The shard is in memory until it is complete."""
    hdf5, n = h5py(), 0
    buffer = io.BytesIO()
    with hdf5.File(buffer, "w", track_order=True) as document:
        for run in _runs(samples):
            n += len(run)
            _check_size(run[0].run)
            if len(run) > 1:  # a single frame has no action
                _write_run(document.create_group(f"capture_{run[0].facts['capture_id']}"), run)
        document.attrs["samples"] = n
    file.write(buffer.getvalue())
    return n


def count(file: IO[bytes]) -> int:
    """Return how many samples a shard was made of. Raise InvalidInput if it is not one of ours."""
    try:
        with h5py().File(file, "r") as document:
            return int(document.attrs["samples"])
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise InvalidInput(f"an HDF5 file that is no Minari shard ({error})", code="export.damaged") from error


def count_dropped(path: Path) -> int:
    """Return how many samples of a shard are in no episode: those of runs of one frame. 0 if unreadable."""
    try:
        with h5py().File(path, "r") as document:
            return int(document.attrs["samples"]) - sum(int(run.attrs["total_steps"]) + 1 for run in document.values())
    except (OSError, KeyError, TypeError, ValueError):
        return 0


@cache
def h5py() -> Any:
    """Return h5py. Raise InvalidInput if it is not installed."""
    try:
        import h5py
    except ModuleNotFoundError as error:
        raise InvalidInput(
            'the format minari needs h5py. Install it: pip install "tmxdb[minari]"', code="input.extra"
        ) from error
    return h5py


def _runs(samples: Iterable[FrameSample]) -> Iterator[list[FrameSample]]:
    run: list[FrameSample] = []
    for sample in samples:
        if run and run[0].facts["capture_id"] != sample.facts["capture_id"]:
            yield run
            run = []
        run.append(sample)
    if run:
        yield run


def _check_size(run: SampledRun) -> None:
    if min(run.width, run.height) < MINARI_MIN_SIZE:
        raise UsageError(
            f"--format minari: Minari needs pictures of at least {MINARI_MIN_SIZE}x{MINARI_MIN_SIZE}, not"
            f" {run.width}x{run.height}. Use another format, or capture larger pictures.",
            code="input.size",
        )


def _write_run(group: Any, run: list[FrameSample]) -> None:
    steps = len(run) - 1
    facts = [sample.facts for sample in run]
    times = np.array([one["time_ms"] for one in facts], np.int64)
    group.attrs.update({name: facts[0][name] for name in _FACTS})
    group.attrs.update({"total_steps": steps, "fps": run[0].run.fps, "race_time_ms": facts[0]["race_time_ms"]})
    pictures = group.create_group("observations").create_dataset(
        "image", (len(run),), dtype=h5py().vlen_dtype(np.uint8)
    )
    for row, sample in enumerate(run):
        pictures[row] = np.frombuffer(sample.jpeg, np.uint8)
    group["observations/state"] = np.array([state_vector(one) for one in facts], np.float32)
    group["actions"] = np.array([action_vector(one) for one in facts[:-1]], np.float32)
    group["rewards"] = -np.diff(times) / 1000
    last = np.arange(steps) == steps - 1
    finished = run[0].run.finished
    group["terminations"], group["truncations"] = last & finished, last & (not finished)
    group["infos/time_ms"] = times
    group["infos/action_idx"] = np.array([one["action_idx"] for one in facts], np.int64)
