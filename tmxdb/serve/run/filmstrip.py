"""Frames of captured runs, evenly spaced, for a strip of pictures on a page."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from tmxdb.capture.output.manifest import MANIFEST
from tmxdb.capture.output.reader import CapturedFrame, read_frames, read_jpeg
from tmxdb.capture.store.tar import TAR
from tmxdb.errors import InvalidInput
from tmxdb.pictures.contact_sheet import evenly_spaced
from tmxdb.serve.limited_cache import LimitedCache
from tmxdb.storage import Storage

FRAMES = 24
"""Frames of a strip."""
MAX_MANIFEST = 50_000_000
"""Bytes: about 50,000 frames, which take half a second to read."""


@dataclass(frozen=True, slots=True)
class Filmstrip:
    """Frames of a capture in the order of time. `stored`: how many the capture has."""

    folder: Path
    frames: tuple[CapturedFrame, ...]
    stored: int

    def jpeg(self, number: int) -> bytes:
        """Return a frame of the strip. Raise InvalidInput if there is none with this number, or if it is damaged."""
        if not 0 <= number < len(self.frames):
            raise InvalidInput(f"The strip has no frame {number}.", code="input.no_row")
        return read_jpeg(self.folder, self.frames[number])


class Filmstrips:
    """The strips of a data folder; manifests are read once."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._strips: LimitedCache[Filmstrip] = LimitedCache(lambda strip: 500 * (1 + len(strip.frames)), 4_000_000)

    def strip(self, folder_path: str) -> Filmstrip:
        """Return the strip of a captured folder. Raise InvalidInput if it is damaged or too long."""
        folder = self._storage.absolute(folder_path)
        try:
            file = folder / MANIFEST
            state = (file if file.exists() else folder / TAR).stat()
        except OSError as error:
            raise InvalidInput("the folder of the capture is missing.", code="capture.damaged") from error
        if file.exists() and state.st_size > MAX_MANIFEST:
            raise InvalidInput("the capture is too long for a strip.", code="input.too_large")
        key = (folder_path, state.st_mtime_ns, state.st_size)
        found = self._strips.get(key)
        if found is None:
            # Without their entries, which take 5 KB each in memory.
            frames = [replace(frame, entry={}) for frame in read_frames(folder)]
            found = Filmstrip(folder, tuple(evenly_spaced(frames, FRAMES)), len(frames))
            self._strips.put(key, found)
        return found
