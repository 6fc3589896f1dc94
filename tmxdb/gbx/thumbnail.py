"""The picture of a map, the right way up."""

from __future__ import annotations

import io
from struct import pack

from tmxdb.errors import GbxError

_JPEG = b"\xff\xd8"
_MAX_PIXELS = 2048 * 2048  # 256 x 256 in every map seen
_FLIPPED = 4  # EXIF orientation: the first row is the bottom of the picture


def upright(jpeg: bytes) -> bytes:
    """A JPEG that shows the picture the right way up; the game stores it with the bottom row first.

    With Pillow the rows are turned round, which packs the picture anew (quality 95). Without it the picture stays
    as it is, to the bit, and an EXIF mark tells viewers to turn it. GbxError `gbx.corrupt` if it is no JPEG.
    """
    if not jpeg.startswith(_JPEG):
        raise GbxError("gbx.corrupt", "the thumbnail is not a JPEG")
    try:
        return _turned(jpeg)
    except ImportError:
        return marked(jpeg)


def marked(jpeg: bytes) -> bytes:
    """The same picture with the mark in front. Source of the layout: Exif 2.32, 4.5 to 4.6."""
    entry = pack("<HHIHH", 0x0112, 3, 1, _FLIPPED, 0)  # orientation, a short, one value
    tiff = b"II*\x00" + pack("<I", 8) + pack("<H", 1) + entry + pack("<I", 0)
    content = b"Exif\x00\x00" + tiff
    return _JPEG + b"\xff\xe1" + pack(">H", len(content) + 2) + content + jpeg[2:]


def _turned(jpeg: bytes) -> bytes:
    from PIL import Image, ImageOps  # optional

    try:
        with Image.open(io.BytesIO(jpeg), formats=["JPEG"]) as picture:
            if picture.width * picture.height > _MAX_PIXELS:
                raise GbxError("gbx.too_large", f"a thumbnail of {picture.width} x {picture.height} pixels")
            out = io.BytesIO()
            ImageOps.flip(picture).save(out, "JPEG", quality=95)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:  # what Pillow makes of bad bytes
        raise GbxError("gbx.corrupt", f"the thumbnail can not be read: {type(error).__name__}") from error
    return out.getvalue()
