"""Pictures of frames as files of their own: links to those of the captures where the disk has links."""

from __future__ import annotations

import os
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from tmxdb.errors import InvalidInput
from tmxdb.export.frames.frame_samples import FrameSample
from tmxdb.storage import disk_errors, durable
from tmxdb.storage.os_errors import CHOOSE_OUT


def place_picture(sample: FrameSample, target: Path) -> None:
    """Link or write the JPEG of a sample to `target`, whose folder exists. Replace what is there. Raise DiskError."""
    with disk_errors(str(target), instead=CHOOSE_OUT):
        durable.unlink(target, missing_ok=True)
        with suppress(OSError):  # another disk, one without links, or a capture without files
            os.link(sample.run.folder / sample.file, target)
            return
        with target.open("xb") as file:
            file.write(sample.jpeg)
            file.flush()
            os.fsync(file.fileno())


def remove_pictures(folder: Path) -> None:
    """Delete the folder of a shard whose runs are left out after all, and the one above it if it is empty then."""
    with disk_errors(str(folder), instead=CHOOSE_OUT):
        durable.remove_tree(folder)
        with suppress(OSError):
            folder.parent.rmdir()


def check_pictures(folder: Path, names: Collection[str], index: str) -> None:
    """Raise InvalidInput if a picture that the file `index` lists is not in `folder`. Names may have one folder."""
    listed = {"": set(os.listdir(folder))}
    missing = 0
    for name in names:
        below, _, last = name.rpartition("/")
        if below not in listed:
            try:
                listed[below] = set(os.listdir(folder / below))
            except OSError:
                listed[below] = set()
        missing += last not in listed[below]
    if missing:
        raise InvalidInput(
            f"{missing:,} of its pictures are missing. Delete {index} and run the same export again",
            code="export.damaged",
        )
