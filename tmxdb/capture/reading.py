"""A folder of captured frames, read again: for those who export it, draw it or check it.

What lies there may have been changed by hand since: whatever is not as it was written is told in one sentence.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tmxdb.capture.manifest import MANIFEST, METADATA
from tmxdb.errors import BadInput

LARGEST_METADATA = 2**20
LONGEST_ENTRY = 2**20
"""Characters; real entries have about 900, and 8 more for each checkpoint."""
_NAME = re.compile(r"frame_\d{5,10}_\d{1,10}ms\.jpeg", re.ASCII)


@dataclass(frozen=True, slots=True)
class CapturedFrame:
    """One entry of a manifest. `entry` is all of it, as the schema has it."""

    file: str
    step: int
    time_ms: int
    entry: Mapping[str, Any]

    @property
    def position(self) -> tuple[float, float, float]:
        """Metres, y is up."""
        x, y, z = self.entry["state"]["position"]
        return x, y, z

    @property
    def speed_kmh(self) -> float:
        return float(self.entry["state"]["speed_kmh"])


def read_metadata(folder: Path) -> dict[str, Any]:
    """The facts of the whole run. Raises BadInput if they are not there or can not be read."""
    path = folder / METADATA
    try:
        with path.open("rb") as file:
            document = json.loads(file.read(LARGEST_METADATA))
        if not isinstance(document, dict):
            raise ValueError
    except OSError as error:
        raise _damaged(path, error.strerror or "can not be read") from error
    except (ValueError, RecursionError) as error:
        raise _damaged(path, "is not what a capture writes") from error
    return document


def captured_frames(folder: Path) -> Iterator[CapturedFrame]:
    """The frames in the order of time, read line by line: a long run has a manifest of hundreds of megabytes.

    Raises BadInput where the manifest is not what a capture writes: an array, one entry a line.
    """
    path = folder / MANIFEST
    try:
        with path.open(encoding="utf-8") as file:
            yield from _entries(path, file)
    except (OSError, UnicodeDecodeError) as error:
        raise _damaged(path, getattr(error, "strerror", None) or "is no text") from error


def read_frame(folder: Path, frame: CapturedFrame) -> bytes:
    """The JPEG of a frame, as it lies there. Raises BadInput unless it begins and ends as a JPEG does."""
    path = folder / frame.file
    try:
        data = path.read_bytes()
    except OSError as error:
        raise _damaged(path, error.strerror or "can not be read") from error
    if not (data.startswith(b"\xff\xd8") and data.endswith(b"\xff\xd9")):
        raise _damaged(path, "is no whole JPEG")
    return data


def _entries(path: Path, file: Any) -> Iterator[CapturedFrame]:
    last, closed = -1, False
    for number, line in enumerate(iter(lambda: file.readline(LONGEST_ENTRY), "")):
        text = line.strip()
        if number == 0:
            if not text.startswith("["):
                raise _damaged(path, "does not begin as a manifest")
            text = text[1:].strip()
        if text.endswith("]") and not text.endswith("}]"):
            text, closed = text[:-1].strip(), True
        elif text.endswith("}]"):
            text, closed = text[:-1], True
        if text:
            frame = _frame(path, number + 1, text.removesuffix(","))
            if frame.step <= last:
                raise _damaged(path, f"has step {frame.step} twice or out of order (line {number + 1})")
            last = frame.step
            yield frame
    if not closed:
        raise _damaged(path, "is cut off")


def _frame(path: Path, line: int, text: str) -> CapturedFrame:
    try:
        entry = json.loads(text)
        file, step, time_ms = entry["file"], entry["step"], entry["time_ms"]
        if not (isinstance(step, int) and isinstance(time_ms, int) and len(entry["state"]["position"]) == 3):
            raise ValueError
        if not _NAME.fullmatch(file):  # it becomes a path: nothing else may pass
            raise ValueError
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _damaged(path, f"has something else than a frame in line {line}") from error
    return CapturedFrame(file, step, time_ms, entry)


def _damaged(path: Path, what: str) -> BadInput:
    return BadInput(
        f"{path}: {what}. `tmxdb verify` finds what is missing, `--mend` has it captured again.",
        code="capture.damaged",
    )
