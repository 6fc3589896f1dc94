"""The unpacked body of a replay: the map, the ghosts and, in older games, the inputs.

Chunks and the games that write them: docs/facts/gbx.md#replay-body.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tmxdb.gbx.format import limits
from tmxdb.gbx.format.classes import CLIP, GHOST, new_id
from tmxdb.gbx.format.nodes import NodeReader
from tmxdb.gbx.format.stream import Stream, add_note
from tmxdb.gbx.replay_parts.ghost import Ghost, read_ghost
from tmxdb.gbx.replay_parts.inputs import Inputs, read_inputs, read_old_inputs

_MAP = 0x03093002


@dataclass(slots=True, eq=False)
class ReplayBody:
    """Contents of a body; filled while its chunks are read and not changed afterwards."""

    map_span: tuple[int, int] | None = None
    """Begin and end of the embedded map in the body."""
    ghosts: tuple[Ghost, ...] = ()
    ghost_count: int = 0
    """As announced; higher than the length of `ghosts` if one could not be read."""
    recorded: Inputs | None = None
    """The inputs of the run, where the game does not store them in the ghost (before United)."""
    exe_version: str | None = None
    has_clip: bool | None = None
    unread: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is neither a map nor a ghost."""
        return self.map_span is None and self.ghost_count == 0


def find_map(body: bytes) -> tuple[int, int] | None:
    """Return begin and end of the embedded map; None if a chunk of unknown size precedes it.

    The map is the first chunk in every file seen, so it can be read without reading any ghost.
    """
    stream = Stream(body, in_body=True)
    for _ in range(limits.MAX_CHUNKS):
        if not stream.remaining:
            return None
        stored_id, size = stream.chunk_head()
        if new_id(stored_id) == _MAP:
            return _map_span(stream)
        if size is None:
            return None
        stream.skip(size)
    return None


def read_body(body: bytes) -> ReplayBody:
    """Return everything in the body that can be read. Raise GbxError if a ghost or a size is damaged."""
    result = ReplayBody()
    stream = Stream(body, in_body=True)
    nodes = NodeReader(stream)
    nodes.read_chunks(_CHUNKS, result)
    if not stream.stopped and result.has_clip is None:
        result.has_clip = False
    if not stream.stopped and stream.remaining:
        add_note(nodes.unread, f"{stream.remaining} byte(s) after the end mark")
    result.unread = tuple(nodes.unread)
    return result


def read_ghost_body(body: bytes) -> ReplayBody:
    """Return the contents of a ghost file (a ladder download): one ghost, no map."""
    ghost = read_ghost(Stream(body, in_body=True))
    return ReplayBody(ghosts=(ghost,), ghost_count=1, unread=ghost.unread)


_Reader = Callable[[NodeReader, ReplayBody], None]

_GHOST = {GHOST: lambda nodes: read_ghost(nodes.stream)}


def _map_span(stream: Stream) -> tuple[int, int]:
    begin = stream.pos + 4
    size = stream.count(1, limits.MAX_MAP_BYTES, "bytes of the map")
    stream.skip(size)
    return begin, begin + size


def _read_map(nodes: NodeReader, result: ReplayBody) -> None:
    span = _map_span(nodes.stream)
    if result.map_span is None:
        result.map_span = span
    else:
        add_note(nodes.unread, "another map")


def _skip(size: int) -> _Reader:
    return lambda nodes, result: nodes.stream.skip(size)


def _skip_rest(nodes: NodeReader, result: ReplayBody) -> None:
    nodes.stream.skip(nodes.stream.remaining)


def _read_old_inputs(nodes: NodeReader, result: ReplayBody) -> None:
    result.recorded = read_old_inputs(nodes.stream)


def _read_inputs(nodes: NodeReader, result: ReplayBody) -> None:
    result.recorded = read_inputs(nodes.stream)


def _read_ghosts(nodes: NodeReader, result: ReplayBody) -> None:
    """Read the list of ghosts, an i32, and u32 n with n x 8 bytes."""
    result.ghost_count, ghosts = nodes.read_list(_GHOST, limits.MAX_GHOSTS, "ghosts")
    result.ghosts = tuple(ghosts)
    for ghost in ghosts:
        for what in ghost.unread:
            add_note(nodes.unread, what)
    inputs = sum(ghost.recorded.count for ghost in ghosts if ghost.recorded)
    if inputs > limits.MAX_INPUTS:
        raise nodes.stream.error(
            "gbx.too_large", f"{inputs:,} inputs in all ghosts; the limit is {limits.MAX_INPUTS:,}"
        )
    if not nodes.stream.stopped:
        nodes.stream.skip(4)
        nodes.stream.skip(8 * nodes.stream.count(8, limits.MAX_GHOSTS, "extras of ghosts"))


def _read_old_ghosts(nodes: NodeReader, result: ReplayBody) -> None:
    nodes.stream.skip(4)  # version
    _read_ghosts(nodes, result)


def _read_version(nodes: NodeReader, result: ReplayBody) -> None:
    """Read the version of the game that recorded the run, and u32 n with n x 72 bytes."""
    result.exe_version = nodes.stream.string()
    nodes.stream.skip(72 * nodes.stream.count(72, limits.MAX_GHOSTS, "players"))


def _read_clip(nodes: NodeReader, result: ReplayBody) -> None:
    result.has_clip = not nodes.next_is_empty
    if not result.has_clip:
        nodes.read({})
        return
    from tmxdb.gbx.map_body.clips import read_clip  # imported here because few replays have a clip

    nodes.read({CLIP: read_clip})


_CHUNKS: dict[int, _Reader] = {
    # chunk: (reader)                 games that write it
    _MAP: _read_map,  #               all
    0x03093003: _read_old_inputs,  #  TM1.0, TMPU
    0x03093004: _read_old_ghosts,  #  TM1.0 to TMU
    0x03093005: _skip(4),  #          TM1.0
    0x03093007: _skip(4),  #          TMPU and later
    0x03093008: _read_version,  #     TMPU to TMNESWC
    0x0309300C: _read_clip,  #        TMS to TMU
    0x0309300D: _read_inputs,  #      TMS to TMNESWC
    0x0309300F: _skip_rest,  #        TMS to TMNESWC: the version again and settings
    0x03093011: _skip(0),  #          TMNESWC, TMU
    0x03093013: _skip_rest,  #        TMU
    0x03093014: _read_ghosts,  #      TMF and later
    0x03093015: _read_clip,  #        TMF and later
}
