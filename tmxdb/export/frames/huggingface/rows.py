"""A shard for the Hugging Face Hub: a Parquet file with the picture and the flat columns of `columns.py`.

docs/facts/training.md#hugging-face-datasets
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from itertools import islice
from typing import IO, Any

from tmxdb.errors import InvalidInput
from tmxdb.export.frames.frame_samples import FrameSample
from tmxdb.export.frames.huggingface.columns import flat_facts
from tmxdb.export.frames.parquet import arrow
from tmxdb.export.frames.vectors import STATE
from tmxdb.storage.hashing_file import HashingFile

ROW_GROUP_SIZE = 100
"""Small, because the viewer of the Hub reads whole row groups."""


def write(file: IO[bytes] | HashingFile, samples: Iterable[FrameSample]) -> int:
    """Write the samples in order. Return how many. Raise InvalidInput if pyarrow is not installed."""
    pyarrow, parquet = arrow()
    n, remaining = 0, iter(samples)
    with parquet.ParquetWriter(file, schema(), compression="ZSTD", write_page_index=True) as writer:
        while rows := [_row(sample) for sample in islice(remaining, ROW_GROUP_SIZE)]:
            writer.write_table(pyarrow.Table.from_pylist(rows, schema=schema()), row_group_size=ROW_GROUP_SIZE)
            n += len(rows)
    return n


def count(file: IO[bytes]) -> int:
    """Return the number of rows of a shard. Raise InvalidInput if it is not one of ours."""
    pyarrow, parquet = arrow()
    try:
        document = parquet.ParquetFile(file)
    except pyarrow.ArrowException as error:
        raise InvalidInput(f"a Parquet file that cannot be read ({error})", code="export.damaged") from error
    if document.schema_arrow.names != schema().names:
        raise InvalidInput("a Parquet file with other columns", code="export.damaged")
    return int(document.metadata.num_rows)


@cache
def schema() -> Any:
    """Return the columns in order: what rulka's data set has, then what it does not have."""
    pyarrow, _ = arrow()
    number, whole, text, flag = pyarrow.float32(), pyarrow.int64(), pyarrow.string(), pyarrow.bool_()
    columns = {
        "image": pyarrow.struct({"bytes": pyarrow.binary(), "path": text}),
        "track_id": text,
        "replay_name": text,
        **dict.fromkeys(("step", "time_ms", "action_idx"), whole),
        **dict.fromkeys(("accelerate", "brake", "left", "right"), flag),
        "fps": number,
        **dict.fromkeys(("width", "height"), whole),
        "race_finished": flag,
        **dict.fromkeys(("capture_id", "replay_id"), whole),
        "map_uid": text,
        **dict.fromkeys(("race_time_ms", "steer", "gas"), whole),
        "state": pyarrow.list_(number, len(STATE)),
    }
    # The `datasets` library decodes the column `image` to pictures, and infers the others.
    features = {"info": {"features": {"image": {"_type": "Image"}}}}
    return pyarrow.schema(columns, metadata={"huggingface": json.dumps(features)})


def _row(sample: FrameSample) -> dict[str, Any]:
    return {"image": {"bytes": sample.jpeg, "path": f"{sample.key}.jpg"}} | flat_facts(sample)
