"""The blocks of a map: skipped to reach the facts after them, or read on request.

Layout: docs/facts/maps.md#block-lists; of skins GBX.NET `CGameCtnBlockSkin.chunkl`.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import NamedTuple

from tmxdb.gbx.format import limits
from tmxdb.gbx.format.classes import BLOCK, BLOCK_SKIN
from tmxdb.gbx.format.nodes import NodeReader
from tmxdb.gbx.format.stream import named_rows

_HAS_SKIN = 0x8000
_GROUND, _CLIP, _PILLAR = 0x1000, 0x2000, 0x4000
_TM1_SHIFT = 12  # TM1.0 stores the three flags above this many bits higher
_MAX_DIRECTION = 3

# Rows without a skin after the id: direction and coordinates, then flags without _HAS_SKIN.
_PLAIN_ROWS = {2: named_rows(rb".....[\x00-\x7f]"), 4: named_rows(rb".....[\x00-\x7f]..")}


class Block(NamedTuple):
    """One block. The coordinates are those of the low corner of its turned footprint, in cells."""

    name: str
    """Such as `StadiumRoadMainStartLine`."""
    x: int
    y: int
    z: int
    direction: int
    """0 north, 1 east, 2 south, 3 west: docs/facts/maps.md#directions."""
    flags: int
    """As TMF stores them: docs/facts/maps.md#block-flags."""

    @property
    def is_ground(self) -> bool:
        """Whether this is the variant of the block that is built on the ground."""
        return bool(self.flags & _GROUND)

    @property
    def is_clip(self) -> bool:
        """Whether this is an edge piece that the game adds to another block."""
        return bool(self.flags & _CLIP)

    @property
    def is_pillar(self) -> bool:
        """Whether this is a pillar that the game adds below another block."""
        return bool(self.flags & _PILLAR)


def read_blocks(nodes: NodeReader, flag_bytes: int, blocks: list[Block]) -> None:
    """Append the blocks of a list of PowerUp to Forever: u32 count, then id name, direction, coordinates, flags.

    Skins are skipped. So are false blocks with an impossible direction, which a mod of TMF writes.
    """
    stream = nodes.stream
    row = Struct("<4BI" if flag_bytes == 4 else "<4BH")
    for _ in range(stream.count(4 + row.size, limits.MAX_BLOCKS, "blocks")):
        name = stream.id()
        direction, x, y, z, flags = stream.unpack(row)
        if direction <= _MAX_DIRECTION:
            blocks.append(Block(name, x, y, z, direction, flags))
        if flags & _HAS_SKIN:
            _skip_skin_of_block(nodes)
            if stream.stopped:
                return


def skip_blocks(nodes: NodeReader, flag_bytes: int) -> None:
    """Skip what `read_blocks` reads. Most callers need no block, and this takes less than half the time."""
    stream = nodes.stream
    row = Struct("<4xI" if flag_bytes == 4 else "<4xH")
    row_bytes = 4 + row.size
    left = stream.count(row_bytes, limits.MAX_BLOCKS, "blocks")
    while left:
        left -= stream.skip_named_rows(_PLAIN_ROWS[flag_bytes], row_bytes, left)
        if not left:
            return
        stream.id()
        if stream.unpack(row)[0] & _HAS_SKIN:
            _skip_skin_of_block(nodes)
            if stream.stopped:
                return
        left -= 1


def read_block_nodes(nodes: NodeReader, blocks: list[Block]) -> None:
    """Append the blocks of TM1.0: objects, each with one chunk: ident, direction, coordinates, u32 flags."""
    found = nodes.read_list({BLOCK: _read_block_node}, limits.MAX_BLOCKS, "blocks")[1]
    blocks.extend(block for block in found if block is not None and block.direction <= _MAX_DIRECTION)


def _read_block_node(nodes: NodeReader) -> Block | None:
    found: list[Block] = []
    nodes.read_chunks(_BLOCK_CHUNKS, found)
    return found[-1] if found else None


def _read_block(nodes: NodeReader, found: list[Block]) -> None:
    name = nodes.stream.ident()[0]
    direction, x, y, z, flags = nodes.stream.unpack(_TM1_ROW)
    found.append(Block(name, x, y, z, direction, (flags >> _TM1_SHIFT) & (_GROUND | _CLIP | _PILLAR)))


def _skip_skin_of_block(nodes: NodeReader) -> None:
    nodes.stream.id()  # author
    nodes.read(_SKIN)


def _skip_skin(nodes: NodeReader) -> None:
    nodes.read_chunks(_SKIN_CHUNKS, None)


def _skip_texts(nodes: NodeReader, target: None) -> None:
    nodes.stream.skip_string()
    nodes.stream.skip_string()


def _skip_files(count: int) -> Callable[[NodeReader, None], None]:
    def skip(nodes: NodeReader, target: None) -> None:
        nodes.stream.skip_string()
        for _ in range(count):
            nodes.stream.skip_file_reference()

    return skip


_BLOCK_CHUNKS = {0x03057002: _read_block}
_TM1_ROW = Struct("<4BI")
_SKIN = {BLOCK_SKIN: _skip_skin}
_SKIN_CHUNKS: dict[int, Callable[[NodeReader, None], None]] = {
    0x03059000: _skip_texts,
    0x03059001: _skip_files(1),
    0x03059002: _skip_files(2),
}
