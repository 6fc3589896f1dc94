"""Readers of the header chunks of a map: docs/facts/gbx.md#map-header."""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from typing import Any

from tmxdb.gbx.format import limits
from tmxdb.gbx.format.container import Container
from tmxdb.gbx.format.games import MAP_TYPES
from tmxdb.gbx.format.stream import Stream

_RACE, _IDENTITY, _XML, _THUMBNAIL = 0x03043002, 0x03043003, 0x03043005, 0x03043007

_MEDALS = Struct("<4i")

# Markers around the parts of chunk 007; they are stored without a length.
_JPEG_BEGIN, _JPEG_END = b"<Thumbnail.jpg>", b"</Thumbnail.jpg>"
_COMMENTS_BEGIN, _COMMENTS_END = b"<Comments>", b"</Comments>"


@dataclass(frozen=True, slots=True)
class MapRace:
    """Chunk 002. None for fields that the version of the chunk does not have."""

    version: int
    """3 TM1.0, 4 TMPU, 7 to 10 TMS, 10 TMO to TMU, 11 TMF, 13 later."""
    medals: tuple[int, int, int, int] | None = None
    """Bronze, silver, gold, author; -1 for not set."""
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
    """Return chunk 002; None if the file does not have it. This and the functions below raise GbxError on damage."""
    stream = _stream(container, _RACE)
    if stream is None:
        return None
    version = stream.u8()
    if version < 3:  # described in GBX.NET, not seen in files
        stream.ident()
        stream.skip_string()
    stream.skip(4)  # bool: must be unlocked
    facts: dict[str, Any] = {}
    if version >= 1:
        facts["medals"] = stream.unpack(_MEDALS)
    if version == 2:
        stream.skip(1)
    if version >= 4:
        facts["cost"] = stream.optional_i32()
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
    """Return chunk 003."""
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
        stream.skip_string()  # password: empty in every map, even with a password
    if version >= 2:
        mood = stream.ident()[0]
    return MapIdentity(uid, environment, author, name, mood)


def read_xml(container: Container) -> str | None:
    """Return chunk 005."""
    stream = _stream(container, _XML)
    return None if stream is None else stream.string()


def read_picture(container: Container) -> MapPicture | None:
    """Return chunk 007."""
    stream = _stream(container, _THUMBNAIL)
    if stream is None or stream.u32() == 0:
        return None
    size = stream.count(1, limits.MAX_USER_DATA_BYTES, "bytes of the thumbnail")
    _expect(stream, _JPEG_BEGIN)
    thumbnail = stream.take(size)
    _expect(stream, _JPEG_END)
    _expect(stream, _COMMENTS_BEGIN)
    comments = stream.string()
    _expect(stream, _COMMENTS_END)
    return MapPicture(thumbnail, comments)


def _stream(container: Container, chunk: int) -> Stream | None:
    data = container.header_chunks.get(chunk)
    return None if data is None else Stream(data)


def _expect(stream: Stream, marker: bytes) -> None:
    at = stream.pos
    if stream.take(len(marker)) != marker:
        raise stream.error("gbx.corrupt", f"{marker.decode()} expected", at)
