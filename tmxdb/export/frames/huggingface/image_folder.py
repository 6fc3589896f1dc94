"""A shard for the Hugging Face Hub as files: pictures in folders, and a line of `metadata.jsonl` for each.

    train/00000/00000012-0/00000012_000042.jpg    folders of at most 5,000, because the Hub wants less than 10,000
    train/00000/metadata.jsonl                    `file_name`, relative to this file, and its facts; written last

The `datasets` library calls this an image folder. The columns are those of the Parquet files.
docs/facts/training.md#hugging-face-datasets
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

from tmxdb.errors import InvalidInput
from tmxdb.export.frames.frame_samples import FrameSample
from tmxdb.export.frames.huggingface.columns import flat_facts
from tmxdb.export.frames.picture_files import check_pictures, place_picture
from tmxdb.storage import disk_errors, durable
from tmxdb.storage.hashing_file import HashingFile
from tmxdb.storage.os_errors import CHOOSE_OUT

METADATA = "metadata.jsonl"
PICTURES_PER_FOLDER = 5_000


def write(file: IO[bytes] | HashingFile, samples: Iterable[FrameSample], metadata: Path) -> int:
    """Write the pictures below the folder of `metadata`, and their lines to `file`. Return how many there are."""
    folder: Path | None = None
    n = 0
    with disk_errors(str(metadata.parent), instead=CHOOSE_OUT):
        durable.remove_tree(metadata.parent)  # of an attempt that was interrupted, or that met a damaged run
        metadata.parent.mkdir(parents=True)
    for sample in samples:
        facts = sample.facts
        name = f"{facts['capture_id']:08d}-{facts['step'] // PICTURES_PER_FOLDER}/{sample.key}.jpg"
        target = metadata.parent / name
        if target.parent != folder:
            folder = target.parent
            with disk_errors(str(folder), instead=CHOOSE_OUT):
                folder.mkdir(parents=True, exist_ok=True)
        place_picture(sample, target)
        line: dict[str, Any] = {"file_name": name} | flat_facts(sample)
        file.write(json.dumps(line, separators=(",", ":")).encode() + b"\n")
        n += 1
    return n


def count(file: IO[bytes]) -> int:
    """Return how many pictures a shard has. Raise InvalidInput if one is missing, or if it is not one of ours."""
    try:
        names = [str(json.loads(line)["file_name"]) for line in file]
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidInput("not a list of pictures", code="export.damaged") from error
    check_pictures(Path(file.name).parent, names, METADATA)
    return len(names)
