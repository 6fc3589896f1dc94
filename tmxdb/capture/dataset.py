"""The folder of one capture: built aside, whole and durable when it gets its name, and known again when it is there.

    DATA/frames/{track_id}/{replay_name}/   frame_<step>_<time_ms>ms.jpeg, manifest.json, metadata.json
    DATA/frames/.partial/{worker}~…/        while it is being made; swept when its worker is gone

Two captures of one replay have different settings; all but the first have a hash of theirs behind the name.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import queue
import shutil
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, BinaryIO

from tmxdb.capture.manifest import FORMAT_VERSION, MANIFEST, METADATA, FrameLabel, Metadata
from tmxdb.capture.settings import CaptureSettings
from tmxdb.storage import PARTIAL, Storage, disk_errors, safe_name, sync_folder

FRAMES = "frames"
UNSYNCED = 128
"""Files that may wait to be durable: their handles are open."""
JPEG_END = b"\xff\xd9"
"""Its marker "end of image" (ITU T.81, table B.1)."""


def folder_path(track_id: int, replay_name: str, settings: str, *, is_first: bool) -> str:
    """Where a capture's frames go, in the data folder. `settings`: as in its row; `is_first` of this replay."""
    name = safe_name(replay_name, at_most=100)
    if not is_first:
        name += "-" + hashlib.sha256(settings.encode()).hexdigest()[:10]
    return f"{FRAMES}/{track_id}/{name}"


def whole(storage: Storage, path: str, replay_id: int, settings: CaptureSettings) -> dict[str, Any] | None:
    """The metadata of the folder at `path`, if it is whole and of this very capture."""
    folder = storage.absolute(path)
    try:
        metadata = json.loads((folder / METADATA).read_bytes())
        entries = json.loads((folder / MANIFEST).read_bytes())
        wanted = {"format_version": FORMAT_VERSION, "replay_id": replay_id, "settings": settings.to_dict()}
        if any(metadata[name] != value for name, value in wanted.items()):
            return None
        if metadata["total_frames"] != len(entries):
            return None
        sizes = {item.name: item.stat().st_size for item in os.scandir(folder)}
        if not all(sizes.get(entry["file"], 0) for entry in entries):
            return None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return dict(metadata)


class Dataset:
    """A folder being made. `add` and `clear` are called by one thread, the encoder's."""

    def __init__(self, storage: Storage, path: str, settings: CaptureSettings, *, owner: str) -> None:
        self._storage, self._path, self._settings = storage, path, settings
        self._final = storage.absolute(path)
        below = "-".join(path.split("/")[1:])
        self._partial = storage.root / FRAMES / PARTIAL / f"{owner}~{below}"
        self._manifest: BinaryIO | None = None
        self._syncer = _Syncer()
        self.frames = 0
        with disk_errors(path):
            storage.make_folder(str(self._partial.parent))
            self._begin()

    def add(self, label: FrameLabel, write: Callable[[BinaryIO], object]) -> None:
        """Write a frame down, and its entry in the manifest. `write` puts the picture into its file."""
        assert self._manifest is not None
        entry = label.to_json().encode()
        with disk_errors(self._path):
            self._make(label.file, write, _check_end)
            if self._settings.per_frame_json:
                self._make(f"{label.stem}.json", partial(_write, entry + b"\n"))
            self._manifest.write((b",\n" if self.frames else b"[\n") + entry)
            self.frames += 1

    def clear(self) -> None:
        """Forget all frames: a new attempt begins."""
        with disk_errors(self._path):
            self.close()
            self._begin()

    def publish(self, metadata: Metadata) -> None:
        """Whole and durable under the final name, in the place of an older folder: the last thing before `done`."""
        assert self._manifest is not None
        with disk_errors(self._path):
            self._manifest.write(b"\n]\n" if self.frames else b"[]\n")
            self._manifest.flush()
            os.fsync(self._manifest.fileno())
            self._manifest.close()
            self._make(METADATA, partial(_write, metadata.to_json(self._settings).encode()))
            self._syncer.finish()
            sync_folder(str(self._partial))
            self._storage.make_folder(str(self._final.parent))
            self._move_away()
            os.rename(self._partial, self._final)
            sync_folder(str(self._final.parent))

    def discard(self) -> None:
        """Forget what was not published."""
        self.close()
        shutil.rmtree(self._partial, ignore_errors=True)

    def _begin(self) -> None:
        if self._partial.exists():
            shutil.rmtree(self._partial)
        os.mkdir(self._partial)
        self._manifest = open(self._partial / MANIFEST, "wb")  # noqa: SIM115 (closed by publish or discard)
        self._syncer = _Syncer()
        self.frames = 0

    def close(self) -> None:
        """Close all files: what was not published stays as it is, for the sweep."""
        self._syncer.stop()
        if self._manifest is not None:
            with suppress(OSError):
                self._manifest.close()

    def _make(
        self, name: str, write: Callable[[BinaryIO], object], check: Callable[[BinaryIO], object] = lambda file: None
    ) -> None:
        file: Any = open(f"{self._partial}{os.sep}{name}", "x+b", buffering=0)  # noqa: SIM115 (closed by the syncer)
        try:
            write(file)
            check(file)
        except BaseException:
            file.close()
            raise
        self._syncer.take(file)

    def _move_away(self) -> None:
        """An older folder of this name is not whole, or of other settings: it goes once the new one is whole."""
        if self._final.exists():
            older = self._partial.with_name(f"{self._partial.name}.old")
            shutil.rmtree(older, ignore_errors=True)
            os.rename(self._final, older)
            shutil.rmtree(older, ignore_errors=True)


def _write(data: bytes, file: BinaryIO) -> None:
    view = memoryview(data)
    while view:  # an unbuffered write may take less than all
        view = view[file.write(view) :]


def _check_end(file: BinaryIO) -> None:
    """Raises OSError if the picture was cut: Pillow does not look whether a disk that is nearly full took all of it."""
    file.seek(-len(JPEG_END), os.SEEK_END)
    if file.read() != JPEG_END:
        raise OSError(errno.ENOSPC, "the disk took half a picture")


class _Syncer:
    """Makes files durable and closes them, beside the thread that writes: an fsync takes as long as it takes."""

    def __init__(self) -> None:
        self._files: queue.Queue[Any] = queue.Queue(UNSYNCED)
        self._error: OSError | None = None
        self._thread: threading.Thread | None = None

    def take(self, file: Any) -> None:
        """Sync and close `file`, soon. Raises what went wrong with an earlier one."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="syncer", daemon=True)
            self._thread.start()
        if self._error is not None:
            file.close()
            raise self._error
        self._files.put(file)

    def finish(self) -> None:
        """Return when everything taken is durable."""
        self.stop()
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """End the thread."""
        if self._thread is not None:
            self._files.put(None)
            self._thread.join()
            self._thread = None

    def _work(self) -> None:
        while (file := self._files.get()) is not None:
            try:
                os.fsync(file.fileno())
            except OSError as error:
                self._error = error
            with suppress(OSError):
                file.close()
