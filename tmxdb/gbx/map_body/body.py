"""Readers of the chunks in the body of a map: docs/facts/gbx.md#map-body."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from struct import Struct

from tmxdb.gbx.format import limits
from tmxdb.gbx.format.classes import CLIP, CLIP_GROUP, COLLECTOR_LIST, GHOST, PARAMETERS
from tmxdb.gbx.format.games import MAP_TYPES
from tmxdb.gbx.format.nodes import NodeReader
from tmxdb.gbx.format.stream import Stream, add_note
from tmxdb.gbx.map_body.blocks import Block, read_block_nodes, read_blocks, skip_blocks
from tmxdb.gbx.map_body.clips import read_clip, read_clip_group
from tmxdb.gbx.replay_parts.ghost import skip_ghost

_MEDALS = Struct("<4i")
_NO_PASSWORD = bytes(16)


@dataclass(slots=True, eq=False)
class MapBody:
    """Contents of a body; filled while its chunks are read and not changed afterwards.

    None: not stored by this game, or after a chunk that could not be read.
    """

    uid: str | None = None
    environment: str | None = None
    author: str | None = None
    name: str | None = None
    mood: str | None = None
    medals: tuple[int, int, int, int] | None = None
    """Bronze, silver, gold, author; -1 for not set."""
    author_score: int | None = None
    map_type: str | None = None
    checkpoint_count: int | None = None
    is_multilap: bool | None = None
    laps: int | None = None
    password_protected: bool | None = None
    comments: str | None = None
    has_intro: bool | None = None
    intro_ms: int | None = None
    unread: tuple[str, ...] = ()
    blocks: list[Block] | None = field(default=None, repr=False)
    """Only if they were requested."""


def read_map_body(body: bytes, *, with_blocks: bool = False) -> MapBody:
    """Return everything in the body that can be read. Raise GbxError if a size or a name is damaged."""
    result = MapBody(blocks=[] if with_blocks else None)
    nodes = NodeReader(Stream(body, in_body=True))
    nodes.read_chunks(MAP_CHUNKS, result)
    if not nodes.stream.stopped and nodes.stream.remaining:
        add_note(nodes.unread, f"{nodes.stream.remaining} byte(s) after the end mark")
    result.unread = tuple(nodes.unread)
    return result


_Reader = Callable[[NodeReader, MapBody], None]


def _skip(size: int) -> _Reader:
    return lambda nodes, result: nodes.stream.skip(size)


def _skip_ident(nodes: NodeReader, result: MapBody) -> None:
    nodes.stream.ident()


def _read_parameters(nodes: NodeReader, result: MapBody) -> None:
    """Read the list of available blocks, the parameters, and the kind of map."""
    nodes.read({COLLECTOR_LIST: _skip_collectors})
    if not nodes.stream.stopped:
        nodes.read({PARAMETERS: lambda inner: inner.read_chunks(_PARAMETER_CHUNKS, result)})
    if not nodes.stream.stopped:
        nodes.stream.skip(4)


def _skip_collectors(nodes: NodeReader) -> None:
    nodes.read_chunks(_COLLECTOR_CHUNKS, None)


def _skip_collector_list(nodes: NodeReader, target: None) -> None:
    for _ in range(nodes.stream.count(16, limits.MAX_BLOCKS, "block kinds")):
        nodes.stream.ident()
        nodes.stream.skip(4)


def _skip_tips(nodes: NodeReader, result: MapBody) -> None:
    for _ in range(4):
        nodes.stream.skip_string()


def _read_medals(nodes: NodeReader, result: MapBody) -> None:
    bronze, silver, gold, author = nodes.stream.unpack(_MEDALS)
    result.medals = bronze, silver, gold, author
    nodes.stream.skip(4)


def _skip_items(nodes: NodeReader, result: MapBody) -> None:
    nodes.stream.skip(4 * nodes.stream.count(4, limits.MAX_BLOCKS, "items"))


def _read_author_score(nodes: NodeReader, result: MapBody) -> None:
    nodes.stream.skip(4)  # time limit on stunts maps
    result.author_score = nodes.stream.i32()


def _skip_rest(nodes: NodeReader, result: MapBody) -> None:
    nodes.stream.skip(nodes.stream.remaining)


def _skip_validation_ghost(nodes: NodeReader, result: MapBody) -> None:
    nodes.read({GHOST: skip_ghost})


def _read_name(nodes: NodeReader, result: MapBody) -> None:
    result.name = nodes.stream.string()


def _read_identity(nodes: NodeReader, result: MapBody) -> None:
    result.uid, result.environment, result.author = nodes.stream.ident()


def _read_tm1_map(nodes: NodeReader, result: MapBody) -> None:
    _read_identity(nodes, result)
    nodes.stream.skip(12)  # size
    read_block_nodes(nodes, [] if result.blocks is None else result.blocks)
    if not nodes.stream.stopped:
        nodes.stream.skip(4)  # bool: must be unlocked
        result.mood = nodes.stream.ident()[0]


def _read_powerup_map(nodes: NodeReader, result: MapBody) -> None:
    _read_identity(nodes, result)
    _read_name(nodes, result)
    result.mood = nodes.stream.ident()[0]
    nodes.stream.skip(16)  # size; bool: must be unlocked
    _read_or_skip_blocks(nodes, result, 2)


def _read_map(nodes: NodeReader, result: MapBody) -> None:
    _read_identity(nodes, result)
    _read_name(nodes, result)
    result.mood = nodes.stream.ident()[0]
    nodes.stream.skip(16)
    version = nodes.stream.u32()
    if version > 1:  # ManiaPlanet and later have more in a block
        nodes.stream.stop(nodes.unread, f"blocks of version {version} and everything after them")
    else:
        _read_or_skip_blocks(nodes, result, 4 if version == 1 else 2)


def _read_or_skip_blocks(nodes: NodeReader, result: MapBody, flag_bytes: int) -> None:
    if result.blocks is None:
        skip_blocks(nodes, flag_bytes)
    else:
        read_blocks(nodes, flag_bytes, result.blocks)


def _read_checkpoints(nodes: NodeReader, result: MapBody) -> None:
    result.checkpoint_count = nodes.stream.count(12, limits.MAX_CHECKPOINTS, "checkpoints")
    nodes.stream.skip(12 * result.checkpoint_count)


def _read_laps(nodes: NodeReader, result: MapBody) -> None:
    result.is_multilap = nodes.stream.u32() != 0
    result.laps = nodes.stream.optional_i32()


def _skip_file(nodes: NodeReader, result: MapBody) -> None:
    nodes.stream.skip_file_reference()


def _read_type(nodes: NodeReader, result: MapBody) -> None:
    result.map_type = MAP_TYPES.get(nodes.stream.u32())


def _skip_old_password(nodes: NodeReader, result: MapBody) -> None:
    nodes.stream.skip(4)
    nodes.stream.skip_string()


def _read_password(nodes: NodeReader, result: MapBody) -> None:
    result.password_protected = nodes.stream.take(16) != _NO_PASSWORD
    nodes.stream.skip(4)  # a checksum over the hash and the uid


def _read_clips(nodes: NodeReader, result: MapBody) -> None:
    """Read the intro, the clips in the race, and the clips at its end."""
    result.has_intro = not nodes.next_is_empty
    intro = nodes.read({CLIP: read_clip})
    if intro is not None and not nodes.stream.stopped:
        result.intro_ms = round(intro.end_s * 1000)
    for _ in range(2):
        if not nodes.stream.stopped:
            nodes.read({CLIP_GROUP: read_clip_group})


def _read_global_clip(nodes: NodeReader, result: MapBody) -> None:
    nodes.read({CLIP: read_clip})


def _read_comments(nodes: NodeReader, result: MapBody) -> None:
    """Read the comments, after an optional camera for the thumbnail: u8, 3 x 3 matrix, position, three numbers."""
    if nodes.stream.u32():
        nodes.stream.skip(1 + 36 + 12 + 12)
    result.comments = nodes.stream.string()


_COLLECTOR_CHUNKS = {COLLECTOR_LIST: _skip_collector_list}
_PARAMETER_CHUNKS: dict[int, _Reader] = {
    0x0305B000: _skip(32),
    0x0305B001: _skip_tips,
    0x0305B002: _skip(64),
    0x0305B003: _skip(24),
    0x0305B004: _read_medals,
    0x0305B005: _skip(12),
    0x0305B006: _skip_items,
    0x0305B007: _skip(4),
    0x0305B008: _read_author_score,
    0x0305B00A: _skip_rest,  # repeats 004 and 008
    0x0305B00D: _skip_validation_ghost,
}
MAP_CHUNKS: dict[int, _Reader] = {
    # chunk: (reader)                   games that write it
    0x0304300D: _skip_ident,  #         all: vehicle
    0x0304300F: _read_tm1_map,  #       TM1.0
    0x03043011: _read_parameters,  #    all
    0x03043012: _read_name,  #          TM1.0
    0x03043013: _read_powerup_map,  #   TMPU
    0x03043014: _skip_old_password,  #  TMPU to TMU
    0x03043016: _skip(4),  #            TMS to TMNESWC
    0x03043017: _read_checkpoints,  #   TMS to TMF
    0x03043018: _read_laps,  #          TMS and later
    0x03043019: _skip_file,  #          TMS and later
    0x0304301C: _read_type,  #          TMS to TMF
    0x0304301F: _read_map,  #           TMS and later
    0x03043021: _read_clips,  #         TMS to TMF
    0x03043022: _skip(4),  #            TMS and later
    0x03043024: _skip_file,  #          TMS and later: song
    0x03043025: _skip(16),  #           TMS and later: origin and target
    0x03043026: _read_global_clip,  #   TMNESWC and later
    0x03043028: _read_comments,  #      TMU and later
    0x03043029: _read_password,  #      TMF and later
    0x0304302A: _skip(4),  #            TMF and later
}
