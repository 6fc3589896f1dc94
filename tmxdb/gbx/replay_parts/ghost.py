"""Ghosts: the driver of a recorded car, its times, its inputs and its samples.

Chunks and the games that write them: docs/facts/gbx.md#ghost.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from struct import Struct
from typing import Any

from tmxdb.gbx.format import limits
from tmxdb.gbx.format.nodes import NodeReader
from tmxdb.gbx.format.stream import Stream
from tmxdb.gbx.format.text import plain
from tmxdb.gbx.replay_parts.inputs import Inputs, read_inputs, read_started_inputs
from tmxdb.gbx.replay_parts.samples import SampleBlock, Samples, read_packed_samples, read_plain_samples


@dataclass(frozen=True, slots=True)
class Ghost:
    """One ghost. None: not stored by its game, or stored as "not set"."""

    race_time_ms: int | None = None
    """None if the run was not finished. On stunts maps, the driving time."""
    stunt_score: int | None = None
    checkpoints_ms: tuple[int | None, ...] | None = None
    """Time of every crossing of every lap, the finish last (TMPU: without the finish). None for one without a time."""
    respawns: int | None = None
    """The counter of the game."""
    login: str | None = None
    """From United on. LAN and offline play add an address: `unnamed/127.0.0.1`."""
    nickname: str | None = None
    uid: str | None = None
    """From United on."""
    vehicle: str | None = None
    recorded: Inputs | None = None
    """The inputs, where the game stores them in the ghost (from United on)."""
    exe_version: str | None = None
    """The version text as stored. The competition patch adds 700 characters of patch data."""
    is_patched: bool = False
    """Whether the competition patch 1.6 left its mark."""
    is_later_game: bool = False
    """Whether ManiaPlanet or a later game wrote the ghost: it has chunks that no classic game writes."""
    recorded_samples: SampleBlock | Samples | None = field(default=None, repr=False)
    unread: tuple[str, ...] = ()
    """What was not understood. Nothing after an unknown chunk without a size was read."""

    @property
    def finished(self) -> bool:
        return self.race_time_ms is not None

    @property
    def checkpoint_count(self) -> int | None:
        """Number of crossings with a time."""
        return None if self.checkpoints_ms is None else sum(time is not None for time in self.checkpoints_ms)

    @property
    def nickname_plain(self) -> str | None:
        """The nickname without style codes."""
        return None if self.nickname is None else plain(self.nickname)

    @property
    def game_version(self) -> str | None:
        """The version text without patch data, at most 64 characters."""
        return None if self.exe_version is None else short_version(self.exe_version)

    @property
    def sample_period_ms(self) -> int | None:
        """Time between samples. Unpacks a few bytes; raises GbxError if they are damaged."""
        period_ms = None if self.recorded_samples is None else self.recorded_samples.period_ms
        return period_ms if period_ms is not None and 0 < period_ms < 1 << 31 else None

    @property
    def samples(self) -> Samples | None:
        """Positions and speeds, unpacked by every call. Raises GbxError if they are damaged."""
        block = self.recorded_samples
        return block.samples if isinstance(block, SampleBlock) else block


def short_version(text: str) -> str:
    """Return a version text without patch data and trailing spaces.

    `TmForeverCompPatch.2.11.26(1.5).da57…` becomes `TmForeverCompPatch.2.11.26(1.5)`.
    """
    text = text[:64]
    return text[: text.find(")") + 1] if ")" in text else text.rstrip()


def read_ghost(stream: Stream) -> Ghost:
    """Return the ghost whose chunks begin at the current position."""
    facts: dict[str, Any] = {}
    unread: list[str] = []
    chunks = stream.read_chunks(_CHUNKS, stream, facts, unread)
    is_later_game = max(chunks, default=0) > _LAST_CLASSIC_CHUNK or not _LATER_CHUNKS.isdisjoint(chunks)
    return Ghost(**facts, is_later_game=is_later_game, unread=tuple(unread))


def skip_ghost(nodes: NodeReader) -> None:
    """Read past a ghost whose contents are not needed."""
    read_ghost(nodes.stream)


_Reader = Callable[[Stream, dict[str, Any]], None]

_LAST_CLASSIC_CHUNK = 0x03092019  # and none of the chunks of other classes in a ghost has a higher id
_LATER_CHUNKS = frozenset({0x0303F006, 0x03092000})

_CHECKPOINT = Struct("<i4x")  # time; then the speed in chunk 004, the stunt score so far in 00B


def _skip(size: int) -> _Reader:
    return lambda stream, facts: stream.skip(size)


def _read_patch_mark(stream: Stream, facts: dict[str, Any]) -> None:
    facts["is_patched"] = True
    stream.skip(stream.remaining)


def _optional_i32(name: str) -> _Reader:
    def read(stream: Stream, facts: dict[str, Any]) -> None:
        facts[name] = stream.optional_i32()

    return read


def _read_plain_samples(stream: Stream, facts: dict[str, Any]) -> None:
    facts["recorded_samples"] = read_plain_samples(stream)


def _read_packed_samples(stream: Stream, facts: dict[str, Any]) -> None:
    facts["recorded_samples"] = read_packed_samples(stream)


def _skip_later_samples(stream: Stream, facts: dict[str, Any]) -> None:
    stream.skip(4)  # samples of ManiaPlanet and later have another layout
    read_packed_samples(stream)


def _driver_reader(unknown_numbers: int) -> _Reader:
    """Return a reader of chunks 003, 006 and 00D: vehicle, skin, some numbers, nickname."""

    def read(stream: Stream, facts: dict[str, Any]) -> None:
        facts["vehicle"] = stream.ident()[0]
        stream.skip_string()
        stream.skip(4 * unknown_numbers)
        facts["nickname"] = stream.string(limits.MAX_NAME_BYTES)

    return read


def _read_checkpoints(stream: Stream, facts: dict[str, Any]) -> None:
    number = stream.count(_CHECKPOINT.size, limits.MAX_CHECKPOINTS, "checkpoints")
    rows = _CHECKPOINT.iter_unpack(stream.take(number * _CHECKPOINT.size))
    facts["checkpoints_ms"] = tuple([None if time == -1 else time for (time,) in rows])


def _read_uid(stream: Stream, facts: dict[str, Any]) -> None:
    uid = stream.id()
    facts["uid"] = None if not uid or uid.startswith("#") else uid  # later games store a number


def _read_login(stream: Stream, facts: dict[str, Any]) -> None:
    facts["login"] = stream.string(limits.MAX_NAME_BYTES)


def _skip_id(stream: Stream, facts: dict[str, Any]) -> None:
    stream.id()


def _read_nickname_id(stream: Stream, facts: dict[str, Any]) -> None:
    _add_nickname(stream.id(), facts)


def _add_nickname(nickname: str, facts: dict[str, Any]) -> None:
    """Keep the nickname unless it is empty and another chunk has one."""
    facts["nickname"] = nickname or facts.get("nickname", nickname)


def _read_vehicle(stream: Stream, facts: dict[str, Any]) -> None:
    facts["vehicle"] = stream.ident()[0]


def _read_skins_and_names(stream: Stream, facts: dict[str, Any]) -> None:
    for _ in range(stream.count(5, limits.MAX_GHOSTS, "skins")):
        stream.skip_file_reference()
    _add_nickname(stream.string(limits.MAX_NAME_BYTES), facts)
    stream.skip_string()  # avatar


def _read_united_inputs(stream: Stream, facts: dict[str, Any]) -> None:
    facts["recorded"] = read_inputs(stream)
    if facts["recorded"].duration_ms:
        _read_validation(stream, facts)


def _read_forever_inputs(stream: Stream, facts: dict[str, Any]) -> None:
    _read_united_inputs(stream, facts)
    if facts["recorded"].duration_ms:
        stream.skip(4)  # seed


def _read_maniaplanet_inputs(stream: Stream, facts: dict[str, Any]) -> None:
    """Read chunk 025: version 0 is that of Forever plus a bool; version 1 has every field for every duration."""
    if stream.u32() == 0:
        _read_forever_inputs(stream, facts)
        if facts["recorded"].duration_ms:
            stream.skip(4)
        return
    facts["recorded"] = read_started_inputs(stream, stream.i32())
    _read_validation(stream, facts)
    stream.skip(8)


def _read_validation(stream: Stream, facts: dict[str, Any]) -> None:
    """Read the validation data: game version, checksum, system, processor, race settings."""
    facts["exe_version"] = stream.string()
    stream.skip(12)
    stream.skip_string()


def _read_maniaplanet_look(stream: Stream, facts: dict[str, Any]) -> None:
    """Read chunk 000: vehicle, colour, skins, badge, nickname. What follows is not needed."""
    version = stream.u32()
    appearance = stream.u32() if version >= 9 else 0
    facts["vehicle"] = stream.ident()[0]
    stream.skip(12)
    for _ in range(stream.count(5, limits.MAX_GHOSTS, "skins")):
        stream.skip_file_reference()
    if stream.u32():
        return  # a badge: its layout was not seen in any file
    if appearance >= 1:
        stream.skip_string()
    facts["nickname"] = stream.string(limits.MAX_NAME_BYTES)


_CHUNKS: dict[int, _Reader] = {
    # chunk: (reader)                              games that write it
    0x0303F003: _read_plain_samples,  #            TM1.0 to TMNESWC
    0x0303F004: _skip(4),  #                       TMS to TMNESWC: class of the vehicle
    0x0303F005: _read_packed_samples,  #           TMU, TMF
    0x0303F006: _skip_later_samples,  #            ManiaPlanet and later
    0x0304F001: _read_patch_mark,  #               TMF with the competition patch 1.6
    0x03092000: _read_maniaplanet_look,  #         ManiaPlanet and later
    0x03092003: _driver_reader(0),  #              TM1.0, TMPU
    0x03092004: _read_checkpoints,  #              TMPU, TMS: with speeds, without the finish
    0x03092005: _optional_i32("race_time_ms"),  #  TMPU and later
    0x03092006: _driver_reader(1),  #              TMS to TMNESWC
    0x03092008: _optional_i32("respawns"),  #      TMS and later
    0x03092009: _skip(12),  #                      TMS and later: colour of the light behind the car
    0x0309200A: _optional_i32("stunt_score"),  #   TMS and later
    0x0309200B: _read_checkpoints,  #              TMS and later: with stunt scores, with the finish
    0x0309200C: _skip(4),  #                       TMNESWC and later
    0x0309200D: _driver_reader(4),  #              TMU
    0x0309200E: _read_uid,  #                      TMU and later
    0x0309200F: _read_login,  #                    TMU and later
    0x03092010: _skip_id,  #                       TMU and later: uid of the map to validate on, always empty
    0x03092011: _read_united_inputs,  #            TMU
    0x03092012: _skip(20),  #                      TMU, TMF: a key
    0x03092013: _skip(8),  #                       TMF and later
    0x03092014: _skip(4),  #                       TMF and later: version of the ghost
    0x03092015: _read_nickname_id,  #              TMF: the nickname again
    0x03092017: _read_skins_and_names,  #          TMF
    0x03092018: _read_vehicle,  #                  TMF
    0x03092019: _read_forever_inputs,  #           TMF
    0x0309201C: _skip(32),  #                      ManiaPlanet and later: a key
    0x03092025: _read_maniaplanet_inputs,  #       ManiaPlanet and later
}
