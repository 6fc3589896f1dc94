"""A shard as Parquet: one row per frame with its JPEG, and its state in columns that can be filtered and averaged.

Written with pyarrow (the extra `parquet`). The column `image` is a struct of `bytes` and `path`, the form in which the
`datasets` library stores pictures: docs/facts/training.md#hugging-face-datasets.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from itertools import islice
from typing import IO, Any

from tmxdb.errors import InvalidInput
from tmxdb.export.frames.frame_samples import FrameSample
from tmxdb.storage.hashing_file import HashingFile

ROW_GROUP_SIZE = 500
"""Rows in memory until they are written as one row group: 10 MB of frames of 20 KB."""


def write(file: IO[bytes] | HashingFile, samples: Iterable[FrameSample]) -> int:
    """Write the samples in order. Return how many. Raise InvalidInput if pyarrow is not installed."""
    pyarrow, parquet = arrow()
    n, remaining = 0, iter(samples)
    # Pictures too: the tables of a small JPEG are a third of it, and the same in all. docs/explanation/benchmarks.md
    with parquet.ParquetWriter(file, schema(), compression="ZSTD") as writer:
        while rows := [_row(sample) for sample in islice(remaining, ROW_GROUP_SIZE)]:
            writer.write_table(pyarrow.Table.from_pylist(rows, schema=schema()), row_group_size=ROW_GROUP_SIZE)
            n += len(rows)
    return n


def count(file: IO[bytes]) -> int:
    """Return the number of rows of a shard. Raise InvalidInput if it is not one of ours."""
    pyarrow, parquet = arrow()
    try:
        document = parquet.ParquetFile(file)
        names = set(document.schema_arrow.names)
        if {*schema().names} - names - _NEWER_COLUMNS or names - {*schema().names}:
            raise InvalidInput("a Parquet file with other columns", code="export.damaged")
        return int(document.metadata.num_rows)
    except pyarrow.ArrowException as error:
        raise InvalidInput(f"a Parquet file that cannot be read ({error})", code="export.damaged") from error


_NEWER_COLUMNS = {"action_idx"}
"""Columns that exports of earlier versions do not have."""
_HUGGING_FACE = json.dumps({"info": {"features": {"image": {"_type": "Image"}}}})
"""Schema metadata with which the `datasets` library decodes the column to pictures; it infers the other columns."""


@cache
def schema() -> Any:
    """Return the columns in order. Units as in `manifest.json`: metres, m/s, radians, km/h, milliseconds."""
    pyarrow, _ = arrow()
    number, whole, flag = pyarrow.float64(), pyarrow.int32(), pyarrow.bool_()
    vector = pyarrow.list_(number, 3)
    columns = {
        "capture_id": pyarrow.int64(),
        "replay_id": pyarrow.int64(),
        "track_id": pyarrow.int64(),
        "map_uid": pyarrow.string(),
        "race_time_ms": whole,
        "step": whole,
        "time_ms": whole,
        "image": pyarrow.struct({"bytes": pyarrow.binary(), "path": pyarrow.string()}),
        "accelerate": flag,
        "brake": flag,
        "left": flag,
        "right": flag,
        "steer": whole,
        "gas": whole,
        "action_idx": whole,
        "position": vector,
        "velocity": vector,
        "angular_velocity": vector,
        "speed_kmh": number,
        "rotation": pyarrow.list_(number, 9),
        "yaw_pitch_roll": vector,
        "gear": whole,
        "rpm": number,
        "wheels_on_ground": pyarrow.list_(flag, 4),
        "wheels_sliding": pyarrow.list_(flag, 4),
        "cp_times_ms": pyarrow.list_(whole),
        "current_checkpoint": whole,
        "respawns": whole,
        "finished": flag,
        "capture_timestamp_utc": pyarrow.string(),
    }
    return pyarrow.schema(columns, metadata={"huggingface": _HUGGING_FACE})


def _row(sample: FrameSample) -> dict[str, Any]:
    facts = dict(sample.facts)
    inputs, state = facts.pop("inputs"), dict(facts.pop("state"))
    state["rotation"] = [value for row in state["rotation"] for value in row]
    state.pop("race_time_ms", None)  # of the tick, which `time_ms` has too; the column of this name is of the race
    return {**state, **inputs, **facts, "image": {"bytes": sample.jpeg, "path": f"{sample.key}.jpg"}}


@cache
def arrow() -> tuple[Any, Any]:
    """Return pyarrow and pyarrow.parquet. Raise InvalidInput if pyarrow is not installed."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ModuleNotFoundError as error:
        raise InvalidInput(
            'this format needs pyarrow. Install it: pip install "tmxdb[parquet]"', code="input.extra"
        ) from error
    return pyarrow, pyarrow.parquet
