"""A recorded car: who drove, how long it took, what was pressed, where it was.

Layout of the chunks and which game writes which: GBX.NET `CGameCtnGhost.chunkl`; checked on the ghosts of 111 replays.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from struct import Struct
from typing import Any

from .format import limits
from .format.nodes import Nodes
from .format.stream import Stream
from .format.text import plain
from .inputs import Inputs, read_inputs, read_started_inputs
from .samples import SampleBlock, Samples, read_packed_samples, read_plain_samples


@dataclass(frozen=True, slots=True)
class Ghost:
    """One ghost. None stands for what its game does not store, or stored as "none"."""

    race_time_ms: int | None = None
    """None if the run was not finished. On stunts maps this is the driving time."""
    stunt_score: int | None = None
    checkpoints_ms: tuple[int, ...] | None = None
    """Time of every crossing of every lap, the finish last (TMPU: without the finish)."""
    respawns: int | None = None
    """The counter of the game."""
    login: str | None = None
    """From United on. Of LAN and offline play with an address: `unnamed/127.0.0.1`."""
    nickname: str | None = None
    uid: str | None = None
    """From United on."""
    vehicle: str | None = None
    recorded: Inputs | None = None
    """The inputs, where the game stores them in the ghost (from United on)."""
    exe_version: str | None = None
    """The version text as stored; with the competition patch 700 characters of patch data follow it."""
    is_patched: bool = False
    """Whether the competition patch 1.6 left its mark."""
    recorded_samples: SampleBlock | Samples | None = field(default=None, repr=False)
    unread: tuple[str, ...] = ()
    """What was not understood; nothing behind a chunk without a size was read."""

    @property
    def finished(self) -> bool:
        return self.race_time_ms is not None

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
        """Time between samples. Unpacks a few bytes: GbxError if they are damaged."""
        return None if self.recorded_samples is None else self.recorded_samples.period_ms

    @property
    def samples(self) -> Samples | None:
        """Positions and more, unpacked anew by every call. GbxError if they are damaged."""
        block = self.recorded_samples
        return block.samples if isinstance(block, SampleBlock) else block


def short_version(text: str) -> str:
    """`TmForeverCompPatch.2.11.26(1.5).da57…` -> `TmForeverCompPatch.2.11.26(1.5)`; spaces at the end go too."""
    text = text[:64]
    return text[: text.find(")") + 1] if ")" in text else text.rstrip()


def read_ghost(stream: Stream) -> Ghost:
    """The ghost whose chunks begin here."""
    facts: dict[str, Any] = {}
    unread: list[str] = []

    def read(chunk: int) -> bool:
        reader = _CHUNKS.get(chunk)
        if reader is not None:
            reader(stream, facts)
        return reader is not None

    stream.chunks(read, unread)
    return Ghost(**facts, unread=tuple(unread))


def skip_ghost(nodes: Nodes) -> None:
    """Step over a ghost that only stands in the way of something else."""
    read_ghost(nodes.stream)


_Reader = Callable[[Stream, dict[str, Any]], None]

_CHECKPOINT = Struct("<i4x")  # the time; then the speed in chunk 004, the stunt score so far in 00B


def _skip(size: int) -> _Reader:
    return lambda stream, facts: stream.skip(size)


def _patch_mark(stream: Stream, facts: dict[str, Any]) -> None:
    facts["is_patched"] = True
    stream.skip(stream.left)


def _i32(name: str) -> _Reader:
    def read(stream: Stream, facts: dict[str, Any]) -> None:
        facts[name] = stream.optional_i32()

    return read


def _plain_samples(stream: Stream, facts: dict[str, Any]) -> None:
    facts["recorded_samples"] = read_plain_samples(stream)


def _packed_samples(stream: Stream, facts: dict[str, Any]) -> None:
    facts["recorded_samples"] = read_packed_samples(stream)


def _later_packed_samples(stream: Stream, facts: dict[str, Any]) -> None:
    stream.skip(4)  # ManiaPlanet and later keep their samples elsewhere, in a layout of their own
    read_packed_samples(stream)


def _driver(unknown_numbers: int) -> _Reader:
    """Chunks 003, 006 and 00D: the vehicle, its skin, some numbers, the nickname."""

    def read(stream: Stream, facts: dict[str, Any]) -> None:
        facts["vehicle"] = stream.ident()[0]
        stream.string()
        stream.skip(4 * unknown_numbers)
        facts["nickname"] = stream.string(limits.MAX_NAME_BYTES)

    return read


def _checkpoints(stream: Stream, facts: dict[str, Any]) -> None:
    number = stream.count(_CHECKPOINT.size, limits.MAX_CHECKPOINTS, "checkpoints")
    rows = _CHECKPOINT.iter_unpack(stream.take(number * _CHECKPOINT.size))
    facts["checkpoints_ms"] = tuple([time for (time,) in rows])


def _uid(stream: Stream, facts: dict[str, Any]) -> None:
    uid = stream.id()
    facts["uid"] = None if not uid or uid.startswith("#") else uid  # later games store a number here


def _login(stream: Stream, facts: dict[str, Any]) -> None:
    facts["login"] = stream.string(limits.MAX_NAME_BYTES)


def _id(stream: Stream, facts: dict[str, Any]) -> None:
    stream.id()


def _vehicle(stream: Stream, facts: dict[str, Any]) -> None:
    facts["vehicle"] = stream.ident()[0]


def _skins_and_names(stream: Stream, facts: dict[str, Any]) -> None:
    for _ in range(stream.count(5, limits.MAX_GHOSTS, "skins")):
        stream.file_reference()
    facts["nickname"] = stream.string(limits.MAX_NAME_BYTES)
    stream.string()  # avatar


def _inputs_of_united(stream: Stream, facts: dict[str, Any]) -> None:
    facts["recorded"] = read_inputs(stream)
    if facts["recorded"].duration_ms:
        _validation(stream, facts)


def _inputs_of_forever(stream: Stream, facts: dict[str, Any]) -> None:
    _inputs_of_united(stream, facts)
    if facts["recorded"].duration_ms:
        stream.skip(4)  # seed


def _inputs_of_maniaplanet(stream: Stream, facts: dict[str, Any]) -> None:
    """Chunk 025: version 0 is that of Forever and a bool; in version 1 everything is there for every duration."""
    if stream.u32() == 0:
        _inputs_of_forever(stream, facts)
        if facts["recorded"].duration_ms:
            stream.skip(4)
        return
    facts["recorded"] = read_started_inputs(stream, stream.i32())
    _validation(stream, facts)
    stream.skip(8)


def _validation(stream: Stream, facts: dict[str, Any]) -> None:
    """The game that recorded the inputs: version, checksum, system, processor, and the settings of the race."""
    facts["exe_version"] = stream.string()
    stream.skip(12)
    stream.string()


def _look_of_maniaplanet(stream: Stream, facts: dict[str, Any]) -> None:
    """Chunk 000: vehicle, colour, skins, badge, nickname; what follows is not needed."""
    version = stream.u32()
    appearance = stream.u32() if version >= 9 else 0
    facts["vehicle"] = stream.ident()[0]
    stream.skip(12)
    for _ in range(stream.count(5, limits.MAX_GHOSTS, "skins")):
        stream.file_reference()
    if stream.u32():
        return  # a badge: its layout was never seen in a file
    if appearance >= 1:
        stream.string()
    facts["nickname"] = stream.string(limits.MAX_NAME_BYTES)


_CHUNKS: dict[int, _Reader] = {
    # chunk: (reader)                           games that write it
    0x0303F003: _plain_samples,  #              TM1.0 to ESWC
    0x0303F004: _skip(4),  #                    TMS to ESWC: class of the vehicle
    0x0303F005: _packed_samples,  #             TMU, TMF
    0x0303F006: _later_packed_samples,  #       ManiaPlanet and later
    0x0304F001: _patch_mark,  #                   TMF with the competition patch 1.6
    0x03092000: _look_of_maniaplanet,  #        ManiaPlanet and later
    0x03092003: _driver(0),  #                  TM1.0, TMPU
    0x03092004: _checkpoints,  #                TMPU, TMS: with speeds, without the finish
    0x03092005: _i32("race_time_ms"),  #        TMPU and later
    0x03092006: _driver(1),  #                  TMS to ESWC
    0x03092008: _i32("respawns"),  #            TMS and later
    0x03092009: _skip(12),  #                   TMS and later: colour of the light trail
    0x0309200A: _i32("stunt_score"),  #         TMS and later
    0x0309200B: _checkpoints,  #                TMS and later: with stunt scores, with the finish
    0x0309200C: _skip(4),  #                    ESWC and later
    0x0309200D: _driver(4),  #                  TMU
    0x0309200E: _uid,  #                        TMU and later
    0x0309200F: _login,  #                      TMU and later
    0x03092010: _id,  #                         TMU and later: uid of the map to validate on, always empty
    0x03092011: _inputs_of_united,  #           TMU
    0x03092012: _skip(20),  #                   TMU, TMF: a key
    0x03092013: _skip(8),  #                    TMF and later
    0x03092014: _skip(4),  #                    TMF and later: version of the ghost
    0x03092015: _id,  #                         TMF: the nickname again
    0x03092017: _skins_and_names,  #            TMF
    0x03092018: _vehicle,  #                    TMF
    0x03092019: _inputs_of_forever,  #          TMF
    0x0309201C: _skip(32),  #                   ManiaPlanet and later: a key
    0x03092025: _inputs_of_maniaplanet,  #      ManiaPlanet and later
}
