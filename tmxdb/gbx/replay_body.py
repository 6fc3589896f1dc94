"""The unpacked body of a replay: the map, the ghosts, and in older games the inputs.

Layout of the chunks and which game writes which: GBX.NET `CGameCtnReplayRecord.chunkl`; checked on 111 replays.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .format import limits
from .format.classes import CLIP, GHOST, new_id
from .format.nodes import Nodes
from .format.stream import Stream, note
from .ghost import Ghost, read_ghost
from .inputs import Inputs, read_inputs, read_old_inputs

_MAP = 0x03093002


@dataclass(slots=True, eq=False)
class ReplayBody:
    """What a body holds; filled while its chunks are read, then left alone."""

    map_span: tuple[int, int] | None = None
    """Where in the body the embedded map begins and ends."""
    ghosts: tuple[Ghost, ...] = ()
    ghost_count: int = 0
    """As announced: more than `ghosts` if one of them could not be followed."""
    recorded: Inputs | None = None
    """The inputs of the run, where the game does not store them in the ghost (before United)."""
    exe_version: str | None = None
    has_clip: bool | None = None
    unread: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing of use was found."""
        return self.map_span is None and self.ghost_count == 0


def find_map(body: bytes) -> tuple[int, int] | None:
    """Begin and end of the embedded map, if no chunk stands before it that would have to be understood.

    It is the first chunk in every file seen, so that a map can be had without looking at any ghost.
    """
    stream = Stream(body, in_body=True)
    for _ in range(limits.MAX_CHUNKS):
        if not stream.left:
            return None
        stored_id, size = stream.chunk_head()
        if new_id(stored_id) == _MAP:
            return _map_span(stream)
        if size is None:
            return None
        stream.skip(size)
    return None


def read_body(body: bytes) -> ReplayBody:
    """Everything that can be followed; GbxError where a ghost or a size is damaged."""
    found = ReplayBody()
    stream = Stream(body, in_body=True)
    nodes = Nodes(stream)

    def read(chunk: int) -> bool:
        reader = _CHUNKS.get(chunk)
        if reader is not None:
            reader(nodes, found)
        return reader is not None

    stream.chunks(read, nodes.unread)
    if not stream.stopped and found.has_clip is None:
        found.has_clip = False
    if not stream.stopped and stream.left:
        note(nodes.unread, f"{stream.left} byte(s) behind the end mark")
    found.unread = tuple(nodes.unread)
    return found


def read_ghost_body(body: bytes) -> ReplayBody:
    """The body of a file that is a ghost (ladder downloads): one ghost, no map."""
    ghost = read_ghost(Stream(body, in_body=True))
    return ReplayBody(ghosts=(ghost,), ghost_count=1, unread=ghost.unread)


_Reader = Callable[[Nodes, ReplayBody], None]

_GHOST = {GHOST: lambda nodes: read_ghost(nodes.stream)}


def _map_span(stream: Stream) -> tuple[int, int]:
    begin = stream.pos + 4
    size = stream.count(1, limits.MAX_MAP_BYTES, "bytes of the map")
    stream.skip(size)
    return begin, begin + size


def _map(nodes: Nodes, found: ReplayBody) -> None:
    span = _map_span(nodes.stream)
    if found.map_span is None:
        found.map_span = span
    else:
        note(nodes.unread, "another map")


def _skip(size: int) -> _Reader:
    return lambda nodes, found: nodes.stream.skip(size)


def _skip_all(nodes: Nodes, found: ReplayBody) -> None:
    nodes.stream.skip(nodes.stream.left)


def _old_inputs(nodes: Nodes, found: ReplayBody) -> None:
    found.recorded = read_old_inputs(nodes.stream)


def _inputs(nodes: Nodes, found: ReplayBody) -> None:
    found.recorded = read_inputs(nodes.stream)


def _ghosts(nodes: Nodes, found: ReplayBody) -> None:
    """The list of ghosts, i32, u32 n, n x 8 bytes."""
    found.ghost_count, ghosts = nodes.read_list(_GHOST, limits.MAX_GHOSTS, "ghosts")
    found.ghosts = tuple(ghosts)
    for ghost in ghosts:
        for what in ghost.unread:
            note(nodes.unread, what)
    inputs = sum(ghost.recorded.count for ghost in ghosts if ghost.recorded)
    if inputs > limits.MAX_INPUTS:
        raise nodes.stream.error(
            "gbx.too_large", f"{inputs} inputs in all ghosts; at most {limits.MAX_INPUTS} are read"
        )
    if not nodes.stream.stopped:
        nodes.stream.skip(4)
        nodes.stream.skip(8 * nodes.stream.count(8, limits.MAX_GHOSTS, "extras of ghosts"))


def _old_ghosts(nodes: Nodes, found: ReplayBody) -> None:
    nodes.stream.skip(4)  # version
    _ghosts(nodes, found)


def _version(nodes: Nodes, found: ReplayBody) -> None:
    """The game that recorded the run: version, then u32 n, n x 72 bytes."""
    found.exe_version = nodes.stream.string()
    nodes.stream.skip(72 * nodes.stream.count(72, limits.MAX_GHOSTS, "players"))


def _clip(nodes: Nodes, found: ReplayBody) -> None:
    found.has_clip = not nodes.next_is_none
    if not found.has_clip:
        nodes.read({})
        return
    from .mapbody.clips import read_clip  # few replays have one

    nodes.read({CLIP: read_clip})


_CHUNKS: dict[int, _Reader] = {
    # chunk: (reader)             games that write it
    _MAP: _map,  #                all
    0x03093003: _old_inputs,  #   TM1.0, TMPU
    0x03093004: _old_ghosts,  #   TM1.0 to TMU
    0x03093005: _skip(4),  #      TM1.0
    0x03093007: _skip(4),  #      TMPU and later
    0x03093008: _version,  #      TMPU to ESWC
    0x0309300C: _clip,  #         TMS to TMU
    0x0309300D: _inputs,  #       TMS to ESWC
    0x0309300F: _skip_all,  #     TMS to ESWC: the version again and settings
    0x03093011: _skip(0),  #      ESWC, TMU
    0x03093013: _skip_all,  #     TMU
    0x03093014: _ghosts,  #       TMF and later
    0x03093015: _clip,  #         TMF and later
}
