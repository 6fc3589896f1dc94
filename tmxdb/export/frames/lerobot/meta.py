"""`meta/` of a LeRobot data set: features, episodes, the task, and statistics. docs/facts/training.md#lerobot"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tmxdb.arrays.pictures import pixels_of
from tmxdb.export.frames.lerobot.rows import read_place
from tmxdb.export.frames.lerobot.video import (
    FILES_PER_CHUNK,
    IMAGE,
    VIDEO_PATTERN,
    frame_times,
    read_pictures,
    video_feature,
    video_path,
    videos_exist,
)
from tmxdb.export.frames.parquet import arrow, parquet_file
from tmxdb.export.frames.vectors import ACTION, STATE
from tmxdb.storage import disk_errors, write_atomic
from tmxdb.storage.os_errors import CHOOSE_OUT

TASK = "Drive the track to its finish as fast as possible."
_PICTURES = 100
"""How many pictures of a part the statistics of pictures are computed from."""
_QUANTILES = {"q01": 0.01, "q10": 0.1, "q50": 0.5, "q90": 0.9, "q99": 0.99}
_SCALARS = {
    "action_idx": "int64",
    "time_ms": "int64",
    "next.done": "bool",
    "timestamp": "float32",
    "frame_index": "int64",
    "episode_index": "int64",
    "index": "int64",
    "task_index": "int64",
}


def write_meta(part: Path, files: Sequence[Path], run: Mapping[str, Any]) -> list[Path]:
    """Write `meta/` of a part whose shards are `files`, in order. Return its files, and the videos.

    `run`: the metadata of any of its runs.
    """
    pyarrow, _ = arrow()
    names = ["observation.state", "action", *_SCALARS]
    episodes: list[dict[str, Any]] = []
    videos: list[dict[str, Any]] = []
    tables, at = [], 0
    for number, path in enumerate(files):
        with parquet_file(path) as file:
            table = file.read(columns=names)
            tables.append(table)
            begin = 0
            place = read_place(file)
            videos += place.videos
            for facts in place.episodes:
                rows = table.slice(begin, facts["length"])
                row = _episode(facts, len(episodes), number, at)
                if place.videos:
                    row |= frame_times(facts, run["fps"])
                episodes.append(row | _flat_statistics(_statistics(rows)))
                begin, at = begin + facts["length"], at + facts["length"]
    pictures = read_pictures(part, videos, _PICTURES) if videos else _pictures_of_rows(files, at)
    whole = pyarrow.concat_tables(tables)
    statistics = _statistics(whole) | {IMAGE: _picture_statistics(pictures)}
    meta = part / "meta"
    with disk_errors(str(meta), instead=CHOOSE_OUT):
        (meta / "episodes" / "chunk-000").mkdir(parents=True, exist_ok=True)
    _write_json(meta / "info.json", _info(run, len(episodes), len(whole), files, videos))
    _write_json(meta / "stats.json", statistics)
    _write_table(meta / "tasks.parquet", _tasks())
    _write_table(meta / "episodes" / "chunk-000" / "file-000.parquet", pyarrow.Table.from_pylist(episodes))
    described = [path for path in meta.rglob("*") if path.suffix in (".json", ".parquet")]
    return described + [video_path(part, video["number"]) for video in videos]


def _pictures_of_rows(files: Sequence[Path], rows: int) -> list[NDArray[np.uint8]]:
    """Return up to _PICTURES pictures of the files at equal distances. They are in row groups, one for each episode."""
    every, begin, pictures = -(-rows // _PICTURES), 0, []
    for path in files:
        with parquet_file(path) as file:
            for group in range(file.num_row_groups):
                length = file.metadata.row_group(group).num_rows
                wanted = range(-begin % every, length, every)
                if wanted:
                    column = file.read_row_group(group, columns=[IMAGE]).column(IMAGE)
                    pictures += [pixels_of(column[row].as_py()["bytes"]) for row in wanted]
                begin += length
    return pictures


def has_videos(file: Path) -> bool:
    """Return whether the videos of a complete shard are there in their full size."""
    pyarrow, _ = arrow()
    try:
        with parquet_file(file) as document:
            return videos_exist(file.parents[2], read_place(document).videos)
    except (pyarrow.ArrowException, KeyError, TypeError, ValueError):
        return False


def _info(
    run: Mapping[str, Any], episodes: int, frames: int, files: Sequence[Path], videos: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    features: dict[str, Any] = {
        IMAGE: video_feature(videos[0], run["height"], run["width"]) if videos else _image_feature(run),
        "observation.state": {"dtype": "float32", "shape": [len(STATE)], "names": list(STATE)},
        "action": {"dtype": "float32", "shape": [len(ACTION)], "names": list(ACTION)},
        **{name: {"dtype": dtype, "shape": [1], "names": None} for name, dtype in _SCALARS.items()},
    }
    return {
        "codebase_version": "v3.0",
        "robot_type": "trackmania",
        "total_episodes": episodes,
        "total_frames": frames,
        "total_tasks": 1,
        "chunks_size": FILES_PER_CHUNK,
        "data_files_size_in_mb": max(100, *(path.stat().st_size // 2**20 + 1 for path in files)),
        "video_files_size_in_mb": max([200, *(video["bytes"] // 2**20 + 1 for video in videos)]),
        "fps": run["fps"],
        "splits": {"train": f"0:{episodes}"},
        "data_path": "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
        "video_path": VIDEO_PATTERN if videos else None,
        "features": features,
    }


def _image_feature(run: Mapping[str, Any]) -> dict[str, Any]:
    channels = 1 if run["settings"]["color"] == "gray" else 3
    shape = [run["height"], run["width"], channels]
    return {"dtype": "image", "shape": shape, "names": ["height", "width", "channels"]}


def _episode(facts: Mapping[str, Any], number: int, file: int, begin: int) -> dict[str, Any]:
    return {
        "episode_index": number,
        "tasks": [TASK],
        "length": facts["length"],
        "data/chunk_index": file // FILES_PER_CHUNK,
        "data/file_index": file % FILES_PER_CHUNK,
        "dataset_from_index": begin,
        "dataset_to_index": begin + facts["length"],
        "meta/episodes/chunk_index": 0,
        "meta/episodes/file_index": 0,
        **{name: facts[name] for name in ("capture_id", "replay_id", "track_id", "map_uid", "first_step")},
    }


def _flat_statistics(statistics: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {
        f"stats/{feature}/{name}": value for feature, values in statistics.items() for name, value in values.items()
    }


def _statistics(table: Any) -> dict[str, dict[str, Any]]:
    found = {}
    for name in table.column_names:
        column = table.column(name).combine_chunks()
        flat = column.flatten() if name in ("observation.state", "action") else column
        values = np.asarray(flat.to_numpy(zero_copy_only=False), dtype=np.float64)
        found[name] = _of(values.reshape(len(table), -1), axis=0)
    return found


def _picture_statistics(pictures: Sequence[NDArray[np.uint8]]) -> dict[str, Any]:
    """Return statistics for each channel in the shape (3, 1, 1), of pixels / 255."""
    channels = [
        _of_bytes(np.concatenate([picture.reshape(-1, 3)[:, channel] for picture in pictures])) for channel in range(3)
    ]
    values: dict[str, Any] = {name: [[[one[name]]] for one in channels] for name in channels[0]}
    return values | {"count": [len(pictures)]}


def _of_bytes(values: NDArray[np.uint8]) -> dict[str, float]:
    """Return statistics of `values` / 255 without an array of floats, which would take eight times the memory."""
    counts, steps = np.bincount(values, minlength=256), np.arange(256) / 255
    mean = float(counts @ steps / len(values))
    quantiles = np.quantile(values, list(_QUANTILES.values())) / 255
    return {
        "min": float(values.min()) / 255,
        "max": float(values.max()) / 255,
        "mean": mean,
        "std": float(np.sqrt(counts @ (steps - mean) ** 2 / len(values))),
        **{name: float(quantile) for name, quantile in zip(_QUANTILES, quantiles, strict=True)},
    }


def _of(values: NDArray[np.float64], *, axis: int) -> dict[str, Any]:
    quantiles = np.quantile(values, list(_QUANTILES.values()), axis=axis)
    return {
        "min": values.min(axis=axis).tolist(),
        "max": values.max(axis=axis).tolist(),
        "mean": values.mean(axis=axis).tolist(),
        "std": values.std(axis=axis).tolist(),
        "count": [len(values)],
        **{name: quantile.tolist() for name, quantile in zip(_QUANTILES, quantiles, strict=True)},
    }


def _tasks() -> Any:
    """Return the table of tasks, with the name of the task as the index that pandas makes of it."""
    pyarrow, _ = arrow()

    def described(name: str, pandas: str, numpy: str) -> dict[str, Any]:
        return {"name": name, "field_name": name, "pandas_type": pandas, "numpy_type": numpy, "metadata": None}

    pandas = {
        "index_columns": ["task"],
        "column_indexes": [],
        "columns": [described("task_index", "int64", "int64"), described("task", "unicode", "object")],
        "pandas_version": "2.2.0",
    }
    schema = pyarrow.schema(
        {"task_index": pyarrow.int64(), "task": pyarrow.string()}, metadata={"pandas": json.dumps(pandas)}
    )
    return pyarrow.Table.from_pylist([{"task_index": 0, "task": TASK}], schema=schema)


def _write_json(path: Path, document: Any) -> None:
    write_atomic(path, (json.dumps(document, indent=2) + "\n").encode(), instead=CHOOSE_OUT)


def _write_table(path: Path, table: Any) -> None:
    pyarrow, parquet = arrow()
    buffer = pyarrow.BufferOutputStream()
    parquet.write_table(table, buffer)
    write_atomic(path, buffer.getvalue().to_pybytes(), instead=CHOOSE_OUT)
