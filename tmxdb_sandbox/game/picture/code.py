"""Black and white cells in the upper left corner, which encode what the picture shows. They survive JPEG.

Sixteen cells in a row and seven rows, each bit one cell, highest bit first: i32 race time, u32 key of the map,
u16 attempt, u8 flags, and the upper 24 bits of their CRC-32. Cells of 4x4 pixels survive JPEG at quality 60.
"""

from __future__ import annotations

import struct
import zlib
from typing import NamedTuple

COLUMNS, ROWS = 16, 7
_MAX_CELL = 4
_FIELDS = struct.Struct(">iIHB")
_CHECK_BYTES = 3
_BLACK, _WHITE = bytes([16, 16, 16, 0]), bytes([240, 240, 240, 0])
_NO_TIME = -(1 << 31)


class PictureLabel(NamedTuple):
    """What a picture shows."""

    race_time_ms: int | None
    """None outside a race."""
    map_key: int
    """0 if no map is loaded; else see `map_key_of`."""
    attempt: int
    """The number of the race since the game started, from 1, modulo 65536."""
    hud: bool
    ghost: bool
    """Whether a ghost drives along."""
    camera: int
    """N of the last `cam N`, 0 to 7."""


def map_key_of(uid: str) -> int:
    """Return the key of a map's uid."""
    return zlib.crc32(uid.encode())


def cell_size(width: int, height: int) -> int:
    """Return the side of a cell in pixels; 0 if the picture is too small."""
    return min(_MAX_CELL, width // COLUMNS, height // ROWS)


def draw_code(pixels: bytearray, width: int, height: int, label: PictureLabel) -> None:
    """Draw the cells into B, G, R, A pixels, top row first."""
    cell = cell_size(width, height)
    if cell == 0:
        return
    time_ms = _NO_TIME if label.race_time_ms is None else label.race_time_ms
    flags = (label.camera & 7) << 2 | label.ghost << 1 | int(label.hud)
    packed = _FIELDS.pack(time_ms, label.map_key, label.attempt & 0xFFFF, flags)
    packed += _check(packed)
    black, white = _BLACK * cell, _WHITE * cell
    stride = width * 4
    for row in range(ROWS):
        bits = int.from_bytes(packed[row * 2 : row * 2 + 2], "big")
        line = b"".join([white if bits >> (COLUMNS - 1 - column) & 1 else black for column in range(COLUMNS)])
        for at in range(row * cell * stride, (row + 1) * cell * stride, stride):
            pixels[at : at + len(line)] = line


def read_back(pixels: bytes | bytearray | memoryview, width: int, height: int) -> PictureLabel | None:
    """Return what a picture of the stand-in shows; None if it is another picture, or too damaged.

    `pixels`: rows from the top, with 1, 3 or 4 bytes a pixel (gray, RGB or BGR, either with a fourth byte). Raise
    ValueError if their number does not match the size.
    """
    cell = cell_size(width, height)
    depth, rest = divmod(len(pixels), max(1, width * height))
    if rest or depth not in (1, 3, 4):
        raise ValueError(f"{len(pixels)} bytes are not a picture of {width}x{height}")
    if cell == 0:
        return None
    data = memoryview(pixels).cast("B")
    packed = bytearray()
    for row in range(ROWS):
        bits = 0
        for column in range(COLUMNS):
            bits = bits << 1 | _is_white(data, width * depth, depth, column * cell, row * cell, cell)
        packed += bits.to_bytes(2, "big")
    if _check(bytes(packed[:-_CHECK_BYTES])) != packed[-_CHECK_BYTES:]:
        return None
    time_ms, key, attempt, flags = _FIELDS.unpack_from(packed)
    shown = None if time_ms == _NO_TIME else time_ms
    return PictureLabel(shown, key, attempt, bool(flags & 1), bool(flags & 2), flags >> 2)


def _is_white(data: memoryview, stride: int, depth: int, left: int, top: int, cell: int) -> int:
    colours = min(depth, 3)
    total = 0
    for y in range(top, top + cell):
        begin = y * stride + left * depth
        for x in range(begin, begin + cell * depth, depth):
            total += sum(data[x : x + colours])
    return int(total > 128 * cell * cell * colours)


def _check(packed: bytes) -> bytes:
    return zlib.crc32(packed).to_bytes(4, "big")[:_CHECK_BYTES]
