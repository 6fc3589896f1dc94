"""Changes how the pictures of a finished capture are stored: files, a tar or a video, in either direction.

New files are complete and durable in the folder before `metadata.json` names them, and old ones are deleted last. A
video takes the place of another one: `metadata.json` describes both before (`store_of`). So a conversion may be
interrupted at any moment, and readers find one of both.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tmxdb.capture.output.actions import action_index
from tmxdb.capture.output.folder import working_folder
from tmxdb.capture.output.manifest import MANIFEST, METADATA
from tmxdb.capture.output.reader import (
    CapturedFrame,
    read_frames,
    read_image,
    read_jpeg,
    read_manifest,
    read_metadata,
    store_of,
)
from tmxdb.capture.settings import parse_settings
from tmxdb.capture.store.tar import MANIFEST_MEMBER, METADATA_MEMBER, TAR, TELEMETRY_MEMBER, TarWriter, read_member
from tmxdb.capture.store.video import VIDEO, VideoWriter, close_videos
from tmxdb.capture.telemetry.files import NAMES
from tmxdb.errors import DiskError, InvalidInput
from tmxdb.storage import Storage, disk_errors, durable, sync_folder, write_atomic
from tmxdb.storage.os_errors import CHOOSE_DATA


@dataclass(frozen=True, slots=True)
class Converted:
    """What a conversion did. `lossless`: the pictures are what they were; `same_bytes`: so are their JPEGs."""

    lossless: bool
    same_bytes: bool
    bytes_before: int
    bytes_after: int


def stored_as(folder: Path) -> str:
    """Return how the pictures of a captured folder are stored: one of STORES. Raise InvalidInput if it is damaged."""
    with disk_errors(str(folder), reading=True):
        store = store_of(folder, read_metadata(folder))
    if store is None:
        return "files"
    kind = store.get("kind") if isinstance(store, dict) else None
    if kind not in ("tar", "video"):
        raise InvalidInput(f"{folder / METADATA}: does not say how the pictures are stored.", code="capture.damaged")
    return "video-lossless" if store.get("lossless") else str(kind)


def loses(source: str, target: str) -> str | None:
    """Return what a conversion between two of STORES loses; None if nothing."""
    if source == target or {source, target} <= {"files", "tar"}:
        return None
    if target == "video":
        return "the pictures are compressed again"
    if target == "video-lossless":
        return "the pictures stay as they are; the original JPEG bytes cannot be recovered"
    return "the pictures of the video are compressed again, as JPEGs of quality 95"


def convert(storage: Storage, path: str, target: str, *, owner: str) -> Converted | None:
    """Store the capture at `path` as `target`, one of STORES. Return None if it is stored so already.

    Raise InvalidInput if the folder is damaged, cannot be converted, or if a package is missing; DiskError.
    """
    folder = storage.absolute(path)
    storage.identity.check()
    check_convertible(folder, path, target)
    source, metadata = stored_as(folder), read_metadata(folder)
    if source == target:
        with disk_errors(path):
            if metadata.get("store") != (store := store_of(folder, metadata)):  # a conversion was killed
                _write_metadata(folder, metadata, store)
            _remove_others(folder, target)
        return None
    work = working_folder(storage) / f"{owner}~convert-{'-'.join(path.split('/')[1:])}"
    with disk_errors(path):
        before = _size_of(folder)
        durable.remove_tree(work)
        storage.make_folder(str(work.parent))
        os.mkdir(work)
        try:
            store = _write(folder, work, target, metadata)
            with storage.lock(path):
                if store is not None and source.startswith("video") and target.startswith("video"):
                    _write_metadata(folder, metadata, {**store_of(folder, metadata), "next": store})
                _move_in(work, folder)
                _check_complete(folder, path, target, metadata, store)
                _write_metadata(folder, metadata, store)
                _remove_others(folder, target)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    why = loses(source, target)
    return Converted(
        lossless=why is None or target == "video-lossless",
        same_bytes=why is None,
        bytes_before=before,
        bytes_after=_size_of(folder),
    )


def check_convertible(folder: Path, path: str, target: str) -> None:
    """Raise InvalidInput if the metadata lacks what a conversion reads, or if there are files that it cannot keep."""
    metadata = read_metadata(folder)
    numbers = ("total_frames", "fps", "width", "height", "replay_id")
    telemetry = metadata.get("telemetry")
    is_whole = (
        isinstance(metadata.get("settings"), dict)
        and all(isinstance(metadata.get(name), int) for name in numbers)
        and (telemetry is None or (isinstance(telemetry, dict) and telemetry.get("file") in NAMES))
    )
    if not is_whole:
        raise InvalidInput(
            f"{folder / METADATA}: is not what a capture writes. Run `tmxdb verify --repair` to capture it again.",
            code="capture.damaged",
        )
    settings = parse_settings(json.dumps(metadata["settings"]))
    if target not in ("files", stored_as(folder)) and (settings.per_frame_json or settings.manifest == "rulka"):
        raise InvalidInput(
            f"{path}: not converted. Its JSON files or its manifest for rulka need a file for each picture.",
            code="input.store",
        )


def _check_complete(
    folder: Path, path: str, target: str, metadata: Mapping[str, Any], store: Mapping[str, Any] | None
) -> None:
    """Raise DiskError unless all files of the target are in the folder. Only then may the others be deleted."""
    if store is not None:
        names = [store["file"], *([] if target == "tar" else [MANIFEST])]
    else:
        names = [MANIFEST, *(frame.file for frame in read_frames(folder))]
    if metadata.get("telemetry") and target != "tar":
        names.append(metadata["telemetry"]["file"])
    there = {entry.name for entry in os.scandir(folder)}
    missing = [name for name in names if name not in there]
    if missing:
        raise DiskError(
            f"{path}: {missing[0]} was deleted while the capture was converted. No picture is lost. Run the same"
            " command again."
        )


def _write(folder: Path, work: Path, target: str, metadata: dict[str, Any]) -> dict[str, Any] | None:
    """Write the files of the target into `work`. Return `store` of the metadata.

    The manifest is read twice, because its entries take several times as much memory as its text.
    """
    described = metadata.get("telemetry")
    telemetry_name = described["file"] if described else None
    total = sum(1 for _ in read_frames(folder))
    if total != metadata["total_frames"]:
        raise InvalidInput(
            f"{folder}: expected {metadata['total_frames']} frames, found {total}. Run `tmxdb verify --repair`.",
            code="capture.damaged",
        )
    if target == "tar":
        return _write_tar(folder, work, metadata, telemetry_name)
    _write_file(work / MANIFEST, _manifest(folder))
    if telemetry_name:
        _write_file(work / telemetry_name, _telemetry(folder, telemetry_name))
    if target == "files":
        for frame in read_frames(folder):
            _write_file(work / frame.file, read_jpeg(folder, frame))
        return None
    video = VideoWriter(
        work / VIDEO,
        fps=metadata["fps"],
        width=metadata["width"],
        height=metadata["height"],
        lossless=target == "video-lossless",
    )
    try:
        for frame in read_frames(folder):
            video.add(read_image(folder, frame))
        store = video.finish()
    finally:
        with suppress(OSError):
            video.close()
    with (work / VIDEO).open("r+b") as file:
        os.fsync(file.fileno())
    return store


def _write_tar(folder: Path, work: Path, metadata: dict[str, Any], telemetry_name: str | None) -> dict[str, Any]:
    writer = TarWriter(work, metadata["replay_id"])
    try:
        for frame in read_frames(folder):
            entry = json.dumps(frame.entry, separators=(",", ":")).encode()
            action = _action(folder, frame)
            writer.add_jpeg(frame.file.removesuffix(".jpeg"), entry, action, read_jpeg(folder, frame))
        store = writer.finish(_members(folder, metadata, telemetry_name))
        os.fsync(writer.file.fileno())
        return store
    finally:
        writer.close()


def _action(folder: Path, frame: CapturedFrame) -> int:
    try:
        return action_index(**frame.entry["inputs"])
    except (KeyError, TypeError):
        raise InvalidInput(
            f"{folder / MANIFEST}: {frame.file} has no inputs. Run `tmxdb verify --repair` to capture it again.",
            code="capture.damaged",
        ) from None


def _members(folder: Path, metadata: dict[str, Any], telemetry_name: str | None) -> dict[str, bytes]:
    """Return what a tar contains besides its frames."""
    inner = json.dumps({**metadata, "store": None}, indent=2, ensure_ascii=False) + "\n"
    members = {MANIFEST_MEMBER: _manifest(folder), METADATA_MEMBER: inner.encode()}
    if telemetry_name:
        members[TELEMETRY_MEMBER] = _telemetry(folder, telemetry_name)
    return members


def _manifest(folder: Path) -> bytes:
    with disk_errors(str(folder / MANIFEST), reading=True):
        return read_manifest(folder)


def _telemetry(folder: Path, name: str) -> bytes:
    with disk_errors(str(folder / name), reading=True):
        try:
            return (folder / name).read_bytes()
        except FileNotFoundError:
            return read_member(folder, TELEMETRY_MEMBER)


def _write_file(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _write_metadata(folder: Path, metadata: Mapping[str, Any], store: Mapping[str, Any] | None) -> None:
    facts = {name: value for name, value in metadata.items() if name != "store"} | {"store": store}
    text = json.dumps(facts, indent=2, ensure_ascii=False) + "\n"
    write_atomic(folder / METADATA, text.encode(), instead=CHOOSE_DATA)
    sync_folder(str(folder))


def _move_in(work: Path, folder: Path) -> None:
    close_videos()
    for entry in sorted(work.iterdir()):
        durable.replace(entry, folder / entry.name)
    sync_folder(str(folder))


def _remove_others(folder: Path, kept: str) -> None:
    """Delete the files of other ways to store pictures."""
    close_videos()
    for entry in list(_others(folder, kept)):
        durable.unlink(entry, missing_ok=True)


def _others(folder: Path, kept: str) -> Iterator[Path]:
    for entry in folder.iterdir():
        is_picture = entry.name.startswith("frame_") and entry.suffix in (".jpeg", ".json")
        is_beside = entry.name == MANIFEST or entry.name.startswith("telemetry.")
        if (
            (is_picture and kept != "files")
            or (is_beside and kept == "tar")
            or (entry.name == TAR and kept != "tar")
            or (entry.name == VIDEO and not kept.startswith("video"))
        ):
            yield entry


def _size_of(folder: Path) -> int:
    return sum(entry.stat().st_size for entry in os.scandir(folder) if entry.is_file())
