"""Maps, `CGameCtnChallenge` to the game: identity, medals, type, and whether an intro is in the way.

As with replays nothing is read before it is needed: the header chunks first, the body only for what they lack.
Which games have which header chunk: GBX.NET `CGameCtnChallenge.chunkl`. The maps inside replays of Sunrise, Original
and Nations ESWC have none at all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from tmxdb.errors import GbxError

from .challenge_header import (
    MapIdentity,
    MapPicture,
    MapRace,
    read_identity,
    read_picture,
    read_race,
    read_xml,
)
from .format import games, xml
from .format.classes import CHALLENGE, class_name
from .format.container import Container, read_container
from .format.kept import kept
from .format.text import plain

if TYPE_CHECKING:
    from .mapbody import MapBody

T = TypeVar("T")


def read_challenge(data: bytes) -> Challenge:
    """The map in these bytes. GbxError if they are anything else."""
    container = read_container(bytes(data))
    if container.class_id != CHALLENGE:
        raise GbxError("gbx.wrong_class", f"a {class_name(container.class_id)}, not a map", 9)
    return Challenge(container)


@dataclass(frozen=True, eq=False, repr=False)
class Challenge:
    """A map. No slots: what was read once is kept.

    Properties that the body alone can answer say so; the others need it only where the header chunks are missing.
    Every one raises GbxError if the part it needs is damaged. None stands for "not stored by this game".
    """

    container: Container

    @kept
    def race(self) -> MapRace | None:
        """Header chunk 002."""
        return read_race(self.container)

    @kept
    def identity(self) -> MapIdentity | None:
        """Header chunk 003."""
        return read_identity(self.container)

    @kept
    def xml(self) -> str | None:
        """The XML header as stored."""
        return read_xml(self.container)

    @kept
    def picture(self) -> MapPicture | None:
        """Header chunk 007."""
        return read_picture(self.container)

    @kept
    def body(self) -> MapBody:
        """What the body says, whether or not the header says it too."""
        from .mapbody import read_map_body  # most callers never need it, and its import takes time

        return read_map_body(self.container.unpack_body())

    # Identity.

    @property
    def game(self) -> str | None:
        """`TMF`, `TMU`, `TMNESWC`, `TMO`, `TMS`, `TMPU`, `TM1.0`, `TM2020` or `ManiaPlanet`; None: not known."""
        version = self.race.version if self.race else None
        if version is None:  # the game that saved the replay around it wrote no header
            if self.container.stored_class_id != CHALLENGE:
                return games.game_of_environment(self.environment)
            return games.TM2020 if self.environment == games.TM2020_STADIUM else games.MANIAPLANET
        if version >= 12:
            return games.later_game(self.xml)
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
        """26 or 27 characters of `A-Za-z0-9_` in real files, but anything in hostile ones; empty in some of TM1.0."""
        return self.body.uid if self.identity is None else self.identity.uid

    @property
    def environment(self) -> str | None:
        """As stored: Stadium, Speed (shown as Desert), Alpine (Snow), Rally, Island, Coast, Bay; `#26` in TM2020."""
        return self.body.environment if self.identity is None else self.identity.environment

    @property
    def author(self) -> str | None:
        """Login."""
        return self.body.author if self.identity is None else self.identity.author

    @property
    def name(self) -> str | None:
        """With style codes."""
        return self.body.name if self.identity is None else self.identity.name

    @property
    def name_plain(self) -> str | None:
        return None if self.name is None else plain(self.name)

    @property
    def mood(self) -> str | None:
        """Such as `Day` or `Sunset`; with the size of the map in some environments: `30x30Sunset`.

        Empty in the header of a few maps (seen in StarStadiumE, TMF): then it is that of the body.
        """
        return (self.identity.mood if self.identity else None) or self.body.mood

    # The race.

    @property
    def map_type(self) -> str | None:
        """`race`, `platform`, `puzzle` or `stunts`."""
        return _first(self.race.map_type if self.race else None, lambda: self.body.map_type)

    @property
    def is_multilap(self) -> bool | None:
        return _first(self.race.is_multilap if self.race else None, lambda: self.body.is_multilap)

    @property
    def laps(self) -> int | None:
        """1 on maps that are not multilap, whatever number they store."""
        if not self.is_multilap:
            return None if self.is_multilap is None else 1
        return _first(xml.number(self.xml, "desc", "nblaps"), lambda: self.body.laps)

    @property
    def checkpoint_count(self) -> int | None:
        """Number of checkpoints on the map, without start and finish. Needs the body."""
        return self.body.checkpoint_count

    @property
    def bronze_ms(self) -> int | None:
        """As stored; on platform maps a number of respawns, on stunts maps points. None if it was not set."""
        return self._medal(0)

    @property
    def silver_ms(self) -> int | None:
        return self._medal(1)

    @property
    def gold_ms(self) -> int | None:
        return self._medal(2)

    @property
    def author_ms(self) -> int | None:
        """Time of the author, on maps of every type; None if the map was not validated."""
        return self._medal(3)

    @property
    def author_score(self) -> int | None:
        """Points of the author on stunts maps. None if there is none."""
        score = _first(self.race.author_score if self.race else None, lambda: self.body.author_score)
        return None if score == -1 else score

    @property
    def cost(self) -> int | None:
        """Coppers: what the blocks cost. From PowerUp on."""
        return self.race.cost if self.race else None

    # What else is in the file.

    @property
    def thumbnail(self) -> bytes | None:
        """The JPEG as stored, which is upside down (see `thumbnail.upright`); None if there is none."""
        return (self.picture.thumbnail or None) if self.picture else None

    @property
    def comments(self) -> str | None:
        """Text of the author about the map. From United on."""
        return self.picture.comments if self.picture else self.body.comments

    @property
    def password_protected(self) -> bool | None:
        """Whether the editor asks for a password; reading does not. Forever only. Needs the body."""
        return self.body.password_protected

    @property
    def has_intro(self) -> bool | None:
        """Whether a MediaTracker clip runs before the race. Needs the body; None if it could not be followed."""
        return self.body.has_intro

    @property
    def intro_ms(self) -> int | None:
        """How long the intro runs. None if there is none, or one with blocks that are not known. Needs the body."""
        return self.body.intro_ms

    @property
    def unread(self) -> tuple[str, ...]:
        """What was not understood, in words, with the chunks not read. Needs the body."""
        return (*games.not_supported(self.game), *self.container.unread, *self.body.unread)

    def _medal(self, index: int) -> int | None:
        medals = _first(self.race.medals if self.race else None, lambda: self.body.medals)
        return None if medals is None or medals[index] == -1 else medals[index]


def _first(value: T | None, or_else: Callable[[], T | None]) -> T | None:
    """The value of the header; only without one is the body asked."""
    return value if value is not None else or_else()
