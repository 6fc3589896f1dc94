"""The same facts through pygbx, for those who trust it more: the extra `pygbx`, chosen by `--gbx-reader pygbx`.

pygbx 0.3 reads the ghosts of TMF and later and the maps of all games. What it does not give is taken from the reader
of this package: the XML header, the bytes of the map, medals in the header, passwords, intros. That reader also
goes first, so that pygbx sees only files whose sizes and counts hold: a false count keeps it busy for minutes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from tmxdb.errors import GbxError, UserMustAct

from . import challenge as own_challenge
from . import replay as own_replay
from .challenge import Challenge
from .challenge_header import MapIdentity, read_identity
from .format.classes import GHOST, REPLAY
from .format.kept import kept
from .ghost import Ghost
from .inputs import CLOCK_ORIGIN_MS, ENTRY, Inputs, wrapped
from .replay import Replay
from .replay_body import ReplayBody
from .replay_header import ReplayHeader, read_header
from .samples import BEGIN, Samples

_NONE = 0xFFFFFFFF  # what pygbx makes of -1
_BOM = "\ufeff"


def read_replay(data: bytes) -> Replay:
    """As `tmxdb.gbx.read_replay`. UserMustAct if pygbx is not installed."""
    _pygbx()
    return PygbxReplay(own_replay.read_replay(data).container, bytes(data))


def read_challenge(data: bytes) -> Challenge:
    """As `tmxdb.gbx.read_challenge`. UserMustAct if pygbx is not installed."""
    _pygbx()
    return PygbxChallenge(own_challenge.read_challenge(data).container, bytes(data))


@dataclass(frozen=True, eq=False, repr=False)
class PygbxReplay(Replay):
    """A replay with the driver and the ghosts as pygbx reads them; it is not asked before they are."""

    data: bytes

    @kept
    def header(self) -> ReplayHeader:
        """The header; its names and time as pygbx read them, unless it can not read the ghosts."""
        header = read_header(self.container)
        if not header.has_facts:
            return header
        try:
            found = self._gbx.get_classes_by_ids(list(_REPLAYS))
            times_ms = [ghost.race_time_ms for ghost in self.ghosts if ghost.race_time_ms is not None]
        except GbxError:
            return header
        record = next((each for each in found if hasattr(each, "driver_login")), None)
        if record is None or not times_ms:
            return header
        return replace(
            header,
            nickname=_text(record.nickname),
            login=_text(record.driver_login),
            race_time_ms=min(times_ms),
        )

    @kept
    def _gbx(self) -> Any:
        _ = own_replay.Replay(self.container).ghosts
        if not self.is_ghost_file:
            _ = super()._map_and_bytes[0].body
        return _parse(self.data)

    @kept
    def _map_and_bytes(self) -> tuple[Challenge, bytes]:
        challenge, data = super()._map_and_bytes
        return PygbxChallenge(challenge.container, data), data

    @kept
    def _contents(self) -> ReplayBody:
        contents = own_replay.Replay(self.container)._contents
        found = self._gbx.get_classes_by_ids(list(_GHOSTS))
        if len(found) == len(contents.ghosts):
            pairs = zip(contents.ghosts, found, strict=True)
            contents.ghosts = tuple([_ghost(ghost, by_pygbx) for ghost, by_pygbx in pairs])
        else:
            contents.unread += (f"pygbx reads {len(found)} of {len(contents.ghosts)} ghosts",)
        return contents


@dataclass(frozen=True, eq=False, repr=False)
class PygbxChallenge(Challenge):
    """A map with its identity as pygbx reads it."""

    data: bytes

    @kept
    def identity(self) -> MapIdentity | None:
        _ = self.body
        found = _parse(self.data).get_class_by_id(self.container.stored_class_id)
        if found is None or found.map_uid is None:
            return read_identity(self.container)
        return MapIdentity(
            _text(found.map_uid) or "", _text(found.environment) or "", _text(found.map_author) or "",
            _text(found.map_name) or "", _text(found.mood),
        )  # fmt: skip


_REPLAYS = (REPLAY, 0x2407E000, 0x2403F000)
_GHOSTS = (GHOST, 0x2401B000)


def _ghost(own: Ghost, found: Any) -> Ghost:
    """The ghost with everything replaced that pygbx knows, too."""
    recorded = own.recorded and Inputs(found.events_duration, tuple(found.control_names), _entries(found))
    return replace(
        own,
        race_time_ms=_time(found.race_time),
        stunt_score=_time(found.stunts_score),
        checkpoints_ms=tuple(found.cp_times),
        respawns=_time(found.num_respawns),
        login=_text(found.login),
        uid=_text(found.uid) or None,
        exe_version=found.game_version or None,
        recorded=recorded,
        recorded_samples=own.recorded_samples and _samples(found),
    )


def _entries(found: Any) -> bytes:
    """The inputs as they were stored: pygbx parts their value in two and takes the clock's origin away."""
    index = {control: number for number, control in enumerate(found.control_names)}
    return b"".join(
        ENTRY.pack(wrapped(entry.time + CLOCK_ORIGIN_MS), index[entry.event_name], entry.flags << 16 | entry.enabled)
        for entry in found.control_entries
    )


def _samples(found: Any) -> Samples:
    rows = [
        BEGIN.pack(
            row.position.x, row.position.y, row.position.z,
            row.angle, row.axis_heading, row.axis_pitch, row.speed, row.vel_heading, row.vel_pitch,
        )
        for row in found.records
    ]  # fmt: skip
    offsets = range(0, len(rows) * BEGIN.size, BEGIN.size)
    return Samples(b"".join(rows), offsets, None, found.sample_period, 0)


def _time(value: int) -> int | None:
    return None if value == _NONE else value


def _text(value: str | None) -> str | None:
    return None if value is None else value.removeprefix(_BOM)


def _parse(data: bytes) -> Any:
    try:
        return _pygbx().Gbx(data)
    except UserMustAct:
        raise
    except Exception as error:  # a library without errors of its own: struct, index, key and type errors, and more
        raise GbxError("gbx.unsupported", f"pygbx can not read it: {type(error).__name__}: {error}") from error


def _pygbx() -> Any:
    try:
        import pygbx
    except ImportError as error:
        raise UserMustAct(
            "pygbx is not installed. `pip install tmxdb[pygbx]`, which needs a C compiler and liblzo2; "
            "or leave out `--gbx-reader pygbx`.",
            code="gbx.no_pygbx",
        ) from error
    return pygbx
