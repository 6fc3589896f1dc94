"""The chunks of a map's body, dispatched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from struct import Struct

from ..format import limits
from ..format.classes import CLIP, CLIP_GROUP, COLLECTOR_LIST, GHOST, PARAMETERS
from ..format.games import MAP_TYPES
from ..format.nodes import Nodes
from ..format.stream import Stream, note
from ..ghost import skip_ghost
from .blocks import skip_block_nodes, skip_blocks
from .clips import read_clip, read_clip_group

_MEDALS = Struct("<4i")
_NO_PASSWORD = bytes(16)


@dataclass(slots=True, eq=False)
class MapBody:
    """What a body says; filled while its chunks are read, then left alone. None: not stored, or not reached."""

    uid: str | None = None
    environment: str | None = None
    author: str | None = None
    name: str | None = None
    mood: str | None = None
    medals: tuple[int, int, int, int] | None = None
    """Bronze, silver, gold, author; -1 for none."""
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


def read_map_body(body: bytes) -> MapBody:
    """Everything that can be followed; GbxError where a size or a name is damaged."""
    found = MapBody()
    nodes = Nodes(Stream(body, in_body=True))

    def read(chunk: int) -> bool:
        reader = _CHUNKS.get(chunk)
        if reader is not None:
            reader(nodes, found)
        return reader is not None

    nodes.stream.chunks(read, nodes.unread)
    if not nodes.stream.stopped and nodes.stream.left:
        note(nodes.unread, f"{nodes.stream.left} byte(s) behind the end mark")
    found.unread = tuple(nodes.unread)
    return found


_Reader = Callable[[Nodes, MapBody], None]


def _skip(size: int) -> _Reader:
    return lambda nodes, found: nodes.stream.skip(size)


def _skip_ident(nodes: Nodes, found: MapBody) -> None:
    nodes.stream.ident()


def _parameters(nodes: Nodes, found: MapBody) -> None:
    """The blocks one may build with, the parameters, the kind of map."""
    nodes.read({COLLECTOR_LIST: _collectors})
    if not nodes.stream.stopped:
        nodes.read({PARAMETERS: lambda inner: _parameter_chunks(inner, found)})
    if not nodes.stream.stopped:
        nodes.stream.skip(4)


def _collectors(nodes: Nodes) -> None:
    stream = nodes.stream

    def read(chunk: int) -> bool:
        if chunk != COLLECTOR_LIST:
            return False
        for _ in range(stream.count(16, limits.MAX_BLOCKS, "kinds of block")):
            stream.ident()
            stream.skip(4)
        return True

    stream.chunks(read, nodes.unread)


def _parameter_chunks(nodes: Nodes, found: MapBody) -> None:
    stream = nodes.stream

    def read(chunk: int) -> bool:
        if chunk == 0x0305B001:
            for _ in range(4):
                stream.string()  # tips
        elif chunk == 0x0305B004:
            bronze, silver, gold, author = stream.unpack(_MEDALS)
            found.medals = bronze, silver, gold, author
            stream.skip(4)
        elif chunk == 0x0305B006:
            stream.skip(4 * stream.count(4, limits.MAX_BLOCKS, "items"))
        elif chunk == 0x0305B008:
            stream.skip(4)  # time limit on stunts maps
            found.author_score = stream.i32()
        elif chunk == 0x0305B00A:
            stream.skip(stream.left)  # the same again
        elif chunk == 0x0305B00D:
            nodes.read({GHOST: skip_ghost})
        elif chunk in _PARAMETER_BYTES:
            stream.skip(_PARAMETER_BYTES[chunk])
        else:
            return False
        return True

    stream.chunks(read, nodes.unread)


_PARAMETER_BYTES = {
    0x0305B000: 32,
    0x0305B002: 64,
    0x0305B003: 24,
    0x0305B005: 12,
    0x0305B007: 4,
}


def _name(nodes: Nodes, found: MapBody) -> None:
    found.name = nodes.stream.string()


def _identity(nodes: Nodes, found: MapBody) -> None:
    found.uid, found.environment, found.author = nodes.stream.ident()


def _first_map(nodes: Nodes, found: MapBody) -> None:
    _identity(nodes, found)
    nodes.stream.skip(12)  # size
    skip_block_nodes(nodes)
    if not nodes.stream.stopped:
        nodes.stream.skip(4)  # whether it must be unlocked
        found.mood = nodes.stream.ident()[0]


def _powerup_map(nodes: Nodes, found: MapBody) -> None:
    _identity(nodes, found)
    _name(nodes, found)
    found.mood = nodes.stream.ident()[0]
    nodes.stream.skip(16)  # size, whether it must be unlocked
    skip_blocks(nodes, 2)


def _map(nodes: Nodes, found: MapBody) -> None:
    _identity(nodes, found)
    _name(nodes, found)
    found.mood = nodes.stream.ident()[0]
    nodes.stream.skip(16)
    version = nodes.stream.u32()
    if version > 1:  # ManiaPlanet and later have more in a block
        nodes.stream.stop(nodes.unread, f"blocks of version {version} and all behind them")
    else:
        skip_blocks(nodes, 4 if version == 1 else 2)


def _checkpoints(nodes: Nodes, found: MapBody) -> None:
    found.checkpoint_count = nodes.stream.count(12, limits.MAX_CHECKPOINTS, "checkpoints")
    nodes.stream.skip(12 * found.checkpoint_count)


def _laps(nodes: Nodes, found: MapBody) -> None:
    found.is_multilap = nodes.stream.u32() != 0
    found.laps = nodes.stream.i32()


def _file(nodes: Nodes, found: MapBody) -> None:
    nodes.stream.file_reference()


def _type(nodes: Nodes, found: MapBody) -> None:
    found.map_type = MAP_TYPES.get(nodes.stream.u32())


def _old_password(nodes: Nodes, found: MapBody) -> None:
    nodes.stream.skip(4)
    nodes.stream.string()


def _password(nodes: Nodes, found: MapBody) -> None:
    found.password_protected = nodes.stream.take(16) != _NO_PASSWORD
    nodes.stream.skip(4)  # a checksum over the hash and the uid


def _clips(nodes: Nodes, found: MapBody) -> None:
    """The intro, the clips of the race, the clips of its end."""
    found.has_intro = not nodes.next_is_none
    intro = nodes.read({CLIP: read_clip})
    if intro is not None and not nodes.stream.stopped:
        found.intro_ms = round(intro.end_s * 1000)
    for _ in range(2):
        if not nodes.stream.stopped:
            nodes.read({CLIP_GROUP: read_clip_group})


def _global_clip(nodes: Nodes, found: MapBody) -> None:
    nodes.read({CLIP: read_clip})


def _camera_and_comments(nodes: Nodes, found: MapBody) -> None:
    """A camera for the thumbnail, if one was set: u8, a 3 x 3 matrix, a place, three numbers; the comments."""
    if nodes.stream.u32():
        nodes.stream.skip(1 + 36 + 12 + 12)
    found.comments = nodes.stream.string()


_CHUNKS: dict[int, _Reader] = {
    # chunk: (reader)                      games that write it
    0x0304300D: _skip_ident,  #            all: vehicle
    0x0304300F: _first_map,  #             TM1.0
    0x03043011: _parameters,  #            all
    0x03043012: _name,  #                  TM1.0
    0x03043013: _powerup_map,  #           TMPU
    0x03043014: _old_password,  #          TMPU to TMU
    0x03043016: _skip(4),  #               TMS to ESWC
    0x03043017: _checkpoints,  #           TMS to TMF
    0x03043018: _laps,  #                  TMS and later
    0x03043019: _file,  #                  TMS and later
    0x0304301C: _type,  #                  TMS to TMF
    0x0304301F: _map,  #                   TMS and later
    0x03043021: _clips,  #                 TMS to TMF
    0x03043022: _skip(4),  #               TMS and later
    0x03043024: _file,  #                  TMS and later: song
    0x03043025: _skip(16),  #              TMS and later: origin and target
    0x03043026: _global_clip,  #           ESWC and later
    0x03043028: _camera_and_comments,  #   TMU and later
    0x03043029: _password,  #              TMF and later
    0x0304302A: _skip(4),  #               TMF and later
}
