"""Turn the thumbnail of a map the right way up."""

from __future__ import annotations

import io
from struct import pack

from tmxdb.errors import GbxError

_JPEG = b"\xff\xd8"
_MAX_PIXELS = 2048 * 2048  # 256 x 256 in every map seen
_FLIPPED = 4  # EXIF orientation: the first row is the bottom of the picture


def upright(jpeg: bytes) -> bytes:
    """Return `jpeg` the right way up; the game stores the bottom row first.

    With Pillow the picture is flipped and encoded again (quality 95). Without Pillow the picture data stay the same,
    and an EXIF orientation is added. Raise GbxError `gbx.corrupt` if `jpeg` is not a JPEG.
    """
    if not jpeg.startswith(_JPEG):
        raise GbxError("gbx.corrupt", "the thumbnail is not a JPEG")
    try:
        return _flipped(jpeg)
    except ImportError:
        return with_orientation(jpeg)


def with_orientation(jpeg: bytes) -> bytes:
    """Return the same picture with an EXIF orientation. Layout: Exif 2.32, sections 4.5 and 4.6."""
    entry = pack("<HHIHH", 0x0112, 3, 1, _FLIPPED, 0)  # orientation, a short, one value
    tiff = b"II*\x00" + pack("<I", 8) + pack("<H", 1) + entry + pack("<I", 0)
    content = b"Exif\x00\x00" + tiff
    return _JPEG + b"\xff\xe1" + pack(">H", len(content) + 2) + content + jpeg[2:]


def _flipped(jpeg: bytes) -> bytes:
    from PIL import Image, ImageOps  # optional

    try:
        with Image.open(io.BytesIO(jpeg), formats=["JPEG"]) as picture:
            if picture.width * picture.height > _MAX_PIXELS:
                raise GbxError("gbx.too_large", f"a thumbnail of {picture.width:,} x {picture.height:,} pixels")
            out = io.BytesIO()
            ImageOps.flip(picture).save(out, "JPEG", quality=95)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:  # Pillow, on damaged data
        raise GbxError("gbx.corrupt", f"cannot read the thumbnail: {type(error).__name__}") from error
    return out.getvalue()
