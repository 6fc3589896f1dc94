"""Recognises pictures that show nothing useful: black ones, and a picture that stays the same while the car moves.

Both come from a window that is minimised, covered or not rendered. Such a capture is complete and well labelled, so
only looking at the pictures shows that something is wrong.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from math import dist
from pathlib import Path
from typing import Any

from tmxdb.capture.output.reader import read_frames, read_jpeg, read_metadata
from tmxdb.errors import InvalidInput
from tmxdb.game.driver import Frame
from tmxdb.game.state import Vector

BLACK_LEVEL = 8
"""Brightest value of 255 in a picture that counts as black."""
FROZEN_M = 1.0
"""A picture is frozen if it stays the same while the car moves farther than this.

Not less: at 100 frames per second, a game that renders 60 times per second repeats pictures within 1 m at 200 km/h.
"""
_SAMPLED_BYTES = 16_384
"""Pictures are compared by at least this many bytes, spread over the whole picture. All bytes would take 10 times
longer.
"""
_FEW_PIXELS = 64
"""One bright pixel is enough, and there is one among so few in any normal picture. Looking at 4,096 takes 47 µs."""


@dataclass(frozen=True, slots=True)
class PictureCounts:
    """How many pictures of a capture are black, and how many are frozen."""

    black: int = 0
    frozen: int = 0

    def description(self, total: int) -> str | None:
        """Return what is wrong with the pictures; None if there is nothing to say."""
        found = []
        if self.black:
            found.append(f"{self.black:,} of {total:,} frames are black")
        if self.frozen:
            found.append(f"{self.frozen:,} of {total:,} frames show the same picture although the car moves")
        return ", ".join(found) or None

    def warning(self, total: int) -> str | None:
        """Return the description with advice; None if there is nothing to warn about."""
        found = self.description(total)
        if found is None:
            return None
        return f"{found}. Keep the game's window visible and not minimised, then capture the replay again."


class PictureChecker:
    """Counts black and frozen pictures of one capture, in order of time."""

    def __init__(self) -> None:
        self._black = self._frozen = 0
        self._sample = b""
        self._first_position: Vector = (0.0, 0.0, 0.0)  # where the present picture was seen first

    @property
    def counts(self) -> PictureCounts:
        """The counts so far."""
        return PictureCounts(self._black, self._frozen)

    def add_frame(self, frame: Frame, position: Vector) -> None:
        """Count a picture of the game: blue, green, red and an unused byte for each pixel."""
        pixels = frame.pixels
        stride = max(1, len(pixels) // _SAMPLED_BYTES) | 1  # odd, so that all colours are sampled
        self._count(_is_black(pixels), bytes(pixels[::stride]), position)

    def add_jpeg(self, jpeg: bytes, position: Vector) -> None:
        """Count a stored picture. Raise OSError if it cannot be decoded."""
        from PIL import Image

        with Image.open(io.BytesIO(jpeg), formats=["JPEG"]) as image:
            brightest = max(high for _, high in _extrema(image.convert("RGB")))
        self._count(brightest <= BLACK_LEVEL, jpeg, position)

    def _count(self, is_black: bool, sample: bytes, position: Vector) -> None:
        self._black += is_black
        if sample != self._sample:
            self._sample, self._first_position = sample, position
        elif not is_black and dist(position, self._first_position) > FROZEN_M:
            self._frozen += 1


def _is_black(pixels: bytes | bytearray) -> bool:
    """Return whether no colour of any pixel is brighter than BLACK_LEVEL."""
    for looked_at in (_FEW_PIXELS, _SAMPLED_BYTES // 4, len(pixels)):
        step = 4 * max(1, len(pixels) // (4 * looked_at))
        if any(max(pixels[channel::step], default=0) > BLACK_LEVEL for channel in range(3)):
            return False
    return True


def _extrema(image: Any) -> Any:
    return image.getextrema()


def stored_picture_counts(folder: Path, *, decode: bool) -> PictureCounts:
    """Return the counts of a captured folder.

    They come from its metadata. A folder of an earlier version has none there; with `decode` its pictures are decoded,
    else the counts are 0. Raise InvalidInput if the folder is damaged, OSError if a picture cannot be decoded.
    """
    metadata = read_metadata(folder)
    black, frozen = metadata.get("frames_black"), metadata.get("frames_frozen")
    if isinstance(black, int) and isinstance(frozen, int):
        return PictureCounts(black, frozen)
    if not decode:
        return PictureCounts()
    checker = PictureChecker()
    for frame in read_frames(folder):
        checker.add_jpeg(read_jpeg(folder, frame), frame.position)
    return checker.counts


def stored_picture_problem(folder: Path, *, decode: bool) -> str | None:
    """Return what is wrong with the pictures of a captured folder, as `stored_picture_counts` finds it; else None.

    Also None if that cannot be found out: the folder is not of this program, or Pillow is not installed.
    """
    try:
        total = read_metadata(folder).get("total_frames")
        counts = stored_picture_counts(folder, decode=decode)
    except (InvalidInput, OSError, ImportError):
        return None
    return counts.description(total) if isinstance(total, int) else None
