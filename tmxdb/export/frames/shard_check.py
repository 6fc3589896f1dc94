"""Verifies one shard of a data set of frames: it is there, unchanged, and has as many frames as were planned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from tmxdb.errors import InvalidInput
from tmxdb.export.frames.formats import count_samples, has_pictures
from tmxdb.export.frames.plan import Shard
from tmxdb.export.frames.shard_records import ShardRecord
from tmxdb.export.hub_card import file_problem
from tmxdb.storage.hashing_file import file_sha256


def sums_beside(kind: str, shards: Sequence[Shard], sums: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return the sums of the files beside each shard, by the file of the shard. Older versions have written none."""
    files = {shard.file for shard in shards}
    folders = {str(PurePosixPath(file).parent): file for file in files} if has_pictures(kind) else {}
    found: dict[str, dict[str, str]] = {}
    for path, sha256 in sums.items():
        for folder in PurePosixPath(path).parents if path not in files else ():
            if str(folder) in folders:
                found.setdefault(folders[str(folder)], {})[path] = sha256
    return found


def shard_problem(
    out: Path, kind: str, shard: Shard, record: ShardRecord | None, beside: Mapping[str, str]
) -> str | None:
    """Return what is wrong with a shard, as the rest of a sentence; None if it is as it was written.

    `beside`: the sums of the files beside it.
    """
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
    if not frames == record.frames == expected:
        return f"expected {expected:,} frames, found {frames:,}."
    damaged = sum(file_problem(out, name, sha256) is not None for name, sha256 in beside.items())
    if damaged:
        return (
            f"{damaged:,} of the files beside it are missing or have changed. Delete {path.name} and run the same"
            " export again."
        )
    return None
