"""The duration of MediaTracker clips: docs/facts/gbx.md#mediatracker-clips.

A clip has tracks, a track has blocks, and a block has a span or a list of keys with times in seconds. A block of a
class that is not in the table stops the stream.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from struct import Struct

from tmxdb.gbx.format import limits
from tmxdb.gbx.format.classes import CLIP, GHOST, TRACK
from tmxdb.gbx.format.nodes import NodeReader
from tmxdb.gbx.format.stream import Stream
from tmxdb.gbx.replay_parts.ghost import skip_ghost

_MAX_ITEMS = 10_000  # clips, tracks, blocks or keys in one list
_SPAN = Struct("<2f")
_MAX_SECONDS = 1_000_000


@dataclass(slots=True, eq=False)
class Clip:
    """The duration of a clip, track or block: the latest time in it, or 0 s without times."""

    end_s: float = 0.0

    def extend(self, end_s: float) -> None:
        """Extend the duration to `end_s`, unless that is not a plausible time."""
        if math.isfinite(end_s) and self.end_s < end_s < _MAX_SECONDS:
            self.end_s = end_s


_Reader = Callable[[NodeReader, Clip], None]


def read_clip(nodes: NodeReader) -> Clip:
    """Return the duration of the clip whose chunks begin at the current position."""
    return _read(_CLIP_CHUNKS, nodes)


def read_clip_group(nodes: NodeReader) -> Clip:
    """Return the duration of the longest clip of a group."""
    return _read(_GROUP_CHUNKS, nodes)


def _read(readers: dict[int, _Reader], nodes: NodeReader) -> Clip:
    clip = Clip()
    nodes.read_chunks(readers, clip)
    return clip


def _skip(size: int) -> _Reader:
    return lambda nodes, clip: nodes.stream.skip(size)


def _parts(readers: Mapping[int, Callable[[NodeReader], Clip]], what: str) -> _Reader:
    """Return a reader of a list of tracks, blocks or clips."""

    def read(nodes: NodeReader, clip: Clip) -> None:
        for part in nodes.read_list(readers, _MAX_ITEMS, what, may_be_other=True)[1]:
            clip.extend(part.end_s)

    return read


def _tracks_and_name(nodes: NodeReader, clip: Clip) -> None:
    _parts({TRACK: partial(_read, _TRACK_CHUNKS)}, "tracks")(nodes, clip)
    if not nodes.stream.stopped:
        nodes.stream.skip_string()


def _tracks_name_and_flag(nodes: NodeReader, clip: Clip) -> None:
    _tracks_and_name(nodes, clip)
    if not nodes.stream.stopped:
        nodes.stream.skip(4)


def _name_and_blocks(nodes: NodeReader, clip: Clip) -> None:
    nodes.stream.skip_string()
    _parts(_BLOCKS, "blocks")(nodes, clip)
    if not nodes.stream.stopped:
        nodes.stream.skip(4)


def _no_node(nodes: NodeReader, clip: Clip) -> None:
    nodes.read({}, may_be_other=True)


def _span(rest: int = 0) -> _Reader:
    def read(nodes: NodeReader, clip: Clip) -> None:
        clip.extend(nodes.stream.unpack(_SPAN)[1])
        nodes.stream.skip(rest)

    return read


def _keys(key_bytes: int, rest: int = 0) -> _Reader:
    key = Struct(f"<f{key_bytes - 4}x")

    def read(nodes: NodeReader, clip: Clip) -> None:
        stream = nodes.stream
        number = stream.count(key_bytes, _MAX_ITEMS, "keys")
        for (time_s,) in key.iter_unpack(stream.take(number * key_bytes)):
            clip.extend(time_s)
        stream.skip(rest)

    return read


def _game_camera(nodes: NodeReader, clip: Clip) -> None:
    clip.extend(nodes.stream.unpack(_SPAN)[1])
    nodes.stream.id()
    nodes.stream.skip(4)


def _triangles(nodes: NodeReader, clip: Clip) -> None:
    """Read the times of keys, a position of every corner for every key, colours of corners, triangles, and 28 bytes."""
    stream = nodes.stream
    _keys(4)(nodes, clip)
    keys = stream.count(0, _MAX_ITEMS, "keys")
    corners = stream.count(12 * keys, _MAX_ITEMS, "corners")
    stream.skip(12 * keys * corners)
    stream.skip(16 * stream.count(16, _MAX_ITEMS, "corners"))
    stream.skip(12 * stream.count(12, _MAX_ITEMS, "triangles"))
    stream.skip(28)


def _image(nodes: NodeReader, clip: Clip) -> None:
    _effect(nodes, clip)
    if not nodes.stream.stopped:
        nodes.stream.skip_file_reference()


def _text(nodes: NodeReader, clip: Clip) -> None:
    nodes.stream.skip_string()
    _effect(nodes, clip)


def _effect(nodes: NodeReader, clip: Clip) -> None:
    effect = nodes.read({_EFFECT: partial(_read, _EFFECT_CHUNKS)}, may_be_other=True)
    clip.extend(effect.end_s if effect else 0.0)


def _ghost(nodes: NodeReader, clip: Clip) -> None:
    clip.extend(nodes.stream.unpack(_SPAN)[1])
    nodes.read({GHOST: skip_ghost})
    if not nodes.stream.stopped:
        nodes.stream.skip(4)


def _sound(nodes: NodeReader, clip: Clip) -> None:
    nodes.stream.skip_file_reference()
    _keys(12)(nodes, clip)


def _sound_options(nodes: NodeReader, clip: Clip) -> None:
    """Skip u32 version, i32 play count, bool looping, bool music; from version 1 one more number, from 2 three."""
    nodes.stream.skip(12 + {0: 0, 1: 4}.get(nodes.stream.u32(), 12))


def _placed_sound(nodes: NodeReader, clip: Clip) -> None:
    nodes.stream.skip_file_reference()
    _keys(12 if nodes.stream.u32() == 0 else 24)(nodes, clip)


def _clips_and_triggers(version: int) -> _Reader:
    """Return a reader of a group: clips, then a trigger for each: coordinates, four numbers (2), a condition (3)."""

    def read(nodes: NodeReader, clip: Clip) -> None:
        _parts({CLIP: read_clip}, "clips")(nodes, clip)
        stream = nodes.stream
        if stream.stopped:
            return
        for _ in range(stream.count(4, _MAX_ITEMS, "triggers")):
            if version == 3:
                stream.skip(24)
            _skip_coordinates(stream)
            if version == 2:
                stream.skip(16)

    return read


def _skip_coordinates(stream: Stream) -> None:
    stream.skip(12 * stream.count(12, limits.MAX_BLOCKS, "coordinates"))


_EFFECT = 0x07010000

_CLIP_CHUNKS: dict[int, _Reader] = {
    0x03079002: _tracks_name_and_flag,
    0x03079003: _tracks_and_name,
    0x03079004: _no_node,  # a scene: empty in every file seen
    0x03079005: _tracks_and_name,
    0x03079007: _skip(4),
}
_TRACK_CHUNKS: dict[int, _Reader] = {
    0x03078001: _name_and_blocks,
    0x03078002: _skip(4),
    0x03078003: _skip(4),
    0x03078004: _skip(8),
}
_GROUP_CHUNKS: dict[int, _Reader] = {
    0x0307A001: _clips_and_triggers(1),
    0x0307A002: _clips_and_triggers(2),
    0x0307A003: _clips_and_triggers(3),
}
_EFFECT_CHUNKS: dict[int, _Reader] = {
    0x07010001: _keys(28, 4),
    0x07010002: _keys(32, 4),
    0x07010004: _keys(48, 12),
    0x07010005: _keys(48, 16),
}
_BLOCK_CHUNKS: dict[int, _Reader] = {
    0x03029001: _triangles,
    0x03029002: _skip(4),
    0x03080000: _keys(116),  # colours
    0x03080001: _keys(116),
    0x03080002: _keys(116),
    0x03080003: _keys(116),
    0x03081001: _keys(16),  # depth of field
    0x03082000: _span(),  # motion blur
    0x03083001: _keys(12),  # bloom
    0x03084000: _span(4),  # camera of the game
    0x03084001: _span(8),
    0x03084003: _game_camera,
    0x03085000: _keys(12),  # speed of time
    0x030A0000: _keys(41),  # orbital camera
    0x030A1000: _keys(80),  # camera on a path
    0x030A1001: _keys(80),
    0x030A1002: _keys(80),
    0x030A2001: _keys(80),  # free camera
    0x030A2002: _keys(96),
    0x030A2005: _keys(96),
    0x030A4000: _keys(12),  # shaking camera
    0x030A5000: _image,
    0x030A5001: _skip(4),
    0x030A6000: _keys(8),  # volume of the music
    0x030A6001: _keys(12),
    0x030A7001: _sound,
    0x030A7002: _skip(8),
    0x030A7003: _sound_options,
    0x030A7004: _placed_sound,
    0x030A8001: _text,
    0x030A8002: _skip(12),
    0x030A8003: _skip(4),
    0x030A9000: _span(),  # trails
    0x030AB000: _keys(8, 16),  # fade
    0x030E5001: _ghost,
}
_TRIANGLE_CLASSES = (0x0304B000, 0x0304C000)  # flat and in space; both have the chunks of 03029000
_BLOCKS = {
    class_id: partial(_read, _BLOCK_CHUNKS)
    for class_id in (*{chunk & 0xFFFFF000 for chunk in _BLOCK_CHUNKS}, *_TRIANGLE_CLASSES)
}
