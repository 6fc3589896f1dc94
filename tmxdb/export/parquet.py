"""A shard as Parquet: one row for each frame, its JPEG inside, its state in columns that can be filtered and averaged.

pyarrow writes it (the extra `parquet`). The column `image` is a struct of `bytes` and `path`, as the `datasets`
library has pictures.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from itertools import islice
from typing import IO, Any

from tmxdb.errors import BadInput
from tmxdb.export.samples import Sample

ROWS = 500
"""Rows that are kept in memory until they are written as one group: 10 MB of frames of 20 KB."""


def write(file: IO[bytes], samples: Iterable[Sample]) -> int:
    """Write the samples in their order; answers how many. Raises BadInput without pyarrow."""
    pyarrow, parquet = _pyarrow()
    n, rest = 0, iter(samples)
    # JPEGs do not get smaller: only the other columns are packed.
    packing = {name: "NONE" if name.startswith("image") else "ZSTD" for name in _leaves(schema())}
    with parquet.ParquetWriter(file, schema(), compression=packing) as writer:
        while rows := [_row(sample) for sample in islice(rest, ROWS)]:
            writer.write_table(pyarrow.Table.from_pylist(rows, schema=schema()), row_group_size=ROWS)
            n += len(rows)
    return n


def count(file: IO[bytes]) -> int:
    """The rows of a shard. Raises BadInput if it is none of ours."""
    pyarrow, parquet = _pyarrow()
    try:
        document = parquet.ParquetFile(file)
        if document.schema_arrow.names != schema().names:
            raise BadInput("a Parquet file with other columns", code="export.damaged")
        return int(document.metadata.num_rows)
    except pyarrow.ArrowException as error:
        raise BadInput(f"a Parquet file that can not be read ({error})", code="export.damaged") from error


@cache
def schema() -> Any:
    """The columns, in order. Units as in `manifest.json`: metres, m/s, radians, km/h, milliseconds."""
    pyarrow, _ = _pyarrow()
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
    return pyarrow.schema(columns)


def _row(sample: Sample) -> dict[str, Any]:
    facts = dict(sample.facts)
    inputs, state = facts.pop("inputs"), dict(facts.pop("state"))
    state["rotation"] = [value for row in state["rotation"] for value in row]
    state.pop("race_time_ms", None)  # of the tick: `time_ms` has it; the column of this name is the whole race
    return {**state, **inputs, **facts, "image": {"bytes": sample.jpeg, "path": f"{sample.key}.jpg"}}


def _leaves(schema: Any) -> Iterator[str]:
    """Paths of all leaf columns, as Parquet names them."""
    pyarrow, _ = _pyarrow()
    for field in schema:
        if pyarrow.types.is_struct(field.type):
            yield from (f"{field.name}.{child.name}" for child in field.type)
        elif pyarrow.types.is_list(field.type) or pyarrow.types.is_fixed_size_list(field.type):
            yield f"{field.name}.list.element"
        else:
            yield field.name


@cache
def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ModuleNotFoundError as error:
        raise BadInput(
            "the format parquet needs pyarrow. Install it with: pip install 'tmxdb[parquet]'", code="input.extra"
        ) from error
    return pyarrow, pyarrow.parquet
