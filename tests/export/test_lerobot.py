"""LeRobot data sets, checked by the rules of docs/facts/training.md#lerobot: every file, column, number and type."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import needs
from tests.export.conftest import RUNS
from tests.frames import car, jpeg
from tests.tool import Tool
from tmxdb.capture.output.manifest import inputs_entry, state_entry
from tmxdb.errors import InvalidInput
from tmxdb.export.frames.frame_samples import FrameSample, SampledRun
from tmxdb.export.frames.lerobot import rows as lerobot
from tmxdb.export.frames.vectors import STATE

parquet = needs.module("pyarrow.parquet")

ALWAYS = {"timestamp": "float32"} | dict.fromkeys(("frame_index", "episode_index", "index", "task_index"), "int64")
EXPORT = ("export", "frames", "dataset", "--format", "lerobot", "--split", "train=0.6,val=0.4", "--shard-frames", 8,
          "--no-progress")  # fmt: skip


def validate(root: Path) -> dict[str, Any]:
    """Raise AssertionError if anything of a data set is not as LeRobot's reader needs it. Return info.json."""
    info: dict[str, Any] = json.loads((root / "meta" / "info.json").read_text())
    assert info["codebase_version"] == "v3.0"
    fps, features = info["fps"], info["features"]
    assert isinstance(fps, int)
    assert 1000 % (fps * 10) == 0
    assert all("/" not in name for name in features)
    for name, dtype in ALWAYS.items():
        assert features[name] == {"dtype": dtype, "shape": [1], "names": None}
    episodes = parquet.read_table(root / "meta" / "episodes" / "chunk-000" / "file-000.parquet").to_pylist()
    assert [episode["episode_index"] for episode in episodes] == list(range(info["total_episodes"]))
    tasks = parquet.read_table(root / "meta" / "tasks.parquet")
    assert json.loads(tasks.schema.metadata[b"pandas"])["index_columns"] == ["task"]
    names = tasks.column("task").to_pylist()
    assert tasks.column("task_index").to_pylist() == list(range(len(names))) == list(range(info["total_tasks"]))
    index, files = 0, {}
    for episode in episodes:
        place = {"chunk_index": episode["data/chunk_index"], "file_index": episode["data/file_index"]}
        assert place["file_index"] < info["chunks_size"]
        path = root / info["data_path"].format(**place)
        files.setdefault(path, 0)
        rows = parquet.ParquetFile(path).read_row_group(files[path]).to_pylist()  # one row group per episode
        files[path] += 1
        assert (episode["dataset_from_index"], episode["dataset_to_index"]) == (index, index + len(rows))
        assert episode["length"] == len(rows) > 0
        assert episode["tasks"] == names
        times = {row["time_ms"] - round(1000 * row["frame_index"] / fps) for row in rows}
        assert len(times) == 1  # no gap
        for number, row in enumerate(rows):
            assert set(row) == set(features)
            assert (row["index"], row["frame_index"]) == (index + number, number)
            assert (row["episode_index"], row["task_index"]) == (episode["episode_index"], 0)
            assert row["timestamp"] == np.float32(number / fps)
            _check_values(row, features)
        index += len(rows)
    assert index == info["total_frames"]
    assert set(files) == set(root.glob("data/*/*.parquet"))
    for path, groups in files.items():
        assert parquet.ParquetFile(path).num_row_groups == groups
    _check_statistics(json.loads((root / "meta" / "stats.json").read_text()), features, index)
    return info


def _check_values(row: dict[str, Any], features: dict[str, Any]) -> None:
    from PIL import Image

    for name, feature in features.items():
        value, shape = row[name], feature["shape"]
        assert value is not None
        if feature["dtype"] == "image":
            assert feature["names"] == ["height", "width", "channels"]
            image = np.asarray(Image.open(io.BytesIO(value["bytes"])))
            assert list(image.shape) == shape
        elif shape != [1]:
            assert len(value) == shape[0] == len(feature["names"])


