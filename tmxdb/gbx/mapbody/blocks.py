"""The blocks of a map. Nothing of them is kept: they stand between the identity of the map and everything else.

Layout: GBX.NET `CGameCtnBlock.chunkl`, `CGameCtnBlockSkin.chunkl`.
"""

from __future__ import annotations

from struct import Struct

from ..format import limits
from ..format.classes import BLOCK, BLOCK_SKIN
from ..format.nodes import Nodes

_HAS_SKIN = 0x8000


def skip_blocks(nodes: Nodes, flag_bytes: int) -> None:
    """u32 number, then id name, direction and place, flags; with a skin also id author and the skin."""
    stream = nodes.stream
    row = Struct("<4xI" if flag_bytes == 4 else "<4xH")
    for _ in range(stream.count(4 + row.size, limits.MAX_BLOCKS, "blocks")):
        stream.id()
        if stream.unpack(row)[0] & _HAS_SKIN:
            stream.id()
            nodes.read(_SKIN)
            if stream.stopped:
                return


def skip_block_nodes(nodes: Nodes) -> None:
    """TM1.0: a list of objects, each with one chunk: ident, direction and place, u32 flags."""
    nodes.read_list({BLOCK: _block_node}, limits.MAX_BLOCKS, "blocks")


def _block_node(nodes: Nodes) -> None:
    stream = nodes.stream

    def read(chunk: int) -> bool:
        if chunk != _BLOCK_CHUNK:
            return False
        stream.ident()
        stream.skip(8)
        return True

    stream.chunks(read, nodes.unread)


def _skin(nodes: Nodes) -> None:
    stream = nodes.stream

    def read(chunk: int) -> bool:
        if chunk not in _SKIN_FILES:
            return False
        stream.string()
        if chunk == _SKIN_TEXT:
            stream.string()
        for _ in range(_SKIN_FILES[chunk]):
            stream.file_reference()
        return True

    stream.chunks(read, nodes.unread)


_BLOCK_CHUNK = 0x03057002
_SKIN = {BLOCK_SKIN: _skin}
_SKIN_TEXT = 0x03059000
_SKIN_FILES = {_SKIN_TEXT: 0, 0x03059001: 1, 0x03059002: 2}
