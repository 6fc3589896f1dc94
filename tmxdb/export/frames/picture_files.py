"""Pictures of frames as files of their own: links to those of the captures where the disk has links."""

from __future__ import annotations

import os
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from tmxdb.capture.output.reader import is_complete_jpeg
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
    """Raise InvalidInput if a picture that the file `index` lists is not in `folder`, or not a complete JPEG."""
    damaged = sum(not _is_there(folder / name) for name in names)
    if damaged:
        raise InvalidInput(
            f"{damaged:,} of its pictures are missing or cut short. Delete {index} and run the same export again",
            code="export.damaged",
        )


def _is_there(path: Path) -> bool:
    try:
        return is_complete_jpeg(path)
    except OSError:  # missing, or shorter than the markers
        return False
