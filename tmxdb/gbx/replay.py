"""Replays: a run on a map, with the map inside.

Nothing is read before it is needed. `read_replay` checks the container; the first question about the header reads
that, without unpacking; the first about the map unpacks the body; the first about a ghost reads the ghosts; inputs and
samples wait for their own question. So a replay whose ghost is damaged still gives its map, and one whose body is
damaged the facts of its header: each property raises GbxError for its own part only.
"""

from __future__ import annotations

from dataclasses import dataclass

from tmxdb.errors import GbxError

from .challenge import Challenge, read_challenge
from .format import games, xml
from .format.classes import GHOST, REPLAY, class_name
from .format.container import Container, read_container
from .format.kept import kept
from .format.text import plain
from .ghost import Ghost, short_version
from .inputs import InputEvent, Inputs
from .replay_body import ReplayBody, find_map, read_body, read_ghost_body
from .replay_header import ReplayHeader, read_header
from .samples import Samples


def read_replay(data: bytes) -> Replay:
    """The replay in these bytes; also a ghost file, which has no map. GbxError if they are anything else."""
    container = read_container(bytes(data))
    if container.class_id not in (REPLAY, GHOST):
        raise GbxError("gbx.wrong_class", f"a {class_name(container.class_id)}, not a replay", 9)
    return Replay(container)


def embedded_challenge(data: bytes) -> bytes:
    """The map file inside a replay file, whole and checked. See `Replay.map_bytes`."""
    return read_replay(data).map_bytes


