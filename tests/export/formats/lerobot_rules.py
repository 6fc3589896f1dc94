"""The rules of docs/facts/training.md#lerobot: every file, column, number, type and frame of a LeRobot data set.

A second implementation of what its reader takes for granted; lerobot itself is too large for the tests.
"""

from __future__ import annotations

import io
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from tests import needs

parquet = needs.module("pyarrow.parquet")

ALWAYS = {"timestamp": "float32"} | dict.fromkeys(("frame_index", "episode_index", "index", "task_index"), "int64")


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
    videos = {name for name, feature in features.items() if feature["dtype"] == "video"}
    assert (info["video_path"] is not None) == bool(videos)
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
            assert set(row) == set(features) - videos
            assert (row["index"], row["frame_index"]) == (index + number, number)
            assert (row["episode_index"], row["task_index"]) == (episode["episode_index"], 0)
            assert row["timestamp"] == np.float32(number / fps)
            _check_values(row, features)
        index += len(rows)
    for name in videos:
        _check_videos(root, name, info, episodes)
    assert index == info["total_frames"]
    assert set(files) == set(root.glob("data/*/*.parquet"))
    for path, groups in files.items():
        assert parquet.ParquetFile(path).num_row_groups == groups
    _check_statistics(json.loads((root / "meta" / "stats.json").read_text()), features, index)
    return info


def _check_values(row: dict[str, Any], features: dict[str, Any]) -> None:
    from PIL import Image

    for name, value in row.items():
        feature = features[name]
        shape = feature["shape"]
        assert value is not None
        if feature["dtype"] == "image":
            assert feature["names"] == ["height", "width", "channels"]
            image = np.asarray(Image.open(io.BytesIO(value["bytes"])))
            assert list(image.shape) == shape
        elif shape != [1]:
            assert len(value) == shape[0] == len(feature["names"])


def _check_videos(root: Path, key: str, info: dict[str, Any], episodes: list[dict[str, Any]]) -> None:
    """Frame j of an episode is at its begin + j / fps, a file has nothing else, and is not longer than 1000 s."""
    feature, fps = info["features"][key], info["fps"]
    assert feature["names"] == ["height", "width", "channels"]
    used: dict[Path, int] = {}
    for episode in episodes:
        place = {name: episode[f"videos/{key}/{name}"] for name in ("chunk_index", "file_index")}
        assert place["file_index"] < info["chunks_size"]
        path = root / info["video_path"].format(video_key=key, **place)
        begin = used.get(path, 0)
        assert episode[f"videos/{key}/from_timestamp"] == begin / fps
        assert episode[f"videos/{key}/to_timestamp"] == (begin + episode["length"]) / fps
        used[path] = begin + episode["length"]
    assert set(used) == set(root.glob(f"videos/{key}/*/*"))
    assert set(used) == set(root.glob("videos/*/*/*"))
    for path, frames in used.items():
        assert frames <= 1000 * fps
        stream, times = decoded_times(path)
        assert times == [Fraction(number, fps) for number in range(frames)]
        assert [stream["height"], stream["width"], 3] == feature["shape"]
        described = ("height", "width", "fps", "codec", "pix_fmt")
        assert {name: feature["info"][f"video.{name}"] for name in described} == stream


def decoded_times(path: Path) -> tuple[dict[str, Any], list[Fraction]]:
    """Return what a video says of itself, and the time of each of its frames in seconds."""
    av = needs.module("av")
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert len(container.streams) == 1
        times = [frame.pts * frame.time_base for frame in container.decode(stream)]
        context = stream.codec_context
        assert stream.average_rate.denominator == 1
        facts = {"height": context.height, "width": context.width, "fps": stream.average_rate.numerator,
                 "codec": context.name, "pix_fmt": context.pix_fmt}  # fmt: skip
    return facts, times


def _check_statistics(statistics: dict[str, Any], features: dict[str, Any], rows: int) -> None:
    assert set(statistics) == set(features)
    for name, values in statistics.items():
        assert set(values) == {"min", "max", "mean", "std", "count", "q01", "q10", "q50", "q90", "q99"}
        for kind, value in values.items():
            if kind != "count":
                shape = (3, 1, 1) if features[name]["dtype"] in ("image", "video") else tuple(features[name]["shape"])
                assert np.asarray(value).shape == shape, (name, kind)
        assert values["count"][0] <= rows
        assert np.all(np.asarray(values["min"]) <= np.asarray(values["q50"]))
        assert np.all(np.asarray(values["q50"]) <= np.asarray(values["max"]))
