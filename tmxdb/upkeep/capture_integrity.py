"""Whether the folder of a capture is complete: pictures, manifest, metadata and telemetry."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tmxdb.capture.output.folder import replay_in
from tmxdb.capture.output.manifest import MANIFEST, METADATA
from tmxdb.capture.output.picture_check import stored_picture_problem
from tmxdb.capture.output.reader import is_complete_jpeg, read_frames, read_metadata, store_of
from tmxdb.capture.store.tar import TAR
from tmxdb.capture.store.video import VIDEO
from tmxdb.capture.telemetry.files import NAMES as TELEMETRY_NAMES
from tmxdb.capture.telemetry.files import read_telemetry
from tmxdb.capture.unreadable_file import raise_if_unreadable
from tmxdb.errors import InvalidInput
from tmxdb.storage import Storage, id_name
from tmxdb.storage.hashing_file import file_sha256
from tmxdb.upkeep.integrity import DAMAGED, MISSING, SUSPICIOUS, UNREADABLE, Problem

_LARGE_MANIFEST = 8 * 2**20
"""Bytes of a manifest above which it is read line by line, as captures write it. A smaller one may have other line
breaks: older scripts wrote some."""


def capture_problem(storage: Storage, folder: str, *, content: bool, replay_id: int | None = None) -> Problem | None:
    """Return None if the folder of a capture has its two JSON files, and every frame and the telemetry that they name.

    `replay_id`: the replay whose frames it must contain; None: any.
    `content`: also read the telemetry, check that each frame begins and ends like a JPEG (there is no digest of them),
    and decode the pictures of captures that did not count black and frozen ones themselves.
    """
    at = storage.absolute(folder)
    try:
        if not at.is_dir():
            return Problem(MISSING, "the folder does not exist")
        if replay_id is not None and (found_id := replay_in(at)) not in (None, replay_id):
            return Problem(DAMAGED, f"it contains the frames of replay {id_name(found_id or 0)}")
        if (store := _store(at)) is not None:
            return _store_problem(at, store, content=content)
        for name in (MANIFEST, METADATA):
            if not (at / name).is_file():
                return Problem(DAMAGED, f"{name} does not exist")
        for name, size in _frames(at):
            found = _size(at / name)
            if found is None or found < 2 or size not in (None, found):
                what = "does not exist" if found is None else f"has {found:,} bytes instead of {size or 'a picture'}"
                return Problem(DAMAGED, f"{name} {what}")
            if content and not is_complete_jpeg(at / name):
                return Problem(DAMAGED, f"{name} is not a complete JPEG")
        if found_in_telemetry := _telemetry_problem(at, content=content):
            return Problem(DAMAGED, found_in_telemetry)
        return _picture_problem(at, decode=content)
    except ValueError as error:
        return Problem(DAMAGED, f"{MANIFEST} {error}")
    except OSError as error:
        return Problem(UNREADABLE, error.strerror or str(error))


def _store(folder: Path) -> dict[str, Any] | None:
    """Return the one file with all pictures, as the metadata says; None if each picture has its own."""
    try:
        store = store_of(folder, read_metadata(folder))
    except InvalidInput as error:
        raise_if_unreadable(error)
        return None
    return store if isinstance(store, dict) and store.get("file") in (TAR, VIDEO) else None


def _store_problem(folder: Path, store: dict[str, Any], *, content: bool) -> Problem | None:
    """Return what is wrong with a capture in one file. `content`: also hash it and read every entry."""
    name = store["file"]
    found = _size(folder / name)
    if found is None or found != store.get("bytes"):
        what = "does not exist" if found is None else f"has {found:,} bytes instead of {store.get('bytes')}"
        return Problem(DAMAGED, f"{name} {what}")
    if name == VIDEO and not (folder / MANIFEST).is_file():
        return Problem(DAMAGED, f"{MANIFEST} does not exist")
    if content:
        if file_sha256(folder / name) != store.get("sha256"):
            return Problem(DAMAGED, f"the content of {name} has changed")
        try:
            frames, total = sum(1 for _ in read_frames(folder)), read_metadata(folder).get("total_frames")
        except InvalidInput as error:
            raise_if_unreadable(error)
            return Problem(DAMAGED, str(error).partition(". Run ")[0])
        if frames != total:
            return Problem(DAMAGED, f"{MANIFEST} has {frames:,} frames instead of {total}")
    if found_in_telemetry := _telemetry_problem(folder, content=content):
        return Problem(DAMAGED, found_in_telemetry)
    return _picture_problem(folder, decode=False)


def _picture_problem(folder: Path, *, decode: bool) -> Problem | None:
    found = stored_picture_problem(folder, decode=decode)
    if not found:
        return None
    return Problem(SUSPICIOUS, f"{found}; to capture it again, delete the folder and run verify --repair")


def _frames(folder: Path) -> Iterator[tuple[str, int | None]]:
    """Yield the name and, if the manifest has it, the size of each frame. Raise ValueError if it is not a manifest."""
    manifest = folder / MANIFEST
    if manifest.stat().st_size > _LARGE_MANIFEST:
        try:
            yield from ((frame.file, None) for frame in read_frames(folder))
        except InvalidInput as error:
            raise_if_unreadable(error)
            raise ValueError("is not a list of frames") from None
        return
    try:
        entries = json.loads(manifest.read_bytes())
    except (ValueError, RecursionError):
        raise ValueError("cannot be read") from None
    if isinstance(entries, dict):
        entries = entries.get("entries")
    for entry in entries if isinstance(entries, list) else [None]:
        facts = entry if isinstance(entry, dict) else {}
        name, size = facts.get("file"), facts.get("bytes")
        if not isinstance(name, str) or not _is_plain(name):
            raise ValueError("is not a list of frames")
        yield name, size if isinstance(size, int) else None


def _telemetry_problem(folder: Path, *, content: bool) -> str | None:
    """Return what is wrong with the telemetry that the metadata names; None if it is right, or if there is none."""
    try:
        telemetry = read_metadata(folder).get("telemetry")
    except InvalidInput as error:
        raise_if_unreadable(error)
        return f"{METADATA} cannot be read"
    if telemetry is None:
        return None
    name, ticks = (telemetry.get("file"), telemetry.get("ticks")) if isinstance(telemetry, dict) else (None, None)
    if name not in TELEMETRY_NAMES:
        return f"{METADATA} does not say which file has the telemetry"
    if not _size(folder / name) and not (folder / TAR).exists():
        return f"{name} does not exist"
    if not content:
        return None
    try:
        table = read_telemetry(folder, name)
    except InvalidInput as error:
        raise_if_unreadable(error)
        # A file that only another installation can read is not damaged.
        return None if error.code == "input.extra" else str(error).removeprefix(f"{folder / name}: ").partition(". ")[0]
    return None if len(table) == ticks else f"{name} has {len(table):,} ticks instead of {ticks}"


def _is_plain(name: str) -> bool:
    """Return whether it is a plain name in the same folder: a manifest may come from anyone."""
    return bool(name) and not set(name) & set("/\\:\0") and name not in (".", "..")


def _size(file: Path) -> int | None:
    try:
        found = file.stat()
    except FileNotFoundError:
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None