@dataclass(frozen=True, eq=False, repr=False)
class Replay:
    """A replay. The record is the best ghost; the facts of the run below are those of the record.

    No slots: what was read once is kept. Every property raises GbxError if the part it needs is damaged: "needs the
    body" and "needs the ghosts" name that part, the others need the header only.
    """

    container: Container

    @kept
    def header(self) -> ReplayHeader:
        """The header chunks: enough for a list of replays, without unpacking."""
        return read_header(self.container)

    # The file.

    def check_whole(self) -> None:
        """GbxError if this is not a whole replay: the body unpacks and leads to a map or a ghost.

        Says nothing about what is in them: the ghosts may still be unreadable, and the map no map.
        """
        if find_map(self._body) is None and self._contents.is_empty:
            raise GbxError("gbx.corrupt", "neither a map nor a ghost in the body", 0, in_body=True)

    @property
    def game(self) -> str | None:
        """`TMF`, `TMU`, `TMNESWC`, `TMO`, `TMS`, `TMPU`, `TM1.0`, `TM2020` or `ManiaPlanet`; None: not known.

        Needs the ghosts if the file is but a ghost.
        """
        if self.is_ghost_file:
            return games.game_of_version(self.game_version)
        version = self.header.version
        if version is None:
            return games.TM1
        if 0 <= version < 4:
            return games.TMPU
        if version in (4, 5):
            return games.game_of_environment(self.header.map_environment)
        if version == 7:
            return games.TMF
        if version == 6 or version < 0:  # the bench replays of United and Forever are of version -1
            return games.TMF if (self.exever or "").startswith("2.") else games.TMU
        return games.later_game(self.header.xml)

    @property
    def is_ghost_file(self) -> bool:
        """Whether this is a ghost by itself (ladder downloads), without a map."""
        return self.container.class_id == GHOST

    @property
    def exever(self) -> str | None:
        """Short version of the game, such as `2.11.26`, from the XML header."""
        return xml.attribute(self.header.xml, "header", "exever")

    @property
    def validable(self) -> bool | None:
        """Whether the file says that it holds what a validation needs. It proves nothing. None before Sunrise."""
        number = xml.number(self.header.xml, "times", "validable")
        return None if number is None else number != 0

    @property
    def unread(self) -> tuple[str, ...]:
        """What was not understood, in words, with the chunks not read. Needs the ghosts."""
        other_map = (f"the header names another map: {self.header.map_uid!r}",) if self._names_another_map else ()
        return (*games.not_supported(self.game), *self.container.unread, *self._contents.unread, *other_map)

    # The map.

    @property
    def map_bytes(self) -> bytes:
        """The embedded map file, exactly as it lies in the body. Needs the body.

        Its class is a map and its own sizes fit; `gbx.no_map` if there is none, or it is not one.
        """
        return self._map_and_bytes[1]

    @property
    def challenge(self) -> Challenge:
        """The embedded map, read. Needs the body."""
        return self._map_and_bytes[0]

    @property
    def map_uid(self) -> str | None:
        """Of the embedded map; the one that the header names if there is no readable map."""
        challenge = self._challenge_or_none
        return challenge.uid if challenge else self.header.map_uid

    @property
    def map_environment(self) -> str | None:
        """As stored: Stadium, Speed (shown as Desert), Alpine (Snow), Rally, Island, Coast, Bay; `#26` in TM2020."""
        challenge = self._challenge_or_none
        return challenge.environment if challenge else self.header.map_environment

    @property
    def map_author(self) -> str | None:
        """Login of the author."""
        challenge = self._challenge_or_none
        return challenge.author if challenge else self.header.map_author

    # The run.

    @property
    def race_time_ms(self) -> int | None:
        """Time of the record; None if it did not finish. Needs the ghosts in TM 1.0 and PowerUp only."""
        if self.header.has_facts:
            return self.header.race_time_ms
        return self.record.race_time_ms if self.record else None

    @property
    def finished(self) -> bool:
        """Whether there is a race time. TM 1.0 does not store any."""
        return self.race_time_ms is not None

    @property
    def nickname(self) -> str | None:
        """With style codes. Needs the ghosts in TM 1.0 and PowerUp only."""
        if self.header.nickname is not None:
            return self.header.nickname
        return self.record.nickname if self.record else None

    @property
    def nickname_plain(self) -> str | None:
        return None if self.nickname is None else plain(self.nickname)

    @property
    def login(self) -> str | None:
        """Of the driver, from United on."""
        if self.header.has_facts:
            return self.header.login
        return self.record.login if self.record else None

    @property
    def ghosts(self) -> tuple[Ghost, ...]:
        """In the order of the file, which is not that of their times. Needs the ghosts, as all that follows."""
        return self._contents.ghosts

    @property
    def ghost_count(self) -> int:
        """As announced; `ghosts` is shorter if one of them could not be followed (see `unread`)."""
        return self._contents.ghost_count

    @kept
    def record(self) -> Ghost | None:
        """The best ghost: the first of those with the smallest time; the first one if none has finished."""
        finished = [ghost for ghost in self.ghosts if ghost.race_time_ms is not None]
        return min(finished or self.ghosts[:1], key=lambda ghost: ghost.race_time_ms or 0, default=None)

    @property
    def stunt_score(self) -> int | None:
        return self.record.stunt_score if self.record else None

    @property
    def checkpoints_ms(self) -> tuple[int, ...] | None:
        """Time of every crossing of every lap, the finish last (TMPU: without the finish)."""
        return self.record.checkpoints_ms if self.record else None

    @property
    def respawns(self) -> int | None:
        """The counter of the game."""
        return self.record.respawns if self.record else None

    @property
    def ghost_uid(self) -> str | None:
        """From United on."""
        return self.record.uid if self.record else None

    @property
    def game_version(self) -> str | None:
        """Such as `TmForever.2.11.26`, at most 64 characters, without the data of the competition patch."""
        text = (self.record.exe_version if self.record else None) or self._contents.exe_version
        return short_version(text) if text else None

    @property
    def has_clip(self) -> bool | None:
        """Whether a MediaTracker clip was saved with the replay. None if it could not be followed that far."""
        return self._contents.has_clip

    # The inputs.

    @property
    def recorded(self) -> Inputs | None:
        """The inputs of the record; None if none were stored."""
        inputs = (self.record.recorded if self.record else None) or self._contents.recorded
        return inputs if inputs and inputs.duration_ms else None

    @property
    def inputs(self) -> tuple[InputEvent, ...]:
        """Every input event on the race clock, the two `_Fake…` marks included; made on the first call."""
        return self.recorded.events if self.recorded else ()

    @property
    def input_count(self) -> int:
        return self.recorded.count if self.recorded else 0

    @property
    def respawn_events(self) -> int | None:
        """Presses of Respawn from the start of the race on."""
        return self.recorded.respawns if self.recorded else None

    @property
    def control_names(self) -> tuple[str, ...]:
        return self.recorded.controls if self.recorded else ()

    @property
    def device(self) -> str | None:
        """`keyboard`, `pad`, `mixed`, or None if there are no inputs."""
        return self.recorded.device if self.recorded else None

    # The samples.

    @property
    def sample_period_ms(self) -> int | None:
        """Time between samples of the record: 100, seldom 50. GbxError also if the samples are damaged."""
        return self.record.sample_period_ms if self.record else None

    @property
    def samples(self) -> Samples | None:
        """Positions and more of the record, unpacked anew by every call. GbxError also if they are damaged."""
        return self.record.samples if self.record else None

    # What was read, kept.

    @kept
    def _body(self) -> bytes:
        return self.container.unpack_body()

    @kept
    def _contents(self) -> ReplayBody:
        return read_ghost_body(self._body) if self.is_ghost_file else read_body(self._body)

    @kept
    def _map_and_bytes(self) -> tuple[Challenge, bytes]:
        span = None
        if not self.is_ghost_file:
            span = find_map(self._body) or self._contents.map_span
        if span is None:
            raise GbxError("gbx.no_map", "there is no map in this file")
        begin, end = span
        data = self._body[begin:end]
        try:
            return read_challenge(data), data
        except GbxError as error:
            raise GbxError("gbx.no_map", f"the map inside can not be used: {error}", begin, in_body=True) from error

    @property
    def _challenge_or_none(self) -> Challenge | None:
        try:
            self.challenge.uid  # noqa: B018  # of the oldest games the uid is in the body of the map
        except GbxError:
            return None
        return self.challenge

    @property
    def _names_another_map(self) -> bool:
        challenge = self._challenge_or_none
        return bool(challenge and self.header.map_uid and self.header.map_uid != challenge.uid)
