"""The same facts read by pygbx: the extra `pygbx`, chosen with `--gbx-reader pygbx`.

pygbx 0.3 reads ghosts of TMF and later, and maps of all games. The reader of this package supplies what pygbx does
not: the XML header, the bytes of the map, medals in the header, passwords, intros. It also runs first, so that pygbx
gets only files with consistent sizes and counts: docs/facts/gbx.md#differences-from-pygbx.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from tmxdb.errors import GbxError, UserActionRequired
from tmxdb.gbx import challenge as own_challenge
from tmxdb.gbx import replay as own_replay
from tmxdb.gbx.challenge import Challenge
from tmxdb.gbx.challenge_header import MapIdentity, read_identity
from tmxdb.gbx.format.cached import cached_fact
from tmxdb.gbx.format.classes import GHOST, REPLAY
from tmxdb.gbx.replay import Replay
from tmxdb.gbx.replay_parts.body import ReplayBody
from tmxdb.gbx.replay_parts.ghost import Ghost
from tmxdb.gbx.replay_parts.header import ReplayHeader, read_header
from tmxdb.gbx.replay_parts.inputs import CLOCK_ORIGIN_MS, ENTRY, Inputs, wrapped
from tmxdb.gbx.replay_parts.samples import BEGIN, Samples
from tmxdb.gbx.source import Source, read_source

_NOT_SET = 0xFFFFFFFF  # pygbx reads -1 as an unsigned number
_BOM = "\ufeff"


def read_replay(source: Source) -> Replay:
    """Like `tmxdb.gbx.read_replay`. Raise UserActionRequired if pygbx is not installed."""
    _pygbx()
    data = read_source(source)
    return PygbxReplay(own_replay.read_replay(data).container, data)


def read_challenge(source: Source) -> Challenge:
    """Like `tmxdb.gbx.read_challenge`. Raise UserActionRequired if pygbx is not installed."""
    _pygbx()
    data = read_source(source)
    return PygbxChallenge(own_challenge.read_challenge(data).container, data)


@dataclass(frozen=True, eq=False, repr=False)
class PygbxReplay(Replay):
    """A replay whose driver and ghosts are read by pygbx, on first use."""

    data: bytes

    @cached_fact
    def header(self) -> ReplayHeader:
        """The header, with names and time as pygbx reads them, unless it cannot read the ghosts."""
        header = read_header(self.container)
        if not header.has_facts:
            return header
        try:
            records = self._parsed.get_classes_by_ids(list(_REPLAYS))
            times_ms = [ghost.race_time_ms for ghost in self.ghosts if ghost.race_time_ms is not None]
        except GbxError:
            return header
        record = next((record for record in records if hasattr(record, "driver_login")), None)
        if record is None or not times_ms:
            return header
        return replace(
            header,
            nickname=_text(record.nickname),
            login=_text(record.driver_login),
            race_time_ms=min(times_ms),
        )

    @cached_fact
    def _parsed(self) -> Any:
        _ = own_replay.Replay(self.container).ghosts
        if not self.is_ghost_file:
            _ = super()._map_and_bytes[0].body
        return _parse(self.data)

    @cached_fact
    def _map_and_bytes(self) -> tuple[Challenge, bytes]:
        challenge, data = super()._map_and_bytes
        return PygbxChallenge(challenge.container, data), data

    @cached_fact
    def _contents(self) -> ReplayBody:
        contents = own_replay.Replay(self.container)._contents
        parsed = self._parsed.get_classes_by_ids(list(_GHOSTS))
        if len(parsed) == len(contents.ghosts):
            pairs = zip(contents.ghosts, parsed, strict=True)
            contents.ghosts = tuple([_merged(ghost, by_pygbx) for ghost, by_pygbx in pairs])
        else:
            contents.unread += (f"pygbx reads {len(parsed)} of {len(contents.ghosts)} ghosts",)
        return contents


@dataclass(frozen=True, eq=False, repr=False)
class PygbxChallenge(Challenge):
    """A map whose identity is read by pygbx."""

    data: bytes

    @cached_fact
    def identity(self) -> MapIdentity | None:
        """The identity, from header or body, as pygbx reads it."""
        _ = self.body
        parsed = _parse(self.data).get_class_by_id(self.container.stored_class_id)
        if parsed is None or parsed.map_uid is None:
            return read_identity(self.container)
        return MapIdentity(
            _text(parsed.map_uid) or "", _text(parsed.environment) or "", _text(parsed.map_author) or "",
            _text(parsed.map_name) or "", _text(parsed.mood),
        )  # fmt: skip


_REPLAYS = (REPLAY, 0x2407E000, 0x2403F000)
_GHOSTS = (GHOST, 0x2401B000)


def _merged(own: Ghost, parsed: Any) -> Ghost:
    """Return our ghost with every fact replaced that pygbx also reads."""
    recorded = own.recorded and Inputs(parsed.events_duration, tuple(parsed.control_names), _entries(parsed))
    return replace(
        own,
        race_time_ms=_optional(parsed.race_time),
        stunt_score=_optional(parsed.stunts_score),
        checkpoints_ms=tuple([_optional(time_ms) for time_ms in parsed.cp_times]),
        respawns=_optional(parsed.num_respawns),
        login=_text(parsed.login),
        uid=_text(parsed.uid) or None,
        exe_version=parsed.game_version or None,
        recorded=recorded,
        recorded_samples=own.recorded_samples and _samples(parsed),
    )


def _entries(parsed: Any) -> bytes:
    """Return the inputs as stored; pygbx splits the value in two and subtracts the clock origin."""
    index = {control: number for number, control in enumerate(parsed.control_names)}
    return b"".join(
        ENTRY.pack(wrapped(entry.time + CLOCK_ORIGIN_MS), index[entry.event_name], entry.flags << 16 | entry.enabled)
        for entry in parsed.control_entries
    )


def _samples(parsed: Any) -> Samples:
    rows = [
        BEGIN.pack(
            row.position.x, row.position.y, row.position.z,
            row.angle, row.axis_heading, row.axis_pitch, row.speed, row.vel_heading, row.vel_pitch,
        )
        for row in parsed.records
    ]  # fmt: skip
    offsets = range(0, len(rows) * BEGIN.size, BEGIN.size)
    return Samples(b"".join(rows), offsets, None, parsed.sample_period, 0)


def _optional(value: int) -> int | None:
    return None if value == _NOT_SET else value


def _text(value: str | None) -> str | None:
    return None if value is None else value.removeprefix(_BOM)


def _parse(data: bytes) -> Any:
    try:
        return _pygbx().Gbx(data)
    except UserActionRequired:
        raise
    except Exception as error:  # pygbx has no error class: struct, index, key, type and other errors
        raise GbxError("gbx.unsupported", f"pygbx cannot read it: {type(error).__name__}: {error}") from error


def _pygbx() -> Any:
    try:
        import pygbx
    except ImportError as error:
        raise UserActionRequired(
            "pygbx is not installed. Install it with `pip install tmxdb[pygbx]` (needs a C compiler and liblzo2), "
            "or leave out `--gbx-reader pygbx`.",
            code="gbx.no_pygbx",
        ) from error
    return pygbx
