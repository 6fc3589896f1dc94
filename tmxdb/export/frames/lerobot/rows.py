"""A LeRobot data set, version 3.0: one folder for each part, because LeRobot has no splits.

PART/data/chunk-000/file-000.parquet    rows; one row group for each episode; with their pictures, or
PART/videos/                            what `video.py` writes
PART/meta/                              what `meta.py` writes when all shards are there

An episode is a part of a run without a gap: LeRobot derives all times from one whole rate. A missed or late frame ends
an episode, and the frame of the finish is left out if it is not due. docs/facts/training.md#lerobot
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import IO, Any

from tmxdb.errors import InvalidInput
from tmxdb.export.frames.frame_samples import FrameSample
from tmxdb.export.frames.lerobot.video import IMAGE, MAX_SECONDS, EpisodeVideos
from tmxdb.export.frames.parquet import arrow, parquet_file
from tmxdb.export.frames.vectors import ACTION, STATE, action_vector, state_vector
from tmxdb.storage.hashing_file import HashingFile

_KEY = b"tmxdb"


@dataclass(slots=True)
class Place:
    """Where a shard begins and ends in its part: numbers of rows, episodes and videos, and what these are."""

    index: int = 0
    episode: int = 0
    samples: int = 0
    episodes: list[dict[str, Any]] = field(default_factory=list)
    video: int = 0
    videos: list[dict[str, Any]] = field(default_factory=list)


def write(file: IO[bytes] | HashingFile, samples: Iterable[FrameSample], previous: Path | None = None) -> int:
    """Write the samples in order, after those of the shard `previous`. Return how many samples there were."""
    return _write(file, samples, _place_after(previous), None)


def write_with_videos(
    file: IO[bytes] | HashingFile, samples: Iterable[FrameSample], previous: Path | None, part: Path
) -> int:
    """Do the same with the pictures in videos of the folder `part`, which are complete before the rows."""
    place = _place_after(previous)
    videos = EpisodeVideos(part, place.video)
    try:
        return _write(file, samples, place, videos)
    except BaseException:
        videos.discard()
        raise


def _place_after(previous: Path | None) -> Place:
    if previous is None:
        return Place()
    with parquet_file(previous) as document:
        before = read_place(document)
    return Place(before.index, before.episode, video=before.video)


def _write(
    file: IO[bytes] | HashingFile, samples: Iterable[FrameSample], place: Place, videos: EpisodeVideos | None
) -> int:
    pyarrow, parquet = arrow()
    columns = schema() if videos is None else schema().remove(0)
    with parquet.ParquetWriter(file, columns, compression="snappy") as writer:
        for episode in _episodes(samples, place, videos is not None):
            first = episode[0].facts
            rows = [
                _row(sample, number, place, is_last=number == len(episode) - 1) for number, sample in enumerate(episode)
            ]
            in_video = videos.add(episode) if videos is not None else {}
            table = pyarrow.Table.from_pylist(rows, schema=columns)
            writer.write_table(table, row_group_size=len(rows))
            facts = {name: first[name] for name in ("capture_id", "replay_id", "track_id", "map_uid")}
            place.episodes.append(facts | {"length": len(rows), "first_step": first["step"]} | in_video)
            place.index += len(rows)
            place.episode += 1
        if videos is not None:
            place.videos = videos.finish()
            place.video += len(place.videos)
        writer.add_key_value_metadata({_KEY: json.dumps(asdict(place)).encode()})
    return place.samples


def count(file: IO[bytes]) -> int:
    """Return how many samples a shard was made of. Raise InvalidInput if it is not one of ours."""
    pyarrow, parquet = arrow()
    try:
        return read_place(parquet.ParquetFile(file)).samples
    except (pyarrow.ArrowException, KeyError, TypeError, ValueError) as error:
        raise InvalidInput(f"a Parquet file that is no LeRobot shard ({error})", code="export.damaged") from error


def count_dropped(path: Path) -> int:
    """Return how many samples of a shard are in no episode, because they are not due. 0 if unreadable."""
    pyarrow, _ = arrow()
    try:
        with parquet_file(path) as document:
            place = read_place(document)
            return place.samples - sum(int(episode["length"]) for episode in place.episodes)
    except (OSError, pyarrow.ArrowException, KeyError, TypeError, ValueError):
        return 0


def read_place(file: Any) -> Place:
    """Return what a shard says of itself. Raise KeyError, TypeError or ValueError if it says nothing."""
    return Place(**json.loads(file.metadata.metadata[_KEY]))


def _episodes(samples: Iterable[FrameSample], place: Place, in_videos: bool) -> Iterator[list[FrameSample]]:
    """Yield runs of frames at equal distances: consecutive steps of one capture, each at its due time.

    `in_videos`: none is longer than a video may be.
    """
    episode: list[FrameSample] = []
    for sample in samples:
        place.samples += 1
        facts = sample.facts
        if sample.run.fps <= 0 or 1000 % (10 * sample.run.fps):
            raise InvalidInput(
                f"LeRobot needs one rate whose frames are whole ticks of 10 ms apart: 100, 50, 25, 20, 10, 5 …, not"
                f" {sample.run.fps} frames per second.",
                code="input.fps",
            )
        follows = (
            bool(episode)
            and facts["capture_id"] == episode[-1].facts["capture_id"]
            and facts["step"] == episode[-1].facts["step"] + 1
        )
        is_due = facts["time_ms"] * sample.run.fps == 1000 * facts["step"]
        is_full = in_videos and len(episode) == MAX_SECONDS * sample.run.fps
        if episode and (is_full or not (follows and is_due)):
            yield episode
            episode = []
        if is_due:
            episode.append(sample)
    if episode:
        yield episode


def _row(sample: FrameSample, number: int, place: Place, *, is_last: bool) -> dict[str, Any]:
    return {
        IMAGE: {"bytes": sample.jpeg, "path": f"{sample.key}.jpg"},
        "observation.state": state_vector(sample.facts),
        "action": action_vector(sample.facts),
        "action_idx": sample.facts["action_idx"],
        "time_ms": sample.facts["time_ms"],
        "next.done": is_last,
        "timestamp": number / sample.run.fps,
        "frame_index": number,
        "episode_index": place.episode,
        "index": place.index + number,
        "task_index": 0,
    }


@cache
def schema() -> Any:
    """Return the columns of a shard: exactly the features, because one more makes LeRobot's reader fail."""
    pyarrow, _ = arrow()
    number, whole = pyarrow.float32(), pyarrow.int64()
    return pyarrow.schema(
        {
            IMAGE: pyarrow.struct({"bytes": pyarrow.binary(), "path": pyarrow.string()}),
            "observation.state": pyarrow.list_(number, len(STATE)),
            "action": pyarrow.list_(number, len(ACTION)),
            "action_idx": whole,
            "time_ms": whole,
            "next.done": pyarrow.bool_(),
            "timestamp": number,
            "frame_index": whole,
            "episode_index": whole,
            "index": whole,
            "task_index": whole,
        }
    )
