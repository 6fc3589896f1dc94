"""Frames of captured runs, evenly spaced: for a strip on a page, and as a contact sheet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from tmxdb.capture.output.manifest import MANIFEST
from tmxdb.capture.output.reader import CapturedFrame, read_frames, read_jpeg
from tmxdb.capture.store.tar import TAR
from tmxdb.capture.unreadable_file import unreadable_file
from tmxdb.errors import InvalidInput
from tmxdb.pictures.contact_sheet import draw_sheet, evenly_spaced
from tmxdb.serve.limited_cache import LimitedCache
from tmxdb.storage import Storage
from tmxdb.storage.os_errors import is_missing

FRAMES = 24
"""Frames of a strip."""
COLUMNS, FRAME_WIDTH = 6, 200
"""Of a contact sheet."""
MAX_MANIFEST = 50_000_000
"""Bytes: about 50,000 frames, which take half a second to read."""
MAX_GAPS = 50


@dataclass(frozen=True, slots=True)
class FrameGap:
    """Frames that were due and are not stored: `n` of them after race time `after_ms`."""

    after_ms: int
    n: int


@dataclass(frozen=True, slots=True)
class Filmstrip:
    """Frames of a capture in the order of time. `stored`: how many the capture has. `gaps`: the first of them."""

    folder: Path
    frames: tuple[CapturedFrame, ...]
    stored: int
    gaps: tuple[FrameGap, ...]

    def jpeg(self, number: int) -> bytes:
        """Return a frame of the strip. Raise InvalidInput if there is none with this number, or if it is damaged."""
        if not 0 <= number < len(self.frames):
            raise InvalidInput(f"The strip has no frame {number + 1}.", code="input.no_row")
        return read_jpeg(self.folder, self.frames[number])


class Filmstrips:
    """The strips and sheets of a data folder; manifests are read once."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._strips: LimitedCache[Filmstrip] = LimitedCache(lambda strip: 1500 * (1 + len(strip.frames)), 8_000_000)
        self._sheets: LimitedCache[bytes] = LimitedCache(len, 16_000_000)

    def strip(self, folder_path: str) -> Filmstrip:
        """Return the strip of a captured folder. Raise InvalidInput if it is damaged or too long."""
        return self._kept(folder_path)[1]

    def sheet(self, folder_path: str, title: str) -> bytes:
        """Return the contact sheet of a captured folder as a PNG. Raise InvalidInput if it is damaged or too long."""
        key, strip = self._kept(folder_path)
        found = self._sheets.get((key, title))
        if found is None:
            try:
                found = draw_sheet(title, strip.folder, strip.frames, columns=COLUMNS, frame_width=FRAME_WIDTH)
            except KeyError as error:
                raise InvalidInput(f"the manifest of the capture has no {error}.", code="capture.damaged") from error
            self._sheets.put((key, title), found)
        return found

    def _kept(self, folder_path: str) -> tuple[object, Filmstrip]:
        folder = self._storage.absolute(folder_path)
        file = folder / MANIFEST
        try:
            state = (file if file.exists() else folder / TAR).stat()
            is_too_long = file.exists() and state.st_size > MAX_MANIFEST
        except (OSError, ValueError) as error:
            if isinstance(error, OSError) and not is_missing(error):
                raise unreadable_file(folder, error) from error
            raise InvalidInput("the folder of the capture is missing.", code="capture.damaged") from error
        if is_too_long:
            raise InvalidInput("the capture is too long for a strip.", code="input.too_large")
        key = (folder_path, state.st_mtime_ns, state.st_size)
        found = self._strips.get(key)
        if found is None:
            frames = list(_small(read_frames(folder)))
            found = Filmstrip(folder, tuple(evenly_spaced(frames, FRAMES)), len(frames), tuple(_gaps(frames)))
            self._strips.put(key, found)
        return key, found


def _small(frames: Iterable[CapturedFrame]) -> Iterator[CapturedFrame]:
    """Yield frames with the part of their entries that a sheet shows: whole ones take 5 KB each in memory."""
    for frame in frames:
        state = {name: frame.entry["state"].get(name) for name in ("position", "speed_kmh")}
        yield replace(frame, entry={"state": state} | {k: frame.entry[k] for k in ("inputs",) if k in frame.entry})


def _gaps(frames: Sequence[CapturedFrame]) -> list[FrameGap]:
    missed = (
        FrameGap(before.time_ms, after.step - before.step - 1)
        for before, after in pairwise(frames)
        if after.step > before.step + 1
    )
    return [gap for gap, _ in zip(missed, range(MAX_GAPS), strict=False)]
