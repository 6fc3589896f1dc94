"""What a replay says about itself before its body: enough for a list of files, without unpacking.

Layout: GBX.NET `CGameCtnReplayRecord.SHeaderVersion`; versions by game: TMPU 1, TMS to ESWC 4, TMU 6, TMF 7,
ManiaPlanet and later 8. TM1.0 has no header chunk.
"""

from __future__ import annotations

from dataclasses import dataclass

from .format import limits
from .format.container import Container
from .format.stream import Stream

_FACTS, _XML = 0x03093000, 0x03093001


@dataclass(frozen=True, slots=True)
class ReplayHeader:
    """Facts of the header; None where the game stores none."""

    version: int | None = None
    map_uid: str | None = None
    map_environment: str | None = None
    map_author: str | None = None
    race_time_ms: int | None = None
    """Of the best ghost. None also if it did not finish."""
    nickname: str | None = None
    login: str | None = None
    xml: str | None = None
    """The XML text, which repeats uid and time and adds respawns, stunt score and `validable`."""

    @property
    def has_facts(self) -> bool:
        return self.map_uid is not None


def read_header(container: Container) -> ReplayHeader:
    """The facts of the header chunks; GbxError if they are damaged."""
    chunks = container.header_chunks
    xml = Stream(chunks[_XML]).string() if _XML in chunks else None
    if _FACTS not in chunks:
        return ReplayHeader(xml=xml)
    stream = Stream(chunks[_FACTS])
    version = stream.i32()
    # -1 in the bench replays that came with United and Forever: they have what version 6 has.
    if 0 <= version < 4 or version == 9999:
        return ReplayHeader(version, xml=xml)
    uid, environment, author = stream.ident()
    race_time_ms = stream.optional_i32()
    nickname = stream.string(limits.MAX_NAME_BYTES)
    login = stream.string(limits.MAX_NAME_BYTES) if version >= 6 or version < 0 else None
    return ReplayHeader(version, uid, environment, author, race_time_ms, nickname, login, xml)
