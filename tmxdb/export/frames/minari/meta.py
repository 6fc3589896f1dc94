"""The files that make a Minari data set of the shards of a part: its index and its metadata.

main_data.hdf5 has no data of its own: `episode_0`, `episode_1` … are links to the groups of the shards beside it, so an
export can be interrupted and continued like any other. docs/facts/training.md#minari
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tmxdb.export.frames.minari.episodes import h5py
from tmxdb.export.frames.plan import MINARI_NAMESPACE, minari_folder
from tmxdb.export.frames.vectors import ACTION, STATE
from tmxdb.storage import write_atomic
from tmxdb.storage.os_errors import CHOOSE_OUT

READER_VERSION = "0.5.3"
"""The version of Minari whose layout this is. Its readers refuse versions that they do not know."""


def write_meta(out: Path, split: str, files: Sequence[Path], run: Mapping[str, Any]) -> list[Path]:
    """Write the index and metadata of a part whose shards are `files`. Return the files.

    `run`: the metadata of any of its runs.
    """
    data = out.joinpath(*minari_folder(split).split("/"), "data")
    episodes = steps = 0
    index = io.BytesIO()
    with h5py().File(index, "w", track_order=True) as document:
        for path in files:
            with h5py().File(path, "r") as shard:
                for name in shard:
                    document[f"episode_{episodes}"] = h5py().ExternalLink(path.name, f"/{name}")
                    episodes, steps = episodes + 1, steps + int(shard[name].attrs["total_steps"])
    write_atomic(data / "main_data.hdf5", index.getvalue(), instead=CHOOSE_OUT)
    size = sum(path.stat().st_size for path in files) + len(index.getvalue())
    metadata = {
        "total_episodes": episodes,
        "total_steps": steps,
        "data_format": "hdf5",
        "jpeg_encoding": True,
        "observation_space": json.dumps(_observation_space(run)),
        "action_space": json.dumps(_box("float32", [0.0, 0.0, -1.0], [1.0, 1.0, 1.0], [len(ACTION)])),
        "dataset_id": minari_folder(split),
        "minari_version": READER_VERSION,
        "dataset_size": round(size / 1e6, 1),
        "author": ["tmxdb"],
        "algorithm_name": "replays of TrackMania players, driven again",
        "description": _DESCRIPTION,
    }
    write_atomic(data / "metadata.json", json.dumps(metadata).encode(), instead=CHOOSE_OUT)
    namespace = out / MINARI_NAMESPACE / "namespace_metadata.json"
    write_atomic(namespace, b'{"description": "TrackMania runs, captured by tmxdb"}', instead=CHOOSE_OUT)
    return [data / "main_data.hdf5", data / "metadata.json", namespace]


_DESCRIPTION = (
    f"observations: image (the frame), state ({', '.join(STATE)}); metres, m/s, rad/s, km/h. "
    f"actions: {', '.join(ACTION)} at the tick of the frame; steer is from -1 to 1, right is positive. "
    "rewards: minus the seconds from one frame to the next, so a return is minus the race time. "
    "An episode terminates at the finish; a run that ends elsewhere is truncated. "
    "infos: time_ms and action_idx of each observation; frames that were missed leave a gap in time_ms."
)


def _observation_space(run: Mapping[str, Any]) -> dict[str, Any]:
    height, width = run["height"], run["width"]
    shape = [height, width] if run["settings"]["color"] == "gray" else [height, width, 3]
    low, high = float("-inf"), float("inf")
    return {
        "type": "Dict",
        "subspaces": {
            "image": _box("uint8", _filled(shape, 0), _filled(shape, 255), shape),
            "state": _box("float32", [low] * len(STATE), [high] * len(STATE), [len(STATE)]),
        },
    }


def _box(dtype: str, low: Any, high: Any, shape: list[int]) -> dict[str, Any]:
    return {"type": "Box", "dtype": dtype, "shape": shape, "low": low, "high": high}


def _filled(shape: Sequence[int], value: int) -> Any:
    return [_filled(shape[1:], value) for _ in range(shape[0])] if shape else value
