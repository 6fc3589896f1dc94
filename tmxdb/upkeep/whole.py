"""Is what a row promises on the disk, and right? Asked for one row by `show`, for all of them by `verify`."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tmxdb.capture.manifest import MANIFEST, METADATA
from tmxdb.capture.reading import captured_frames
from tmxdb.errors import BadInput
from tmxdb.storage import Storage

MISSING, DAMAGED, UNREADABLE = "missing", "damaged", "unreadable"
_LARGE_MANIFEST = 8 * 2**20
"""Bytes of a manifest from which on it is read line by line, as captures write it. A smaller one may be of another
hand: older scripts wrote it with other gaps."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a file: `missing`, `damaged`, or `unreadable` (the system does not let us look)."""

    what: str
    why: str


def file_problem(storage: Storage, path: str, size: int, sha256: str | None) -> Problem | None:
    """None if `path` has `size` bytes and, unless that is None, the content `sha256`."""
    file = storage.absolute(path)
    try:
        found = os.stat(file)
        if not stat.S_ISREG(found.st_mode):
            return Problem(DAMAGED, "it is not a file")
        if found.st_size != size:
            return Problem(DAMAGED, f"{found.st_size} bytes, not {size}")
        if sha256 is not None and _sha256(file) != sha256:
            return Problem(DAMAGED, "other bytes than were stored")
    except (FileNotFoundError, NotADirectoryError):
        return Problem(MISSING, "it is not there")
    except OSError as error:
        return Problem(UNREADABLE, error.strerror or str(error))
    return None


def capture_problem(storage: Storage, folder: str, *, content: bool) -> Problem | None:
    """None if the folder of a capture has its two JSON files and every frame that its manifest names; `content`: and
    each begins and ends as a JPEG does (there is no digest of them)."""
    at = storage.absolute(folder)
    try:
        if not at.is_dir():
            return Problem(MISSING, "the folder is not there")
        for name in (MANIFEST, METADATA):
            if not (at / name).is_file():
                return Problem(DAMAGED, f"{name} is not there")
        for name, size in _frames(at):
            found = _size(at / name)
            if found is None or found < 2 or size not in (None, found):
                what = "is not there" if found is None else f"has {found} bytes, not {size or 'a picture'}"
                return Problem(DAMAGED, f"{name} {what}")
            if content and not _is_jpeg(at / name):
                return Problem(DAMAGED, f"{name} is no whole JPEG")
    except ValueError as error:
        return Problem(DAMAGED, f"{MANIFEST} {error}")
    except OSError as error:
        return Problem(UNREADABLE, error.strerror or str(error))
    return None


def _frames(folder: Path) -> Iterator[tuple[str, int | None]]:
    """Name and, where it is told, size of each frame. Raises ValueError for what is no manifest."""
    manifest = folder / MANIFEST
    if manifest.stat().st_size > _LARGE_MANIFEST:
        try:
            yield from ((frame.file, None) for frame in captured_frames(folder))
        except BadInput:
            raise ValueError("is not a list of frames") from None
        return
    try:
        entries = json.loads(manifest.read_bytes())
    except (ValueError, RecursionError):
        raise ValueError("can not be read") from None
    for entry in entries if isinstance(entries, list) else [None]:
        facts = entry if isinstance(entry, dict) else {}
        name, size = facts.get("file"), facts.get("bytes")
        if not isinstance(name, str) or not _is_plain(name):
            raise ValueError("is not a list of frames")
        yield name, size if isinstance(size, int) else None


def _is_jpeg(file: Path) -> bool:
    """Whether it has the marks SOI and EOI of a JPEG at its ends (ITU T.81, table B.1)."""
    with open(file, "rb") as opened:
        begins = opened.read(2)
        opened.seek(-2, os.SEEK_END)
        return begins == b"\xff\xd8" and opened.read(2) == b"\xff\xd9"


def _is_plain(name: str) -> bool:
    """A name in this very folder: a manifest may have come from anywhere."""
    return bool(name) and not set(name) & set("/\\:\0") and name not in (".", "..")


def _size(file: Path) -> int | None:
    try:
        found = file.stat()
    except FileNotFoundError:
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None


def _sha256(file: Path) -> str:
    with open(file, "rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
