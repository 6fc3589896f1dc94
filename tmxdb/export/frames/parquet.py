"""A shard as Parquet: one row per frame with its JPEG, and its state in columns that can be filtered and averaged.

Written with pyarrow (the extra `parquet`). The column `image` is a struct of `bytes` and `path`, the form in which the
`datasets` library stores pictures: docs/facts/training.md#hugging-face-datasets.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from itertools import islice
from pathlib import Path
from typing import IO, Any

from tmxdb.errors import InvalidInput
from tmxdb.export.frames.frame_samples import FrameSample
from tmxdb.storage.hashing_file import HashingFile

ROW_GROUP_SIZE = 500
"""Rows in memory until they are written as one row group: 10 MB of frames of 20 KB."""


def write(file: IO[bytes] | HashingFile, samples: Iterable[FrameSample]) -> int:
    """Write the samples in order. Return how many. Raise InvalidInput if pyarrow is not installed."""
    # Pictures too: the tables of a small JPEG are a third of it, and the same in all. docs/explanation/benchmarks.md
    return write_rows(file, map(_row, samples), schema(), ROW_GROUP_SIZE)


def count(file: IO[bytes]) -> int:
    """Return the number of rows of a shard. Raise InvalidInput if it is not one of ours."""
    ours = {*schema().names}
    return count_rows(file, lambda names: ours - _NEWER_COLUMNS <= {*names} <= ours)


def write_rows(
    file: IO[bytes] | HashingFile, rows: Iterable[Mapping[str, Any]], columns: Any, group_size: int, **options: Any
) -> int:
    """Write rows in row groups of `group_size`. Return how many. `options`: further ones of `ParquetWriter`."""
    pyarrow, parquet = arrow()
    n, remaining = 0, iter(rows)
    with parquet.ParquetWriter(file, columns, compression="ZSTD", **options) as writer:
        while group := list(islice(remaining, group_size)):
            writer.write_table(pyarrow.Table.from_pylist(group, schema=columns), row_group_size=group_size)
            n += len(group)
    return n


def count_rows(file: IO[bytes], are_ours: Callable[[list[str]], bool]) -> int:
    """Return the number of rows. Raise InvalidInput for a damaged file, or if the names of its columns are not ours."""
    pyarrow, parquet = arrow()
    try:
        document = parquet.ParquetFile(file)
    except pyarrow.ArrowException as error:
        raise InvalidInput(f"a Parquet file that cannot be read ({error})", code="export.damaged") from error
    if not are_ours(document.schema_arrow.names):
        raise InvalidInput("a Parquet file with other columns", code="export.damaged")
    return int(document.metadata.num_rows)


_NEWER_COLUMNS = {"action_idx"}
"""Columns that exports of earlier versions do not have."""
DECODED = {"huggingface": json.dumps({"info": {"features": {"image": {"_type": "Image"}}}})}
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
    return pyarrow.schema(columns, metadata=DECODED)


def _row(sample: FrameSample) -> dict[str, Any]:
    facts = dict(sample.facts)
    inputs, state = facts.pop("inputs"), dict(facts.pop("state"))
    state["rotation"] = [value for row in state["rotation"] for value in row]
    state.pop("race_time_ms", None)  # of the tick, which `time_ms` has too; the column of this name is of the race
    return {**state, **inputs, **facts, "image": {"bytes": sample.jpeg, "path": f"{sample.key}.jpg"}}


@contextmanager
def parquet_file(path: Path) -> Iterator[Any]:
    """Yield a Parquet file to read. pyarrow itself opens only names of valid UTF-8."""
    _, parquet = arrow()
    with open(path, "rb") as file, parquet.ParquetFile(file) as document:
        yield document


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
