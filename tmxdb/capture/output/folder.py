"""Writes the folder of one capture. It gets its final name when it is complete and durable, and is adopted if it
exists.

    DATA/frames/{track_id}/{replay_name}/   frame_<step>_<time_ms>ms.jpeg, manifest.json, metadata.json
    DATA/.partial/{worker}~…/               while it is being written; removed when its worker is gone

rulka takes each folder in `frames` for a track. Unfinished folders are in it only if it is on another disk, because a
rename cannot cross disks.

Captures of one replay with different settings have different folders: all but the first have a hash of their settings
in the name.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from tmxdb.capture.output.file_syncer import FileSyncer
from tmxdb.capture.output.manifest import FORMAT_VERSION, MANIFEST, METADATA, CaptureMetadata, FrameRecord
from tmxdb.capture.output.reader import read_frames, store_of
from tmxdb.capture.output.rulka import closing_lines
from tmxdb.capture.settings import CaptureSettings
from tmxdb.capture.store.tar import MANIFEST_MEMBER, METADATA_MEMBER, TELEMETRY_MEMBER, TarWriter
from tmxdb.capture.store.video import VIDEO, VideoWriter
from tmxdb.capture.telemetry.files import describe, file_name, write_telemetry
from tmxdb.capture.telemetry.table import TelemetryTable
from tmxdb.errors import InvalidInput
from tmxdb.storage import PARTIAL, Storage, disk_errors, durable, id_name, safe_name, sync_folder
from tmxdb.storage.new_file import write_all

FRAMES = "frames"
MANIFEST_BEGINS = {"list": b"[\n", "rulka": b'{"entries":[\n'}
JPEG_END = b"\xff\xd9"
"""Marker "end of image": ITU T.81, table B.1."""


def folder_path(track_id: int, replay_id: int, replay_name: str, settings: str, *, is_first: bool) -> str:
    """Return the path of a capture's folder in the data folder. No other capture has the same.

    It has the name of the replay's file. A file that was adopted in place may have a name that another replay of its
    track has too, so the id of the replay follows if it is not in the name. `settings` is the text of its row.
    `is_first`: whether it is the first capture of this replay.
    """
    name, own = safe_name(replay_name, at_most=100), id_name(replay_id)
    if not re.search(rf"(?<!\d){own}(?!\d)", name):
        name += f"-{own}"
    if not is_first:
        name += "-" + hashlib.sha256(settings.encode()).hexdigest()[:10]
    return f"{FRAMES}/{id_name(track_id)}/{name}"


def replay_in(folder: Path) -> int | None:
    """Return the replay whose frames are in a captured folder, as its metadata says; None if it does not say."""
    try:
        replay_id = json.loads((folder / METADATA).read_bytes())["replay_id"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return replay_id if isinstance(replay_id, int) else None


def read_complete(storage: Storage, path: str, replay_id: int, settings: CaptureSettings) -> dict[str, Any] | None:
    """Return the metadata of the folder at `path` if it is complete and belongs to this capture, else None.

    Another worker that lost its claim may be about to replace the folder: the lock waits for that one. Raise DiskError
    if the folder is there and cannot be read.
    """
    with storage.lock(path), disk_errors(path, reading=True):
        return _read_complete(storage.absolute(path), replay_id, settings)


def _read_complete(folder: Path, replay_id: int, settings: CaptureSettings) -> dict[str, Any] | None:
    try:
        metadata = json.loads((folder / METADATA).read_bytes())
        if not _is_same(metadata, replay_id, settings):
            return None
        store = store_of(folder, metadata)
        if store is not None and (folder / store["file"]).stat().st_size != store["bytes"]:
            return None
        if store is not None and store["kind"] == "tar":
            return dict(metadata)
        sizes = {item.name: item.stat().st_size for item in os.scandir(folder)}
        if metadata["total_frames"] != _frames_there(folder, None if store is not None else sizes):
            return None
        telemetry = metadata.get("telemetry")
        if telemetry is not None and not sizes.get(telemetry["file"], 0):
            return None
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError, ValueError, KeyError, TypeError):
        return None  # other errors of reading say nothing about the folder, which must not be replaced then
    return dict(metadata)


def _frames_there(folder: Path, sizes: Mapping[str, int] | None) -> int | None:
    """Return the number of frames in the manifest; None if it is damaged, or a picture is missing or empty.

    `sizes`: those of the pictures by name; None if they have no files of their own. Raise OSError.
    """
    n = 0
    try:
        for frame in read_frames(folder):
            if sizes is not None and not sizes.get(frame.file, 0):
                return None
            n += 1
    except InvalidInput as error:
        if isinstance(error.__cause__, OSError):  # the disk, not the manifest
            raise error.__cause__ from None
        return None
    return n


def _is_same(metadata: dict[str, Any], replay_id: int, settings: CaptureSettings) -> bool:
    expected = {"format_version": FORMAT_VERSION, "replay_id": replay_id, "settings": settings.to_dict()}
    return all(metadata[name] == value for name, value in expected.items())


class CaptureFolder:
    """A folder that is being written. `add` and `clear` are called by one thread, the encoder's."""

    def __init__(
        self, storage: Storage, path: str, settings: CaptureSettings, *, owner: str, replay_id: int = 0
    ) -> None:
        """`replay_id`: part of the names in a tar. Raise InvalidInput if a package is missing."""
        self._replay_id = replay_id
        self._tar: TarWriter | None = None
        self._video: VideoWriter | None = None
        self._storage, self._path, self._settings = storage, path, settings
        self._final = storage.absolute(path)
        below = "-".join(path.split("/")[1:])
        self._partial = working_folder(storage) / f"{owner}~{below}"
        self._manifest: BinaryIO | None = None
        self._syncer = FileSyncer()
        self._telemetry = TelemetryTable()
        self._times: list[int] = []
        with disk_errors(path):
            storage.make_folder(str(self._partial.parent))
            self._begin()

    def add(
        self, record: FrameRecord, write: Callable[[BinaryIO], object], image: Callable[[], Any] | None = None
    ) -> None:
        """Write a frame and its entry in the manifest. `write` writes the picture as JPEG; a video needs `image`."""
        assert self._manifest is not None
        entry = record.to_json().encode()
        with disk_errors(self._path):
            if self._tar is not None:
                self._tar.add(record.stem, entry, record.action_idx, partial(_write_checked, write))
            elif self._video is not None:
                assert image is not None
                self._video.add(image())
            else:
                self._write_file(record.file, write, _check_jpeg_end)
            if self._settings.per_frame_json:
                self._write_file(f"{record.stem}.json", partial(_append, entry + b"\n"))
            self._manifest.write((b",\n" if self._times else b"") + entry)
            self._times.append(record.time_ms)

    @property
    def frames(self) -> int:
        """How many frames were added."""
        return len(self._times)

    def add_telemetry(self, table: TelemetryTable) -> dict[str, Any] | None:
        """Write the telemetry of the run. Return its description for the metadata; None if there are no ticks."""
        if not len(table):
            return None
        name, self._telemetry = file_name(), table
        with disk_errors(self._path):
            self._write_file(name, partial(write_telemetry, table, name=name))
        return describe(table, name, self._settings.telemetry_hz)

    def clear(self) -> None:
        """Remove all frames: the race starts over."""
        with disk_errors(self._path):
            self.close()
            self._begin()

    def publish(self, metadata: CaptureMetadata, confirm: Callable[[], None] = lambda: None) -> None:
        """Make the folder complete and durable under its final name, replacing an older one.

        The last thing before the row says `done`. `confirm` is called just before the rename, under the lock of the
        final name, and raises if the folder must not be published. Raise DiskError if the data folder is no longer
        the same.
        """
        assert self._manifest is not None
        self._storage.identity.check()
        with disk_errors(self._path):
            self._close_manifest(self._manifest)
            self._manifest.flush()
            os.fsync(self._manifest.fileno())
            self._manifest.close()
            metadata = replace(metadata, store=self._close_store(metadata))
            self._write_file(METADATA, partial(_append, metadata.to_json(self._settings).encode()))
            self._syncer.finish()
            sync_folder(str(self._partial))
            self._storage.make_folder(str(self._final.parent))
            with self._storage.lock(self._path):
                confirm()
                self._remove_older()
                durable.rename(self._partial, self._final)
            sync_folder(str(self._final.parent))

    def discard(self) -> None:
        """Remove everything that was not published."""
        self.close()
        shutil.rmtree(self._partial, ignore_errors=True)

    def close(self) -> None:
        """Close all files. What was not published stays until the next sweep of temporary files."""
        self._syncer.stop()
        for store in (self._tar, self._video):
            if store is not None:
                with suppress(OSError):
                    store.close()
        self._tar = self._video = None
        if self._manifest is not None:
            with suppress(OSError):
                self._manifest.close()

    def _begin(self) -> None:
        durable.remove_tree(self._partial)
        os.mkdir(self._partial)
        self._manifest = open(self._partial / MANIFEST, "wb")  # noqa: SIM115 (closed by publish or discard)
        self._manifest.write(MANIFEST_BEGINS[self._settings.manifest])
        self._syncer = FileSyncer()
        self._times = []
        settings = self._settings
        if settings.store == "tar":
            self._tar = TarWriter(self._partial, self._replay_id)
        elif settings.store != "files":
            self._video = VideoWriter(
                self._partial / VIDEO,
                fps=settings.fps,
                width=settings.width,
                height=settings.height,
                lossless=settings.store == "video-lossless",
            )

    def _close_store(self, metadata: CaptureMetadata) -> dict[str, Any] | None:
        """End the file with all pictures, and sync it soon. Return its description, or None without one."""
        if self._tar is not None:
            self._syncer.finish()  # closes the telemetry
            members = {
                MANIFEST_MEMBER: (self._partial / MANIFEST).read_bytes(),
                METADATA_MEMBER: metadata.to_json(self._settings).encode(),
            }
            if metadata.telemetry is not None:
                telemetry = self._partial / metadata.telemetry["file"]
                members[TELEMETRY_MEMBER] = telemetry.read_bytes()
                telemetry.unlink()
            described = self._tar.finish(members)
            (self._partial / MANIFEST).unlink()
            self._syncer.add(self._tar.file)
            self._tar = None
            return described
        if self._video is not None:
            described = self._video.finish()
            self._video = None
            self._syncer.add(open(self._partial / VIDEO, "r+b"))  # noqa: SIM115 (closed by the syncer)
            return described
        return None

    def _close_manifest(self, manifest: BinaryIO) -> None:
        manifest.write(b"\n" if self._times else b"")
        if self._settings.manifest == "list":
            manifest.write(b"]\n")
            return
        manifest.write(b"],\n")
        for line in closing_lines(self._telemetry, self._settings, self._times):
            manifest.write(line)

    def _write_file(
        self, name: str, write: Callable[[BinaryIO], object], check: Callable[[BinaryIO], object] = lambda file: None
    ) -> None:
        file: Any = open(f"{self._partial}{os.sep}{name}", "x+b", buffering=0)  # noqa: SIM115 (closed by the syncer)
        try:
            write(file)
            check(file)
        except BaseException:
            file.close()
            raise
        self._syncer.add(file)

    def _remove_older(self) -> None:
        """Remove an older folder of this name. It is incomplete or has other settings, and the new one is complete."""
        if self._final.exists():
            older = self._partial.with_name(f"{self._partial.name}.old")
            shutil.rmtree(older, ignore_errors=True)
            durable.rename(self._final, older)
            shutil.rmtree(older, ignore_errors=True)


def working_folder(storage: Storage) -> Path:
    """Return the folder for unfinished captures, and remove that of earlier versions if it is empty."""
    frames = storage.root / FRAMES
    with suppress(OSError):
        if os.stat(frames).st_dev != os.stat(storage.root).st_dev:
            return frames / PARTIAL
        os.rmdir(frames / PARTIAL)
    return storage.root / PARTIAL


def _append(data: bytes, file: BinaryIO) -> None:
    write_all(file, data)


def _write_checked(write: Callable[[BinaryIO], object], file: BinaryIO) -> None:
    write(file)
    _check_jpeg_end(file)


def _check_jpeg_end(file: BinaryIO) -> None:
    """Raise OSError if the picture was cut short: Pillow ignores a short write to a disk that is nearly full."""
    file.seek(-len(JPEG_END), os.SEEK_END)
    if file.read(len(JPEG_END)) != JPEG_END:
        raise OSError(errno.ENOSPC, "the disk took only part of a picture")
