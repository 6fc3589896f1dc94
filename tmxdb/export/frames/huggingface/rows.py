"""A shard for the Hugging Face Hub: a Parquet file with the picture and the flat columns of `columns.py`.

docs/facts/training.md#hugging-face-datasets
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import IO, Any

from tmxdb.export.frames.frame_samples import FrameSample
from tmxdb.export.frames.huggingface.columns import flat_facts
from tmxdb.export.frames.parquet import DECODED, arrow, count_rows, write_rows
from tmxdb.export.frames.vectors import STATE
from tmxdb.storage.hashing_file import HashingFile

ROW_GROUP_SIZE = 100
"""Small, because the viewer of the Hub reads whole row groups."""


def write(file: IO[bytes] | HashingFile, samples: Iterable[FrameSample]) -> int:
    """Write the samples in order. Return how many. Raise InvalidInput if pyarrow is not installed."""
    return write_rows(file, map(_row, samples), schema(), ROW_GROUP_SIZE, write_page_index=True)


def count(file: IO[bytes]) -> int:
    """Return the number of rows of a shard. Raise InvalidInput if it is not one of ours."""
    ours = schema().names
    return count_rows(file, lambda names: names == ours)


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
    return pyarrow.schema(columns, metadata=DECODED)


def _row(sample: FrameSample) -> dict[str, Any]:
    return {"image": {"bytes": sample.jpeg, "path": f"{sample.key}.jpg"}} | flat_facts(sample)
