"""Black and white cells in the upper left corner: what the picture shows, for whoever reads it back from a JPEG.

Sixteen cells in a row and seven rows, each bit one cell, highest bit first: i32 race time, u32 key of the map,
u16 attempt, u8 flags, u24 CRC-32 of these, cut off at the top. Cells of 4x4 pixels last through JPEG at quality 60.
"""

from __future__ import annotations

import struct
import zlib
from typing import NamedTuple

COLUMNS, ROWS = 16, 7
_LARGEST_CELL = 4
_FIELDS = struct.Struct(">iIHB")
_CHECK_BYTES = 3
_BLACK, _WHITE = bytes([16, 16, 16, 0]), bytes([240, 240, 240, 0])
_NO_TIME = -(1 << 31)


class Seen(NamedTuple):
    """What a picture says of itself."""

    race_time_ms: int | None
    """None outside a race."""
    map_key: int
    """0 if no map is loaded; else see `map_key_of`."""
    attempt: int
    """Counts the races since the game was started, from 1; modulo 65536."""
    hud: bool
    ghost: bool
    """Whether a recorded car is driving along."""
    camera: int
    """Of the last `cam N`, 0 to 7."""


def map_key_of(uid: str) -> int:
    return zlib.crc32(uid.encode())


def cell_size(width: int, height: int) -> int:
    """Side of a cell in pixels; 0 if the picture is too small for any."""
    return min(_LARGEST_CELL, width // COLUMNS, height // ROWS)


def draw_code(pixels: bytearray, width: int, height: int, seen: Seen) -> None:
    """Into B, G, R, A pixels, top row first."""
    cell = cell_size(width, height)
    if cell == 0:
        return
    time_ms = _NO_TIME if seen.race_time_ms is None else seen.race_time_ms
    flags = (seen.camera & 7) << 2 | seen.ghost << 1 | int(seen.hud)
    packed = _FIELDS.pack(time_ms, seen.map_key, seen.attempt & 0xFFFF, flags)
    packed += _check(packed)
    black, white = _BLACK * cell, _WHITE * cell
    stride = width * 4
    for row in range(ROWS):
        bits = int.from_bytes(packed[row * 2 : row * 2 + 2], "big")
        line = b"".join([white if bits >> (COLUMNS - 1 - column) & 1 else black for column in range(COLUMNS)])
        for at in range(row * cell * stride, (row + 1) * cell * stride, stride):
            pixels[at : at + len(line)] = line


def read_back(pixels: bytes | bytearray | memoryview, width: int, height: int) -> Seen | None:
    """What a picture of the stand-in shows; None if it is none, or too much was lost.

    `pixels`: rows from the top, of 1, 3 or 4 bytes a pixel (gray, RGB or BGR, either with a fourth byte).
    Raises ValueError if their number does not fit.
    """
    cell = cell_size(width, height)
    depth, rest = divmod(len(pixels), max(1, width * height))
    if rest or depth not in (1, 3, 4):
        raise ValueError(f"{len(pixels)} bytes are no picture of {width}x{height}")
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
    return Seen(shown, key, attempt, bool(flags & 1), bool(flags & 2), flags >> 2)


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
