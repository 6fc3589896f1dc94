"""The formats of a data set of frames: which module writes a shard, and what is added when all shards are there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from tmxdb.export.frames import parquet, rulka, webdataset
from tmxdb.export.frames.frame_samples import FrameSample
from tmxdb.storage.hashing_file import HashingFile


@dataclass(frozen=True, slots=True)
class ShardPlace:
    """Where a shard is: its file, and the file of the shard before in the same part. None: it is the first one."""

    file: Path
    before: Path | None


def write_shard(form: str, file: HashingFile, samples: Iterable[FrameSample], place: ShardPlace) -> int:
    """Write the samples to `file` in a format. Return how many samples there were.

    Modules that need NumPy or pyarrow are imported only for their format.
    """
    if form == "lerobot":
        from tmxdb.export.frames.lerobot import rows

        return rows.write(file, samples, place.before)
    if form == "minari":
        from tmxdb.export.frames.minari import episodes

        return episodes.write(file, samples)
    if form == "huggingface":
        from tmxdb.export.frames import huggingface

        return huggingface.write(file, samples)
    if form == "rulka":
        return rulka.write(file, samples, place.file)
    return parquet.write(file, samples) if form == "parquet" else webdataset.write(cast("IO[bytes]", file), samples)


def count_samples(form: str, file: IO[bytes]) -> int:
    """Return how many samples a shard was made of. Raise InvalidInput if it is not one of ours."""
    if form == "lerobot":
        from tmxdb.export.frames.lerobot import rows

        return rows.count(file)
    if form == "minari":
        from tmxdb.export.frames.minari import episodes

        return episodes.count(file)
    if form == "huggingface":
        from tmxdb.export.frames import huggingface

        return huggingface.count(file)
    if form == "rulka":
        return rulka.count(file)
    return parquet.count(file) if form == "parquet" else webdataset.count(file)


def discard_empty(form: str, file: Path) -> bool:
    """Return whether a shard without runs has no file in this format. What it wrote beside the file is deleted."""
    if form == "rulka":
        rulka.remove(file)
    return form == "rulka"


def write_part_files(form: str, out: Path, split: str, shards: Sequence[Path], run: Mapping[str, Any]) -> list[Path]:
    """Write what describes a part whose shards are complete. Return the files.

    `run`: the metadata of any of its runs.
    """
    if form == "lerobot":
        from tmxdb.export.frames.lerobot.meta import write_meta

        return write_meta(out / split, shards, run)
    if form == "minari":
        from tmxdb.export.frames.minari.meta import write_meta as write_minari_meta

        return write_minari_meta(out, split, shards, run)
    return []
