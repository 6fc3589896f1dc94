"""Which run goes into which shard: decided once, before the first byte is written, and stored beside the shards."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tmxdb.export.frames.split import shuffled_tracks, split_of
from tmxdb.storage import is_below

FORMATS = ("webdataset", "parquet", "huggingface", "lerobot", "minari", "rulka")
PICTURES = {"rows": FORMATS, "files": ("huggingface",), "video": ("lerobot",)}
"""Where pictures may be, and in which formats. `rows`: in the rows; in rulka's folders, which have no rows, files."""
MINARI_NAMESPACE = "tmxdb"


@dataclass(frozen=True, slots=True)
class ExportedRun:
    """A finished capture. `folder_path` is relative to the data folder. `map_uid` is empty if it is unknown."""

    capture_id: int
    replay_id: int
    track_id: int
    map_uid: str
    folder_path: str
    frame_count: int


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """What to export, and how. An interrupted export continues only with equal options.

    `captures`: the filter that selected them, as text. `pictures`: where they are, one of PICTURES. `split_rule`:
    one of SPLIT_RULES.
    """

    form: str
    shares: Mapping[str, float]
    seed: int
    shard_frames: int
    captures: str
    pictures: str = "rows"
    split_rule: str = "map"
    vcp: str = ""
    """Folder with centre lines, for rulka; empty: none."""

    @property
    def kind(self) -> str:
        """The format together with where its pictures are, such as `huggingface-files`."""
        return self.form if self.pictures == "rows" else f"{self.form}-{self.pictures}"


@dataclass(frozen=True, slots=True)
class Shard:
    """One file of the data set: complete runs in this order."""

    file: str
    split: str
    captures: tuple[ExportedRun, ...]

    @property
    def frames(self) -> int:
        """How many frames it will contain."""
        return sum(run.frame_count for run in self.captures)


def plan(options: ExportOptions, runs: Iterable[ExportedRun]) -> list[Shard]:
    """Return all shards. Runs are shuffled by the seed and stay complete; a run longer than a shard has its own."""
    packed: dict[str, list[list[ExportedRun]]] = {name: [] for name in options.shares}
    room: dict[str, int] = {}
    shard_frames = 0 if options.form == "rulka" else options.shard_frames  # rulka: each run is a folder
    ordered = sorted(runs, key=lambda run: _shuffle_key(options.seed, run.capture_id))
    shuffled: Mapping[int, str] = {}
    if options.split_rule == "track-shuffle":
        shuffled = shuffled_tracks(options.shares, (run.track_id for run in ordered), seed=options.seed)
    for run in ordered:
        split = shuffled.get(run.track_id) or split_of(
            options.shares, map_uid=run.map_uid, track_id=run.track_id, seed=options.seed
        )
        if room.get(split, 0) < run.frame_count:
            packed[split].append([])
            room[split] = shard_frames
        packed[split][-1].append(run)
        room[split] -= run.frame_count
    if options.form == "rulka":
        return _run_folders(packed)
    return [
        Shard(_file_name(options.kind, split, number, len(shards)), split, tuple(shard))
        for split, shards in packed.items()
        for number, shard in enumerate(shards)
    ]


def as_json(options: ExportOptions, shards: Iterable[Shard]) -> dict[str, Any]:
    """Return the plan as it is stored."""
    rows = [
        {"file": shard.file, "split": shard.split, "captures": [list(asdict(run).values()) for run in shard.captures]}
        for shard in shards
    ]
    return {"options": asdict(options), "shards": rows}


def from_json(value: Mapping[str, Any]) -> tuple[ExportOptions, list[Shard]]:
    """Return the plan that `as_json` wrote. Raise KeyError, TypeError or ValueError on anything else.

    Files are written and deleted at its paths, so those that lead out of the folder are refused.
    """
    shards = [
        Shard(str(row["file"]), str(row["split"]), tuple(_run(*run) for run in row["captures"]))
        for row in value["shards"]
    ]
    if not all(is_below(shard.file) and is_below(shard.split) for shard in shards):
        raise ValueError("a file leads out of the folder")
    return ExportOptions(**value["options" if "options" in value else _OLD_OPTIONS_KEY]), shards


_OLD_OPTIONS_KEY = "wish"
"""Name of the options in plans of version 0.1."""


def _run(
    capture_id: int, replay_id: int, track_id: int, map_uid: str | None, folder_path: str, frame_count: int
) -> ExportedRun:
    return ExportedRun(capture_id, replay_id, track_id, map_uid or "", folder_path, frame_count)


def _shuffle_key(seed: int, capture_id: int) -> bytes:
    return hashlib.sha256(f"{seed}:capture {capture_id}".encode()).digest()


def minari_folder(split: str) -> str:
    """Return the folder of a part below the folder of Minari's data sets, which is also its id."""
    return f"{MINARI_NAMESPACE}/{split}-v0"


def _file_name(kind: str, split: str, number: int, count: int) -> str:
    """Return a name that loaders of the format find by themselves: docs/facts/training.md#hugging-face-datasets."""
    if kind.startswith("lerobot"):
        return f"{split}/data/chunk-{number // 1000:03d}/file-{number % 1000:03d}.parquet"
    if kind == "minari":
        return f"{minari_folder(split)}/data/{split}-{number:05d}.hdf5"
    if kind == "huggingface-files":
        return f"{split}/{number:05d}/metadata.jsonl"
    if kind in ("parquet", "huggingface"):
        return f"data/{split}-{number:05d}-of-{count:05d}.parquet"
    return f"{split}/{split}-{number:06d}.tar"


def _run_folders(packed: Mapping[str, Sequence[Sequence[ExportedRun]]]) -> list[Shard]:
    """Return a shard for each run: its manifest, in a folder named after its track and replay."""
    shards: dict[str, Shard] = {}
    for split, lists in packed.items():
        for run in (run for runs in lists for run in runs):
            folder = f"{split}/{run.track_id}/{run.folder_path.rpartition('/')[2]}"
            if f"{folder}/manifest.json" in shards:  # a replay that was captured with other settings too
                folder += f"_capture{run.capture_id}"
            shards[f"{folder}/manifest.json"] = Shard(f"{folder}/manifest.json", split, (run,))
    return list(shards.values())


def differences(existing: ExportOptions, wanted: ExportOptions) -> str:
    """Return which options differ, as a person types them."""
    before, now = _typed(existing), _typed(wanted)
    return "; ".join(f"{name}: {before[name]} before, {now[name]} now" for name in before if before[name] != now[name])


def _typed(options: ExportOptions) -> dict[str, str]:
    return {
        "--format": options.form,
        "--split": ",".join(f"{part}={share:g}" for part, share in options.shares.items()),
        "--seed": str(options.seed),
        "--shard-frames": str(options.shard_frames),
        "captures": as_typed(options.captures),
        "--pictures": options.pictures,
        "--split-rule": options.split_rule,
        "--vcp": options.vcp or "none",
    }


def as_typed(text: str) -> str:
    """Return the text of a filter with ids as a person types them: `track -3` is `track local3`."""
    return re.sub(r"track -(\d+)", r"track local\1", text)
