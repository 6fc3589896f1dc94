"""Verifies one shard of a data set of frames: it is there, unchanged, and has as many frames as were planned."""

from __future__ import annotations

from pathlib import Path

from tmxdb.errors import InvalidInput
from tmxdb.export.frames.formats import count_samples
from tmxdb.export.frames.plan import Shard
from tmxdb.export.frames.shard_records import ShardRecord
from tmxdb.storage.hashing_file import file_sha256


def shard_problem(out: Path, kind: str, shard: Shard, record: ShardRecord | None) -> str | None:
    """Return what is wrong with a shard, as the rest of a sentence; None if it is as it was written."""
    path = out / shard.file
    if record is not None and not record.sha256:  # all its runs were left out
        return None
    if record is None or not path.is_file():
        return "missing. Run the same export again to write it."
    if file_sha256(path) != record.sha256:
        return "its content has changed. Delete it and run the same export again."
    with path.open("rb") as file:
        try:
            frames = count_samples(kind, file)
        except InvalidInput as error:
            return f"{error}."
    expected = shard.frames - sum(run.frame_count for run in shard.captures if run.capture_id in record.left_out)
    return None if frames == record.frames == expected else f"expected {expected:,} frames, found {frames:,}."
