"""The header chunks of a map. Source: GBX.NET `CGameCtnChallenge.chunkl`, chunks 002 to 007 marked "header"."""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from typing import Any

from .format import limits, xml
from .format.container import Container
from .format.stream import Stream
from .mapbody.body import MAP_TYPES

_RACE, _IDENTITY, _XML, _THUMBNAIL = 0x03043002, 0x03043003, 0x03043005, 0x03043007

_MEDALS = Struct("<4i")

# Around the parts of chunk 007; they have no length in front of them.
_JPEG_BEGIN, _JPEG_END = b"<Thumbnail.jpg>", b"</Thumbnail.jpg>"
_COMMENTS_BEGIN, _COMMENTS_END = b"<Comments>", b"</Comments>"


@dataclass(frozen=True, slots=True)
class ChallengeHeader:
    """Facts of the header; None where the game stores none."""

    version: int | None = None
    """Of the race chunk: 3 TM1.0, 4 TMPU, 7 to 10 TMS, 10 TMO to TMU, 11 TMF, 13 later."""
    medals: tuple[int, int, int, int] | None = None
    """Bronze, silver, gold, author; -1 for none."""
    cost: int | None = None
    is_multilap: bool | None = None
    map_type: str | None = None
    author_score: int | None = None
    laps: int | None = None
    uid: str | None = None
    environment: str | None = None
    author: str | None = None
    name: str | None = None
    mood: str | None = None
    xml: str | None = None
    thumbnail: bytes | None = None
    """JPEG, upside down; empty in many maps inside replays. None before United."""
    comments: str | None = None


def read_header(container: Container) -> ChallengeHeader:
    """The facts of the header chunks; GbxError if they are damaged."""
    chunks = container.header_chunks
    facts: dict[str, Any] = {}
    for chunk, read in _READERS.items():
        if chunk in chunks:
            read(Stream(chunks[chunk]), facts)
    return ChallengeHeader(**facts)


def _race(stream: Stream, facts: dict[str, Any]) -> None:
    version = facts["version"] = stream.u8()
    if version < 3:  # on paper only
        stream.ident()
        stream.string()
    stream.skip(4)  # whether it must be unlocked
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


def _identity(stream: Stream, facts: dict[str, Any]) -> None:
    version = stream.u8()
    facts["uid"], facts["environment"], facts["author"] = stream.ident()
    facts["name"] = stream.string()
    stream.skip(1)  # 6 in progress, 8 multiplayer or campaign, 9 solo
    if version >= 1:
        stream.skip(4)
        stream.string()  # password: empty in every map, those with a password included
    if version >= 2:
        facts["mood"] = stream.ident()[0]


def _xml(stream: Stream, facts: dict[str, Any]) -> None:
    facts["xml"] = stream.string()
    facts["laps"] = xml.number(facts["xml"], "desc", "nblaps")


def _thumbnail_and_comments(stream: Stream, facts: dict[str, Any]) -> None:
    if stream.u32() == 0:
        return
    size = stream.count(1, limits.MAX_USER_DATA_BYTES, "bytes of the thumbnail")
    _mark(stream, _JPEG_BEGIN)
    facts["thumbnail"] = stream.take(size)
    _mark(stream, _JPEG_END)
    _mark(stream, _COMMENTS_BEGIN)
    facts["comments"] = stream.string()
    _mark(stream, _COMMENTS_END)


def _mark(stream: Stream, mark: bytes) -> None:
    at = stream.pos
    if stream.take(len(mark)) != mark:
        raise stream.error("gbx.corrupt", f"no {mark.decode()} where it must be", at)


_READERS = {_RACE: _race, _IDENTITY: _identity, _XML: _xml, _THUMBNAIL: _thumbnail_and_comments}
