"""Small copies of pictures, and how much two of them differ."""

from __future__ import annotations

from typing import Any

from tmxdb.game.driver import Frame

WIDTH, HEIGHT = 128, 96
"""At most. Smaller pictures keep their size."""


def thumbnail(frame: Frame) -> Any:
    """Return a small RGB image (Pillow) of a frame, averaged."""
    from PIL import Image

    image = Image.frombytes("RGB", frame.pixels_size, bytes(frame.pixels), "raw", "BGRX", 0, 1)
    size = (min(WIDTH, frame.width), min(HEIGHT, frame.height))
    return image if image.size == size else image.resize(size, Image.Resampling.BOX)


def difference(one: Any, other: Any) -> float:
    """Return the mean absolute difference of two images of one size, 0 to 255."""
    from PIL import ImageChops, ImageStat

    means: list[float] = ImageStat.Stat(ImageChops.difference(one, other)).mean
    return sum(means) / len(means)
