"""The record of finished shards: one line for each, appended when the shard is complete."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

DONE = "export.done.jsonl"


@dataclass(frozen=True, slots=True)
class ShardRecord:
    """A finished shard. `left_out`: runs that it does not contain after all, by capture id, with the reason.

    `frames`: those of its runs, of which `dropped` are in no row because the format cannot contain them; None: written
    by a version that did not count them.
    """

    file: str
    frames: int
    bytes: int
    sha256: str
    left_out: dict[int, str] = field(default_factory=dict)
    dropped: int | None = None


def read_records(out: Path) -> tuple[dict[str, ShardRecord], int]:
    """Return the finished shards by file name, and how many lines cannot be read, such as one that was cut short."""
    try:
        lines = (out / DONE).read_text("utf-8", errors="replace").splitlines(keepends=True)
    except FileNotFoundError:
        return {}, 0
    records, damaged = {}, 0
    for line in lines:
        try:
            row: dict[str, Any] = json.loads(line)
            left_out = {int(capture): str(why) for capture, why in row.pop("left_out").items()}
            record = ShardRecord(**row, left_out=left_out)
            records[record.file] = record
            damaged += not line.endswith("\n")  # complete, but the next record would be appended to it
        except (ValueError, KeyError, TypeError, AttributeError):
            damaged += 1
    return records, damaged


def record_line(record: ShardRecord) -> str:
    """Return the line of a finished shard."""
    return json.dumps(asdict(record)) + "\n"
