"""The header chunks of a map, each by itself.

Source: GBX.NET `CGameCtnChallenge.chunkl`, chunks 002 to 007 marked "header".
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from typing import Any

from .format import limits
from .format.container import Container
from .format.games import MAP_TYPES
from .format.stream import Stream

_RACE, _IDENTITY, _XML, _THUMBNAIL = 0x03043002, 0x03043003, 0x03043005, 0x03043007

_MEDALS = Struct("<4i")

# Around the parts of chunk 007; they have no length in front of them.
_JPEG_BEGIN, _JPEG_END = b"<Thumbnail.jpg>", b"</Thumbnail.jpg>"
_COMMENTS_BEGIN, _COMMENTS_END = b"<Comments>", b"</Comments>"


@dataclass(frozen=True, slots=True)
class MapRace:
    """Chunk 002. None where the version of the chunk has no such field."""

    version: int
    """3 TM1.0, 4 TMPU, 7 to 10 TMS, 10 TMO to TMU, 11 TMF, 13 later."""
    medals: tuple[int, int, int, int] | None = None
    """Bronze, silver, gold, author; -1 for none."""
    cost: int | None = None
    is_multilap: bool | None = None
    map_type: str | None = None
    author_score: int | None = None


@dataclass(frozen=True, slots=True)
class MapIdentity:
    """Chunk 003."""

    uid: str
    environment: str
    author: str
    name: str
    mood: str | None


@dataclass(frozen=True, slots=True)
class MapPicture:
    """Chunk 007, from United on."""

    thumbnail: bytes
    """JPEG, upside down; empty in many maps inside replays."""
    comments: str


def read_race(container: Container) -> MapRace | None:
    """None if the file has no such chunk, as in all below; GbxError if it is damaged."""
    stream = _stream(container, _RACE)
    if stream is None:
        return None
    version = stream.u8()
    if version < 3:  # on paper only
        stream.ident()
        stream.string()
    stream.skip(4)  # whether it must be unlocked
    facts: dict[str, Any] = {}
    if version >= 1:
        facts["medals"] = stream.unpack(_MEDALS)
    if version == 2:
        stream.skip(1)
    if version >= 4:
        facts["cost"] = stream.u32()
    if version >= 5:
        facts["is_multilap"] = stream.u32() != 0
    if version == 6:
        stream.skip(4)
    if version >= 7:
        facts["map_type"] = MAP_TYPES.get(stream.u32())
    if version >= 9:
        stream.skip(4)
    if version >= 10:
        facts["author_score"] = stream.i32()
    return MapRace(version, **facts)


def read_identity(container: Container) -> MapIdentity | None:
    stream = _stream(container, _IDENTITY)
    if stream is None:
        return None
    version = stream.u8()
    uid, environment, author = stream.ident()
    name = stream.string()
    stream.skip(1)  # 6 in progress, 8 multiplayer or campaign, 9 solo
    mood = None
    if version >= 1:
        stream.skip(4)
        stream.string()  # password: empty in every map, those with a password included
    if version >= 2:
        mood = stream.ident()[0]
    return MapIdentity(uid, environment, author, name, mood)


def read_xml(container: Container) -> str | None:
    stream = _stream(container, _XML)
    return None if stream is None else stream.string()


def read_picture(container: Container) -> MapPicture | None:
    stream = _stream(container, _THUMBNAIL)
    if stream is None or stream.u32() == 0:
        return None
    size = stream.count(1, limits.MAX_USER_DATA_BYTES, "bytes of the thumbnail")
    _mark(stream, _JPEG_BEGIN)
    thumbnail = stream.take(size)
    _mark(stream, _JPEG_END)
    _mark(stream, _COMMENTS_BEGIN)
    comments = stream.string()
    _mark(stream, _COMMENTS_END)
    return MapPicture(thumbnail, comments)


def _stream(container: Container, chunk: int) -> Stream | None:
    data = container.header_chunks.get(chunk)
    return None if data is None else Stream(data)


def _mark(stream: Stream, mark: bytes) -> None:
    at = stream.pos
    if stream.take(len(mark)) != mark:
        raise stream.error("gbx.corrupt", f"no {mark.decode()} where it must be", at)
