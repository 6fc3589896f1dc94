"""A copy of a map without its MediaTracker clips, for games in which an intro would have to be waited for.

Only the three references of chunk 021 become empty (docs/facts/gbx.md#map-body): intro, clips in the race, clips at its
end. All other bytes of the body stay, and with them the uid. The copy is read back and compared before it is returned.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from struct import Struct
from typing import TypeVar

import lzokay

from tmxdb.errors import GbxError
from tmxdb.gbx.challenge import read_challenge
from tmxdb.gbx.format.nodes import NodeReader
from tmxdb.gbx.format.stream import Stream
from tmxdb.gbx.map_body.body import MAP_CHUNKS, MapBody, read_map_body

T = TypeVar("T")
_CLIPS = 0x03043021
_NO_CLIPS = Struct("<3i").pack(-1, -1, -1)
_SIZES = Struct("<2I")


def without_clips(data: bytes) -> bytes:
    """Return the map file without clips; the same bytes if it has none. Raise GbxError if they cannot be cut out."""
    challenge = read_challenge(data)
    container = challenge.container
    body = container.unpack_body()
    span = _clips_span(body)
    if span is None or body[slice(*span)] == _NO_CLIPS:
        return data
    cut = body[: span[0]] + _NO_CLIPS + body[span[1] :]
    _check(body, cut)
    end = len(data) - container.trailing_bytes
    begin = end - container.stored_body_bytes
    if not container.is_packed:
        return data[:begin] + cut + data[end:]
    packed = lzokay.compress(cut)
    whole = data[: begin - _SIZES.size] + _SIZES.pack(len(cut), len(packed)) + packed + data[end:]
    if read_challenge(whole).container.unpack_body() != cut:
        raise GbxError("gbx.lzo", "the body without clips could not be packed", in_body=True)
    return whole


def _clips_span(body: bytes) -> tuple[int, int] | None:
    """Return where the clips begin and end in the body; None if it has no such chunk.

    Raise GbxError if their end is unknown, or if something after them refers to a name or an object in them.
    """
    nodes = _WatchedReader(_WatchedStream(body, in_body=True))
    stream = nodes.watched
    spans: list[tuple[int, int]] = []
    names: list[int] = []

    def read_watched(_: NodeReader, result: MapBody) -> None:
        begin, names_before, seen_before = stream.pos, stream.name_count, nodes.seen_objects
        MAP_CHUNKS[_CLIPS](nodes, result)
        if stream.stopped:
            raise GbxError("gbx.unsupported", f"clips with something unknown: {nodes.unread[-1]}", in_body=True)
        spans.append((begin, stream.pos))
        names.append(stream.name_count - names_before)
        nodes.inside = nodes.seen_objects - seen_before
        stream.watch_from = stream.pos

    nodes.read_chunks({**MAP_CHUNKS, _CLIPS: read_watched}, MapBody())
    if not spans:
        return None
    if len(spans) > 1:
        raise GbxError("gbx.corrupt", "two lists of clips", in_body=True)
    if stream.stopped:
        raise GbxError("gbx.unsupported", f"after the clips: {nodes.unread[-1]}", in_body=True)
    if (names[0] and stream.reads_names) or nodes.refers_inside:
        raise GbxError("gbx.unsupported", "something after the clips refers to a name or object in them", in_body=True)
    return spans[0]


def _check(before: bytes, after: bytes) -> None:
    """Raise GbxError if anything but the clips differs between two bodies."""
    old, new = read_map_body(before, with_blocks=True), read_map_body(after, with_blocks=True)
    expected = replace(old, has_intro=False, intro_ms=None)
    names = [name for name in MapBody.__slots__ if name != "unread"]
    if any(getattr(expected, name) != getattr(new, name) for name in names):
        raise GbxError("gbx.corrupt", "cutting out the clips would change other facts", in_body=True)


class _WatchedStream(Stream):
    """Notes whether ids are read after the clips."""

    __slots__ = ("reads_names", "watch_from")

    def __init__(self, data: bytes, *, in_body: bool) -> None:
        super().__init__(data, in_body=in_body)
        self.watch_from: int | None = None
        self.reads_names = False

    @property
    def name_count(self) -> int:
        return len(self.names or ())

    def id(self) -> str:
        self.reads_names = self.reads_names or self.watch_from is not None
        return super().id()


class _WatchedReader(NodeReader):
    """Notes whether an object inside the clips is referred to after them."""

    __slots__ = ("inside", "refers_inside", "watched")

    def __init__(self, stream: _WatchedStream) -> None:
        super().__init__(stream)
        self.watched = stream
        self.inside: frozenset[int] = frozenset()
        self.refers_inside = False

    @property
    def seen_objects(self) -> frozenset[int]:
        """The indexes of all objects read so far."""
        return frozenset(self._seen)

    def read(self, readers: Mapping[int, Callable[[NodeReader], T]], *, may_be_other: bool = False) -> T | None:
        at = self.stream.pos
        index = self.stream.i32()
        self.stream.pos = at
        self.refers_inside = self.refers_inside or index in self.inside
        return super().read(readers, may_be_other=may_be_other)
