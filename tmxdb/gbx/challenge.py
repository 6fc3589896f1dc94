"""Maps (`CGameCtnChallenge`): identity, medals, type, thumbnail, intro.

Parts are read on first use: the header chunks first, the body only for what they lack. Header chunks by game:
docs/facts/gbx.md#map-header. Maps inside replays of Sunrise, Original and Nations ESWC have none:
docs/facts/gbx.md#embedded-map.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from tmxdb.errors import GbxError
from tmxdb.gbx.challenge_header import (
    MapIdentity,
    MapPicture,
    MapRace,
    read_identity,
    read_picture,
    read_race,
    read_xml,
)
from tmxdb.gbx.format import games, xml
from tmxdb.gbx.format.cached import cached_fact
from tmxdb.gbx.format.classes import CHALLENGE, class_name
from tmxdb.gbx.format.container import Container, read_container
from tmxdb.gbx.format.text import plain
from tmxdb.gbx.source import Source, read_source

if TYPE_CHECKING:
    from tmxdb.gbx.map_body import Block, MapBody

T = TypeVar("T")


def read_challenge(source: Source) -> Challenge:
    """Return the map in the bytes of a file or at its path.

    Raise GbxError if it is anything else, and OSError if a path cannot be read.
    """
    container = read_container(read_source(source))
    if container.class_id != CHALLENGE:
        raise GbxError("gbx.wrong_class", f"a {class_name(container.class_id)}, not a map", 9)
    return Challenge(container)


@dataclass(frozen=True, eq=False, repr=False)
class Challenge:
    """A map. No slots: facts are cached in the instance.

    Properties that need the body say so; the others need it only where a header chunk is missing. Each raises GbxError
    if the part it needs is damaged. None means "not stored by this game".
    """

    container: Container

    @cached_fact
    def race(self) -> MapRace | None:
        """Header chunk 002."""
        return read_race(self.container)

    @cached_fact
    def identity(self) -> MapIdentity | None:
        """Header chunk 003."""
        return read_identity(self.container)

    @cached_fact
    def xml(self) -> str | None:
        """The XML header as stored."""
        return read_xml(self.container)

    @cached_fact
    def picture(self) -> MapPicture | None:
        """Header chunk 007."""
        return read_picture(self.container)

    @cached_fact
    def body(self) -> MapBody:
        """The facts in the body, whether or not the header has them too."""
        from tmxdb.gbx.map_body import read_map_body  # slow to import, and most callers never need it

        return read_map_body(self.container.unpack_body())

    @cached_fact
    def blocks(self) -> tuple[Block, ...]:
        """The blocks in the order of the file. Needs the body; empty for maps of ManiaPlanet and later."""
        from tmxdb.gbx.map_body import read_map_body

        return tuple(read_map_body(self.container.unpack_body(), with_blocks=True).blocks or ())

    # Identity.

    @property
    def game(self) -> str | None:
        """`TMF`, `TMU`, `TMNESWC`, `TMO`, `TMS`, `TMPU`, `TM1.0`, `TM2020` or `ManiaPlanet`; None if unknown."""
        version = self.race.version if self.race else None
        if version is None:  # embedded in a replay by a game that writes no header
            if self.container.stored_class_id != CHALLENGE:
                return games.game_of_environment(self.environment)
            return games.later_game(self.xml, self.environment)
        if version >= 12:
            return games.later_game(self.xml, self.environment)
        if version == 11:
            return games.TMF
        if self.picture is not None:
            return games.TMU
        if version >= 5:
            return games.game_of_environment(self.environment)
        return games.TMPU if version == 4 else games.TM1

    @property
    def exever(self) -> str | None:
        """Short version of the game, such as `2.11.26`, from the XML header."""
        return xml.attribute(self.xml, "header", "exever")

    @property
    def uid(self) -> str | None:
        """26 or 27 characters of `A-Za-z0-9_` in real files, anything in hostile ones; empty in some TM1.0 files."""
        return self._identity_text("uid")

    @property
    def environment(self) -> str | None:
        """As stored: Stadium, Speed (shown as Desert), Alpine (Snow), Rally, Island, Coast, Bay; `#26` in TM2020."""
        return self._identity_text("environment")

    @property
    def author(self) -> str | None:
        """Login of the author."""
        return self._identity_text("author")

    @property
    def name(self) -> str | None:
        """With style codes."""
        return self._identity_text("name")

    @property
    def name_plain(self) -> str | None:
        """The name without style codes."""
        return None if self.name is None else plain(self.name)

    @property
    def mood(self) -> str | None:
        """Such as `Day` or `Sunset`; in some environments with the size of the map: `30x30Sunset`."""
        return self._identity_text("mood")

    # The race.

    @property
    def map_type(self) -> str | None:
        """`race`, `platform`, `puzzle` or `stunts`."""
        return _first(self.race.map_type if self.race else None, lambda: self.body.map_type)

    @property
    def is_multilap(self) -> bool | None:
        """Whether several laps are driven."""
        return _first(self.race.is_multilap if self.race else None, lambda: self.body.is_multilap)

    @property
    def laps(self) -> int | None:
        """Number of laps; 1 on maps that are not multilap, whatever number they store."""
        if not self.is_multilap:
            return None if self.is_multilap is None else 1
        return _first(xml.count(self.xml, "desc", "nblaps"), lambda: self.body.laps)

    @property
    def checkpoint_count(self) -> int | None:
        """Number of checkpoints on the map, without start and finish. Needs the body."""
        return self.body.checkpoint_count

    @property
    def bronze_ms(self) -> int | None:
        """As stored: on platform maps a number of respawns, on stunts maps points. None if not set."""
        return self._medal(0)

    @property
    def silver_ms(self) -> int | None:
        """As `bronze_ms`."""
        return self._medal(1)

    @property
    def gold_ms(self) -> int | None:
        """As `bronze_ms`."""
        return self._medal(2)

    @property
    def author_ms(self) -> int | None:
        """Driving time of the author on maps of every type; None if the map was not validated."""
        return self._medal(3)

    @property
    def author_score(self) -> int | None:
        """Points of the author on stunts maps. None if not set."""
        score = _first(self.race.author_score if self.race else None, lambda: self.body.author_score)
        return None if score == -1 else score

    @property
    def cost(self) -> int | None:
        """Price of the blocks in coppers; None if not set. From PowerUp on."""
        return self.race.cost if self.race else None

    # Other contents.

    @property
    def thumbnail(self) -> bytes | None:
        """The JPEG as stored, upside down (see `thumbnail.upright`); None without one."""
        return (self.picture.thumbnail or None) if self.picture else None

    @property
    def thumbnail_bytes(self) -> int:
        """Size of the thumbnail; 0 without one."""
        return len(self.thumbnail or b"")

    @property
    def comments(self) -> str | None:
        """Comments of the author. From United on."""
        return self.picture.comments if self.picture else self.body.comments

    @property
    def password_protected(self) -> bool | None:
        """Whether the editor requires a password; reading does not. Forever only. Needs the body."""
        return self.body.password_protected

    @property
    def has_intro(self) -> bool | None:
        """Whether a MediaTracker clip runs before the race. Needs the body; None if that part could not be read."""
        return self.body.has_intro

    @property
    def intro_ms(self) -> int | None:
        """Duration of the intro. None without an intro, or with one of unknown blocks. Needs the body."""
        return self.body.intro_ms

    @property
    def unread(self) -> tuple[str, ...]:
        """What was not understood, as text, with the ids of unknown chunks. Needs the body."""
        return (*games.not_supported(self.game), *self.container.unread, *self.body.unread)

    def _identity_text(self, name: str) -> str | None:
        """Return a text of the identity; of the body where the header has none or an empty one (in 1 TMF file)."""
        if self.identity is None:
            text: str | None = getattr(self.body, name)
            return text
        text = getattr(self.identity, name)
        if text:
            return text
        try:
            return getattr(self.body, name) or text
        except GbxError:
            return text

    def _medal(self, index: int) -> int | None:
        medals = _first(self.race.medals if self.race else None, lambda: self.body.medals)
        return None if medals is None or medals[index] == -1 else medals[index]


def _first(value: T | None, fallback: Callable[[], T | None]) -> T | None:
    """Return `value`, or the result of `fallback` without one."""
    return value if value is not None else fallback()