def _check_statistics(statistics: dict[str, Any], features: dict[str, Any], rows: int) -> None:
    assert set(statistics) == set(features)
    for name, values in statistics.items():
        assert set(values) == {"min", "max", "mean", "std", "count", "q01", "q10", "q50", "q90", "q99"}
        for kind, value in values.items():
            if kind != "count":
                shape = (3, 1, 1) if features[name]["dtype"] == "image" else tuple(features[name]["shape"])
                assert np.asarray(value).shape == shape, (name, kind)
        assert values["count"][0] <= rows
        assert np.all(np.asarray(values["min"]) <= np.asarray(values["q50"]))
        assert np.all(np.asarray(values["q50"]) <= np.asarray(values["max"]))


def test_an_export_is_a_valid_data_set_for_each_part(captured: Tool) -> None:
    captured(*EXPORT)
    out = captured.folder / "dataset"
    parts = {name: validate(out / name) for name in ("train", "val")}
    assert sum(info["total_frames"] for info in parts.values()) == sum(RUNS.values())
    assert sum(info["total_episodes"] for info in parts.values()) == len(RUNS)
    assert "0 problems" in captured("export", "frames", "dataset", "--check").err
    row = parquet.read_table(next(out.glob("train/data/*/*.parquet"))).to_pylist()[1]
    assert row[lerobot.IMAGE]["bytes"] == jpeg(100)
    state = dict(zip(STATE, row["observation.state"], strict=True))
    assert state["position.x"] == pytest.approx(car(100).position[0], abs=1e-3)
    assert (state["gear"], state["on_ground.3"], row["action"]) == (3.0, 0.0, [1.0, 0.0, -1.0])


def test_an_export_continues_after_its_last_shard(captured: Tool) -> None:
    captured(*EXPORT)
    out = captured.folder / "dataset"
    whole = {path: path.read_bytes() for path in out.rglob("*.parquet")}
    last = sorted(path for path in whole if "train" in path.parts and "data" in path.parts)[-1]
    last.unlink()
    (out / "train" / "meta" / "info.json").unlink()
    captured(*EXPORT)
    assert {path: path.read_bytes() for path in out.rglob("*.parquet")} == whole
    validate(out / "train")


def test_mixed_captures_are_refused(captured: Tool) -> None:
    assert "one size and one rate" in captured(*EXPORT, "--mixed", ends=2).error


def sample(step: int, *, capture_id: int = 1, late_ms: int = 0, fps: int = 10) -> FrameSample:
    time_ms = step * 1000 // fps + late_ms
    state = replace(car(time_ms))
    facts = {
        "capture_id": capture_id,
        "replay_id": 7,
        "track_id": 3,
        "map_uid": "uid",
        "race_time_ms": 400,
        "step": step,
        "time_ms": time_ms,
        "action_idx": 0,
        "inputs": inputs_entry(state.inputs),
        "state": state_entry(state),
    }
    return FrameSample(f"{capture_id}_{step}", jpeg(time_ms), facts, SampledRun(Path(), "run", fps, 64, 64, True), "")


def lengths(*samples: FrameSample) -> list[int]:
    file = io.BytesIO()
    assert lerobot.write(file, samples) == len(samples)
    file.seek(0)
    assert lerobot.count(file) == len(samples)
    return [episode["length"] for episode in lerobot.read_place(parquet.ParquetFile(file)).episodes]


def test_gaps_late_frames_and_the_finish_divide_a_run() -> None:
    assert lengths(*(sample(step) for step in range(5))) == [5]
    assert lengths(*(sample(step) for step in (0, 1, 3, 4, 5))) == [2, 3]  # frame 2 was missed
    assert lengths(sample(0), sample(1), sample(2, late_ms=10), sample(3), sample(4)) == [2, 2]
    assert lengths(sample(0), sample(1), sample(2, late_ms=-50)) == [2]  # the finish is not due
    assert lengths(sample(0), sample(1), sample(0, capture_id=2)) == [2, 1]
    assert lengths(sample(3), sample(4)) == [2]


def test_a_rate_without_whole_ticks_is_refused() -> None:
    with pytest.raises(InvalidInput, match="not 30 frames per second"):
        lengths(sample(0, fps=30))


def test_another_file_is_no_shard() -> None:
    with pytest.raises(InvalidInput, match="no LeRobot shard"):
        lerobot.count(io.BytesIO(b"PAR1"))
