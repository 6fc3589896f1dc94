"""The formats of a data set of frames: which module writes a shard, and what is added when all shards are there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from tmxdb.export.frames import parquet, rulka, webdataset
from tmxdb.export.frames.frame_samples import FrameSample
from tmxdb.export.frames.huggingface import image_folder
from tmxdb.export.frames.picture_files import remove_pictures
from tmxdb.storage.hashing_file import HashingFile

_LEROBOT = ("lerobot", "lerobot-video")


@dataclass(frozen=True, slots=True)
class ShardPlace:
    """Where a shard is: the folder of its part, its file, the file of the shard before it in the part, if any, and
    the folder with centre lines, if states are to have their zones.
    """

    part: Path
    file: Path
    before: Path | None
    vcp: Path | None


def write_shard(kind: str, file: HashingFile, samples: Iterable[FrameSample], place: ShardPlace) -> int:
    """Write the samples to `file` in a format. Return how many samples there were.

    Modules that need NumPy or pyarrow are imported only for their format.
    """
    if kind == "lerobot":
        from tmxdb.export.frames.lerobot import rows

        return rows.write(file, samples, place.before)
    if kind == "lerobot-video":
        from tmxdb.export.frames.lerobot import rows

        return rows.write_with_videos(file, samples, place.before, place.part)
    if kind == "minari":
        from tmxdb.export.frames.minari import episodes

        return episodes.write(file, samples)
    if kind == "huggingface":
        from tmxdb.export.frames.huggingface import rows as hub_rows

        return hub_rows.write(file, samples)
    if kind == "huggingface-files":
        return image_folder.write(file, samples, place.file)
    if kind == "rulka":
        return rulka.write(file, samples, place.file, place.vcp)
    return parquet.write(file, samples) if kind == "parquet" else webdataset.write(cast("IO[bytes]", file), samples)


def count_samples(kind: str, file: IO[bytes]) -> int:
    """Return how many samples a shard was made of. Raise InvalidInput if it is not one of ours."""
    if kind in _LEROBOT:
        from tmxdb.export.frames.lerobot import rows

        return rows.count(file)
    if kind == "minari":
        from tmxdb.export.frames.minari import episodes

        return episodes.count(file)
    if kind == "huggingface":
        from tmxdb.export.frames.huggingface import rows as hub_rows

        return hub_rows.count(file)
    if kind == "huggingface-files":
        return image_folder.count(file)
    if kind == "rulka":
        return rulka.count(file)
    return parquet.count(file) if kind == "parquet" else webdataset.count(file)


def count_dropped(kind: str, file: Path) -> int:
    """Return how many samples of a complete shard its format cannot contain: in LeRobot, frames that are not due; in
    Minari, the frame of a run of one frame. 0 if the shard cannot be read.
    """
    if kind in _LEROBOT:
        from tmxdb.export.frames.lerobot import rows

        return rows.count_dropped(file)
    if kind == "minari":
        from tmxdb.export.frames.minari import episodes

        return episodes.count_dropped(file)
    return 0


def companions_exist(kind: str, file: Path) -> bool:
    """Return whether the files beside a complete shard are there, as far as its format can tell at once."""
    if kind == "lerobot-video":
        from tmxdb.export.frames.lerobot.meta import has_videos

        return has_videos(file)
    return True


def has_pictures(kind: str) -> bool:
    """Return whether each shard of a format has a folder of its own, with pictures in files beside the shard."""
    return kind in ("rulka", "huggingface-files")


def files_beside(kind: str, file: Path) -> list[Path]:
    """Return the pictures beside a shard, and in rulka's format the metadata of its run."""
    if not has_pictures(kind):
        return []
    return [path for path in file.parent.rglob("*") if path.suffix in (".jpg", ".jpeg", ".json") and path != file]


def discard_empty(kind: str, file: Path) -> bool:
    """Return whether a shard without runs has no file in this format. What it wrote beside the file is deleted."""
    if has_pictures(kind):
        remove_pictures(file.parent)
    return has_pictures(kind)


def counts_across_shards(kind: str) -> bool:
    """Return whether the rows of a part are numbered through all its shards, so that each needs the one before."""
    return kind in _LEROBOT


def describes_parts(kind: str) -> bool:
    """Return whether a format has files that describe a part: see `write_part_files`."""
    return kind in _LEROBOT or kind == "minari"


def write_part_files(kind: str, out: Path, split: str, shards: Sequence[Path], run: Mapping[str, Any]) -> list[Path]:
    """Write what describes a part whose shards are complete. Return the files.

    `run`: the metadata of any of its runs.
    """
    if kind in _LEROBOT:
        from tmxdb.export.frames.lerobot.meta import write_meta

        return write_meta(out / split, shards, run)
    if kind == "minari":
        from tmxdb.export.frames.minari.meta import write_meta as write_minari_meta

        return write_minari_meta(out, split, shards, run)
    return []
