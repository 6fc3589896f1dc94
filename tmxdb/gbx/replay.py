"""Replays: a run on a map, with the map embedded.

Parts are read on first use. `read_replay` checks the container. Facts of the header need no unpacking, facts of the
map unpack the body, facts of a ghost read the ghosts; inputs and samples are read by their own properties. A replay
with a damaged ghost therefore still gives its map, and one with a damaged body the facts of its header: each property
raises GbxError for its own part only.
"""

from __future__ import annotations

from dataclasses import dataclass

from tmxdb.errors import GbxError
from tmxdb.gbx.challenge import Challenge, read_challenge
from tmxdb.gbx.format import games, xml
from tmxdb.gbx.format.cached import cached_fact
from tmxdb.gbx.format.classes import GHOST, REPLAY, class_name
from tmxdb.gbx.format.container import Container, read_container
from tmxdb.gbx.format.text import plain
from tmxdb.gbx.replay_parts.body import ReplayBody, find_map, read_body, read_ghost_body
from tmxdb.gbx.replay_parts.ghost import Ghost, short_version
from tmxdb.gbx.replay_parts.header import ReplayHeader, read_header
from tmxdb.gbx.replay_parts.inputs import InputEvent, Inputs
from tmxdb.gbx.replay_parts.samples import Samples
from tmxdb.gbx.source import Source, read_source


def read_replay(source: Source) -> Replay:
    """Return the replay, or the ghost file (which has no map), in the bytes of a file or at its path.

    Raise GbxError if it is anything else, and OSError if a path cannot be read.
    """
    container = read_container(read_source(source))
    if container.class_id not in (REPLAY, GHOST):
        raise GbxError("gbx.wrong_class", f"a {class_name(container.class_id)}, not a replay", 9)
    return Replay(container)


def embedded_challenge(source: Source) -> bytes:
    """Return the complete map file embedded in a replay file. See `Replay.map_bytes`."""
    return read_replay(source).map_bytes


