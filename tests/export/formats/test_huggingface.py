"""Data sets for the Hugging Face Hub: read with the `datasets` library, and their columns checked without it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests import needs
from tests.export.conftest import RUNS
from tests.export.readers import loaded_by_datasets
from tests.frames import car, jpeg
from tests.tool import Tool

pyarrow = needs.module("pyarrow")
parquet = needs.module("pyarrow.parquet")
needs.module("numpy")

EXPORT = ("export", "frames", "out", "--format", "huggingface", "--split", "train=0.6,val=0.4", "--shard-frames", 8,
          "--no-progress")  # fmt: skip
RULKA = {
    "track_id": "string", "replay_name": "string", "step": "int64", "time_ms": "int64", "action_idx": "int64",
    "accelerate": "bool", "brake": "bool", "left": "bool", "right": "bool", "fps": "float", "width": "int64",
    "height": "int64", "race_finished": "bool",
}  # fmt: skip
"""The columns of rulka's data set after `image`: docs/facts/training.md."""


def rows(out: Path) -> list[dict[str, Any]]:
    return [row for path in sorted(out.glob("data/*.parquet")) for row in parquet.read_table(path).to_pylist()]


def test_the_first_columns_are_those_of_rulkas_data_set_and_none_is_null(captured: Tool) -> None:
    captured(*EXPORT)
    out = captured.folder / "out"
    schema = parquet.read_schema(next(out.glob("data/train-00000-of-*.parquet")))
    assert {name: str(schema.field(name).type) for name in schema.names[1:14]} == RULKA
    assert schema.names[0] == "image"
    features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
    assert features["image"] == {"_type": "Image"}
    everything = rows(out)
    assert len(everything) == sum(RUNS.values())
    assert all(value is not None for row in everything for value in row.values())
    for row in everything:
        assert row["image"]["bytes"] == jpeg(row["time_ms"])
        assert row["replay_name"] == str(row["replay_id"])
        assert row["state"][0] == pytest.approx(car(row["time_ms"]).position[0], abs=1e-3)
    assert "0 problems" in captured("export", "--check", "out").err


def test_the_datasets_library_loads_it_without_a_cast(captured: Tool, tmp_path: Path) -> None:
    captured(*EXPORT)
    with loaded_by_datasets(captured.folder / "out", tmp_path / "cache") as loaded:
        assert "image" in loaded["train"].features


def test_another_parquet_file_is_reported(captured: Tool) -> None:
    captured(*EXPORT)
    shard = next((captured.folder / "out").glob("data/*.parquet"))
    parquet.write_table(pyarrow.table({"image": [1]}), shard)
    assert "its content has changed" in captured("export", "--check", "out", ends=3).err
