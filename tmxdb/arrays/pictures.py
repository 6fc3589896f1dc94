"""Pictures as arrays."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tmxdb.capture.output.reader import CapturedFrame, is_video, read_image, read_jpeg
from tmxdb.errors import InvalidInput


def frame_pixels(folder: Path, frame: CapturedFrame) -> NDArray[np.uint8]:
    """Return the picture of a captured frame, as `pixels_of` does. A frame of a video is decoded only once."""
    return np.asarray(read_image(folder, frame)) if is_video(folder) else pixels_of(read_jpeg(folder, frame))


def pixels_of(jpeg: bytes) -> NDArray[np.uint8]:
    """Return a picture: uint8, shape (height, width, 3), RGB, top row first. Raise InvalidInput if it is damaged."""
    try:
        from PIL import Image
    except ModuleNotFoundError as error:
        raise InvalidInput(
            'Pictures need Pillow. Install it with: pip install "tmxdb[arrays]"', code="input.extra"
        ) from error
    try:
        with Image.open(io.BytesIO(jpeg)) as picture:
            return np.asarray(picture.convert("RGB"))
    except (OSError, ValueError, SyntaxError) as error:
        raise InvalidInput(f"the picture cannot be decoded: {error}.", code="capture.damaged") from error