@dataclass(frozen=True, eq=False, repr=False)
class Replay:
    """A replay. The record is the best ghost; the facts of the run below are those of the record.

    No slots: facts are cached in the instance. Each property raises GbxError if the part it needs is damaged: "needs
    the body" and "needs the ghosts" name that part; the others need the header only.
    """

    container: Container

    @cached_fact
    def header(self) -> ReplayHeader:
        """The facts of the header chunks: enough for a list of replays, without unpacking."""
        return read_header(self.container)

    # The file.

    def check_whole(self) -> None:
        """Raise GbxError if the replay is incomplete: its body must unpack and contain a map or a ghost.

        Does not check their contents: the ghosts may still be unreadable, and the map damaged.
        """
        if self._first_map_span is None and self._contents.is_empty:
            raise GbxError("gbx.corrupt", "the body contains neither a map nor a ghost", 0, in_body=True)

    @property
    def game(self) -> str | None:
        """`TMF`, `TMU`, `TMNESWC`, `TMO`, `TMS`, `TMPU`, `TM1.0`, `TM2020` or `ManiaPlanet`; None if unknown.

        Needs the ghosts if the file is a ghost file.
        """
        if self.is_ghost_file:
            is_later = self.record is not None and self.record.is_later_game
            return games.game_of_version(self.game_version) or (games.MANIAPLANET if is_later else None)
        version = self.header.version
        if version is None:
            return games.TM1
        if 0 <= version < 4:
            return games.TMPU
        if version in (4, 5):
            return games.game_of_environment(self.header.map_environment)
        if version == 7:
            return games.TMF
        if version == 6 or version < 0:  # benchmark replays have version -1
            return games.TMF if (self.exever or "").startswith("2.") else games.TMU
        return games.later_game(self.header.xml, self.header.map_environment)

    @property
    def is_ghost_file(self) -> bool:
        """Whether this is a ghost file (a ladder download), without a map."""
        return self.container.class_id == GHOST

    @property
    def exever(self) -> str | None:
        """Short version of the game, such as `2.11.26`, from the XML header."""
        return xml.attribute(self.header.xml, "header", "exever")

    @property
    def validable(self) -> bool | None:
        """Whether the file claims to hold what a validation needs; proves nothing. None before Sunrise."""
        number = xml.number(self.header.xml, "times", "validable")
        return None if number is None else number != 0

    @property
    def unread(self) -> tuple[str, ...]:
        """What was not understood, as text, with the ids of unknown chunks. Needs the ghosts."""
        other_map = (f"the header names another map: {self.header.map_uid!r}",) if self._names_another_map else ()
        return (*games.not_supported(self.game), *self.container.unread, *self._contents.unread, *other_map)

    # The map.

    @property
    def map_bytes(self) -> bytes:
        """The embedded map file, byte for byte. Needs the body.

        Its class and its sizes are checked. Raises `gbx.no_map` if there is no map, or an unusable one.
        """
        return self._map_and_bytes[1]

    @property
    def challenge(self) -> Challenge:
        """The embedded map. Needs the body."""
        return self._map_and_bytes[0]

    @cached_fact
    def map_uid(self) -> str | None:
        """Uid of the embedded map; the uid in the header if the map has none, is missing or unreadable."""
        return self._map_text("uid")

    @cached_fact
    def map_environment(self) -> str | None:
        """As stored: Stadium, Speed (shown as Desert), Alpine (Snow), Rally, Island, Coast, Bay; `#26` in TM2020."""
        return self._map_text("environment")

    @cached_fact
    def map_author(self) -> str | None:
        """Login of the author of the map."""
        return self._map_text("author")

    # The run.

    @property
    def race_time_ms(self) -> int | None:
        """Time of the record; None if it did not finish. Needs the ghosts if the header has no time.

        Turbo stores it in the XML header only: docs/facts/gbx.md#versions-and-dates.
        """
        if self.header.race_time_ms is not None:
            return self.header.race_time_ms
        record = self._record_behind_header
        if record is not None and record.race_time_ms is not None:
            return record.race_time_ms
        return xml.count(self.header.xml, "times", "best") if self.header.is_later_game else None

    @property
    def finished(self) -> bool:
        """Whether there is a race time. TM 1.0 stores none."""
        return self.race_time_ms is not None

    @property
    def nickname(self) -> str | None:
        """With style codes. Needs the ghosts if the header has no nickname, or an empty one."""
        if self.header.nickname:
            return self.header.nickname
        record = self._record_behind_header
        return _first_text(record.nickname if record else None, self.header.nickname)

    @property
    def nickname_plain(self) -> str | None:
        """The nickname without style codes."""
        return None if self.nickname is None else plain(self.nickname)

    @property
    def login(self) -> str | None:
        """Login of the driver. From United on. Needs the ghosts if the header has no login, or an empty one."""
        if self.header.login:
            return self.header.login
        record = self._record_behind_header
        return _first_text(record.login if record else None, self.header.login)

    @property
    def ghosts(self) -> tuple[Ghost, ...]:
        """All ghosts in the order of the file, not sorted by time. Needs the ghosts, as does everything below."""
        return self._contents.ghosts

    @property
    def ghost_count(self) -> int:
        """As announced; higher than the length of `ghosts` if one could not be read (see `unread`)."""
        return self._contents.ghost_count

    @cached_fact
    def record(self) -> Ghost | None:
        """The first ghost with the shortest time; the first of all if no ghost finished."""
        finished = [ghost for ghost in self.ghosts if ghost.race_time_ms is not None]
        return min(finished or self.ghosts[:1], key=lambda ghost: ghost.race_time_ms or 0, default=None)

    @property
    def stunt_score(self) -> int | None:
        """Points on stunts maps. From Sunrise on."""
        return self.record.stunt_score if self.record else None

    @property
    def checkpoints_ms(self) -> tuple[int | None, ...] | None:
        """Time of every crossing of every lap, the finish last (TMPU: without the finish); None if it has no time."""
        return self.record.checkpoints_ms if self.record else None

    @property
    def checkpoint_count(self) -> int | None:
        """Number of crossings with a time, including the finish."""
        return self.record.checkpoint_count if self.record else None

    @property
    def respawns(self) -> int | None:
        """The counter of the game."""
        return self.record.respawns if self.record else None

    @property
    def ghost_uid(self) -> str | None:
        """Uid of the ghost. From United on."""
        return self.record.uid if self.record else None

    @property
    def game_version(self) -> str | None:
        """Such as `TmForever.2.11.26`, at most 64 characters, without the data of the competition patch."""
        text = (self.record.exe_version if self.record else None) or self._contents.exe_version
        return short_version(text) if text else None

    @property
    def has_clip(self) -> bool | None:
        """Whether a MediaTracker clip was saved with the replay. None if that part could not be read."""
        return self._contents.has_clip

    # The inputs.

    @cached_fact
    def recorded(self) -> Inputs | None:
        """The inputs of the record; None if the file has none."""
        inputs = (self.record.recorded if self.record else None) or self._contents.recorded
        return inputs if inputs and inputs.duration_ms else None

    @property
    def inputs(self) -> tuple[InputEvent, ...]:
        """Every input event on the race clock, including the two `_Fake…` marks; computed on first use."""
        return self.recorded.events if self.recorded else ()

    @property
    def input_count(self) -> int:
        """Number of input events, including the marks."""
        return self.recorded.count if self.recorded else 0

    @property
    def respawn_events(self) -> int | None:
        """Presses of Respawn at or after the start of the race."""
        return self.recorded.respawns if self.recorded else None

    @property
    def control_names(self) -> tuple[str, ...]:
        """Names of the controls in the file."""
        return self.recorded.controls if self.recorded else ()

    @property
    def device(self) -> str | None:
        """`keyboard`, `pad` or `mixed`; None without inputs."""
        return self.recorded.device if self.recorded else None

    # The samples.

    @property
    def sample_period_ms(self) -> int | None:
        """Time between samples of the record: 100, rarely 50. Raises GbxError also if the samples are damaged."""
        return self.record.sample_period_ms if self.record else None

    @property
    def samples(self) -> Samples | None:
        """Positions and speeds of the record, unpacked by every call. Raises GbxError also if they are damaged."""
        return self.record.samples if self.record else None

    # Parts of the file, cached.

    @cached_fact
    def _body(self) -> bytes:
        return self.container.unpack_body()

    @cached_fact
    def _first_map_span(self) -> tuple[int, int] | None:
        return find_map(self._body)

    @cached_fact
    def _contents(self) -> ReplayBody:
        return read_ghost_body(self._body) if self.is_ghost_file else read_body(self._body)

    @cached_fact
    def _map_and_bytes(self) -> tuple[Challenge, bytes]:
        span = None
        if not self.is_ghost_file:
            span = self._first_map_span or self._contents.map_span
        if span is None:
            raise GbxError("gbx.no_map", "the file contains no map")
        begin, end = span
        data = self._body[begin:end]
        try:
            return read_challenge(data), data
        except GbxError as error:
            raise GbxError("gbx.no_map", f"the embedded map is unusable: {error}", begin, in_body=True) from error

    @property
    def _record_behind_header(self) -> Ghost | None:
        """The record, for facts missing in the header; None if it is damaged and the header has other facts."""
        try:
            return self.record
        except GbxError:
            if self.header.has_facts:
                return None
            raise

    @cached_fact
    def _challenge_or_none(self) -> Challenge | None:
        try:
            self.challenge.uid  # noqa: B018  # the oldest games store the uid in the body of the map
        except GbxError:
            return None
        return self.challenge

    def _map_text(self, name: str) -> str | None:
        challenge = self._challenge_or_none
        text = getattr(challenge, name) if challenge else None
        # An unreadable header must not hide the text of the map.
        return text or _first_text(text, getattr(self.header, f"map_{name}"))

    @property
    def _names_another_map(self) -> bool:
        challenge = self._challenge_or_none
        return bool(challenge and self.header.map_uid and self.header.map_uid != challenge.uid)


def _first_text(*texts: str | None) -> str | None:
    """Return the first text that is not empty; without one, an empty text rather than None."""
    return next((text for text in texts if text), "" if "" in texts else None)
