"""The header chunks of a replay: enough for a list of files, without unpacking the body.

Layout and versions by game: docs/facts/gbx.md#replay-header.
"""

from __future__ import annotations

from dataclasses import dataclass

from tmxdb.gbx.format import limits
from tmxdb.gbx.format.container import Container
from tmxdb.gbx.format.stream import Stream

_FACTS, _XML = 0x03093000, 0x03093001


@dataclass(frozen=True, slots=True)
class ReplayHeader:
    """Facts of the header; None for those that the game does not store."""

    version: int | None = None
    map_uid: str | None = None
    map_environment: str | None = None
    map_author: str | None = None
    race_time_ms: int | None = None
    """Time of the best ghost; also None if it did not finish."""
    nickname: str | None = None
    login: str | None = None
    xml: str | None = None
    """The XML text; repeats uid and time, and adds respawns, stunt score and `validable`."""

    @property
    def is_later_game(self) -> bool:
        """Whether ManiaPlanet or a later game wrote the replay."""
        return self.version is not None and self.version >= 8

    @property
    def has_facts(self) -> bool:
        """Whether the header has more than its version."""
        return self.map_uid is not None


def read_header(container: Container) -> ReplayHeader:
    """Return the facts of the header chunks. Raise GbxError if they are damaged."""
    chunks = container.header_chunks
    xml = Stream(chunks[_XML]).string() if _XML in chunks else None
    if _FACTS not in chunks:
        return ReplayHeader(xml=xml)
    stream = Stream(chunks[_FACTS])
    version = stream.i32()
    # The benchmark replays of United and Forever have version -1 and the fields of version 6.
    if 0 <= version < 4 or version == 9999:
        return ReplayHeader(version, xml=xml)
    uid, environment, author = stream.ident()
    race_time_ms = stream.optional_i32()
    nickname = stream.string(limits.MAX_NAME_BYTES)
    login = stream.string(limits.MAX_NAME_BYTES) if version >= 6 or version < 0 else None
    return ReplayHeader(version, uid, environment, author, race_time_ms, nickname, login, xml)
