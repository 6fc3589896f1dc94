"""Which captures go into which shard: decided once, before the first byte is written, and kept beside the shards."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from tmxdb.export.split import split_of

ENDINGS = {"webdataset": "tar", "parquet": "parquet"}


@dataclass(frozen=True, slots=True)
class Captured:
    """A capture that is done. `folder_path` is relative to the data folder; `map_uid` is that of its track."""

    capture_id: int
    replay_id: int
    track_id: int
    map_uid: str | None
    folder_path: str
    frame_count: int


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants exported, and how. An interrupted export goes on only with an equal one.

    `captures`: the conditions that chose them, as a person would write them.
    """

    form: str
    shares: Mapping[str, float]
    seed: int
    shard_frames: int
    captures: str


@dataclass(frozen=True, slots=True)
class Shard:
    """One file of the data set: whole runs, in this order."""

    file: str
    split: str
    captures: tuple[Captured, ...]

    @property
    def frames(self) -> int:
        """How many frames it will hold."""
        return sum(captured.frame_count for captured in self.captures)


def plan(wish: Wish, captures: Iterable[Captured]) -> list[Shard]:
    """All shards. Runs are shuffled by the seed and stay whole: one longer than a shard has a shard to itself."""
    packed: dict[str, list[list[Captured]]] = {name: [] for name in wish.shares}
    room: dict[str, int] = {}
    for captured in sorted(captures, key=lambda captured: _shuffled(wish.seed, captured.capture_id)):
        split = split_of(wish.shares, map_uid=captured.map_uid, track_id=captured.track_id, seed=wish.seed)
        if room.get(split, 0) < captured.frame_count:
            packed[split].append([])
            room[split] = wish.shard_frames
        packed[split][-1].append(captured)
        room[split] -= captured.frame_count
    return [
        Shard(_file_name(wish.form, split, number, len(shards)), split, tuple(runs))
        for split, shards in packed.items()
        for number, runs in enumerate(shards)
    ]


def as_json(wish: Wish, shards: Iterable[Shard]) -> dict[str, Any]:
    """The plan as it is kept."""
    rows = [
        {"file": shard.file, "split": shard.split, "captures": [list(asdict(run).values()) for run in shard.captures]}
        for shard in shards
    ]
    return {"wish": asdict(wish), "shards": rows}


def from_json(value: Mapping[str, Any]) -> tuple[Wish, list[Shard]]:
    """What `as_json` wrote. Raises KeyError, TypeError or ValueError on anything else."""
    shards = [
        Shard(str(row["file"]), str(row["split"]), tuple(Captured(*run) for run in row["captures"]))
        for row in value["shards"]
    ]
    return Wish(**value["wish"]), shards


def _shuffled(seed: int, capture_id: int) -> bytes:
    return hashlib.sha256(f"{seed}:capture {capture_id}".encode()).digest()


def _file_name(form: str, split: str, number: int, of: int) -> str:
    """The names that loaders of either format look for by themselves."""
    if form == "parquet":
        return f"data/{split}-{number:05d}-of-{of:05d}.parquet"
    return f"{split}/{split}-{number:06d}.tar"
