"""The inputs of a run, on the race clock. Layout and clock: docs/facts/gbx.md#inputs."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import compress
from struct import Struct
from typing import NamedTuple

from tmxdb.gbx.format import limits
from tmxdb.gbx.format.cached import cached_fact
from tmxdb.gbx.format.stream import Stream

RACE_START = "_FakeIsRaceRunning"
RACE_END = "_FakeFinishLine"
RESPAWN = "Respawn"

ANALOG_CONTROLS = frozenset({"Steer", "Gas"})
_PAD = ANALOG_CONTROLS | {"Steer (analog)", "Accelerate (analog)"}
KEY_OF = {
    "Accelerate": "up",
    "AccelerateReal": "up",
    "Brake": "down",
    "BrakeReal": "down",
    "SteerLeft": "left",
    "SteerRight": "right",
    "Steer left": "left",
    "Steer right": "right",
    RESPAWN: "enter",
}
"""The key of TMInterface that drives as each control does; `Steer left` and `Steer right` are of TM 1.0 and PowerUp."""
_KEYS = frozenset(control for control, key in KEY_OF.items() if key in ("left", "right"))
_BUTTONS = frozenset({"Accelerate", "Brake"})  # a pad has them too

ENTRY = Struct("<iBI")  # time, index of the control, value
_ENTRY_BYTES, _TIME_AT, _INDEX_AT, _VALUE_AT = 9, 0, 4, 5
CLOCK_ORIGIN_MS = 100_000  # stored time of game time 0
_OLD_ENTRY = Struct("<iiI")
_OLD_CLOCK_ORIGIN_MS = 10_000  # in TM 1.0 and PowerUp

_SIGN = 0x800000  # analog values are 24-bit two's complement
_SIGN_EXTENSION = bytes(0xFF if byte & 0x80 else 0 for byte in range(256))


class InputEvent(NamedTuple):
    """One change of one control."""

    time_ms: int
    """On the race clock: 0 is the start of the race. Keys that were pressed before it have negative times."""
    control: str
    """`Accelerate`, `Brake`, `Steer`, `SteerLeft`, `SteerRight`, `Gas`, `Respawn`, `Horn`; two that begin with
    `_Fake` mark the start and the finish. Names in TM 1.0 and PowerUp contain spaces (`Steer left`)."""
    value: int
    """Keys: 0 is up, any other value is down (1; 128 in TM 1.0 and PowerUp). `Steer` and `Gas`: -65536 to 65536 as
    stored; steering above 0 is to the left."""


class InputColumns(NamedTuple):
    """The events of a run as columns of equal length; see `InputEvent`."""

    times_ms: Sequence[int]
    numbers: bytes
    """For each event the place of its control in `Inputs.controls`."""
    values: Sequence[int]


@dataclass(frozen=True, eq=False)
class Inputs:
    """The recorded inputs of one run. No slots: `events` is computed on first use and cached."""

    duration_ms: int
    """0 if nothing was recorded."""
    controls: tuple[str, ...]
    """Names of all controls that the game knew, used or not."""
    _entries: bytes = field(repr=False)

    @property
    def count(self) -> int:
        """Number of events, including the two marks."""
        return len(self._entries) // _ENTRY_BYTES

    @cached_fact
    def clock_shift_ms(self) -> int:
        """By how much the game clock was ahead of the race clock: 65535 in files written by TMInterface, else 0."""
        start = self._first_entry_of(RACE_START)
        return 0 if start is None else self._time_at(start) - CLOCK_ORIGIN_MS

    @cached_fact
    def columns(self) -> InputColumns:
        """Every event in the order of the file, which is the order of time, without an object for each."""
        origin_ms = CLOCK_ORIGIN_MS + self.clock_shift_ms
        times_ms = [time - origin_ms for time in _numbers("i", self._column(_TIME_AT))]
        return InputColumns(times_ms, self._indices, self._values())

    @cached_fact
    def events(self) -> tuple[InputEvent, ...]:
        """Every event in the order of the file, which is the order of time."""
        times, numbers, values = self.columns
        names = map(self.controls.__getitem__, numbers)
        new_event = partial(tuple.__new__, InputEvent)  # 25 % faster than calling InputEvent (52,000 events)
        return tuple(map(new_event, zip(times, names, values, strict=True)))

    def presses_ms(self, control: str) -> list[int]:
        """Return when a control went down, on the race clock."""
        origin_ms = CLOCK_ORIGIN_MS + self.clock_shift_ms
        return [self._time_at(at) - origin_ms for at in self._entries_of(control) if self._value_at(at) != 0]

    def _values(self) -> Sequence[int]:
        """Return the value of every entry, analog ones with their sign."""
        data = self._column(_VALUE_AT)
        unsigned = _numbers("I", data)
        if self._used.isdisjoint(ANALOG_CONTROLS):
            return unsigned
        # All values get a sign together, which is much faster than one by one. Values of keys are too small to change.
        data[3::4] = data[2::4].translate(_SIGN_EXTENSION)
        signed = _numbers("i", data)
        is_key = self._indices.translate(bytes(control not in ANALOG_CONTROLS for control in self.controls).ljust(256))
        if max(compress(unsigned, is_key), default=0) < _SIGN:
            return signed
        return [key if is_one else analog for key, analog, is_one in zip(unsigned, signed, is_key, strict=True)]

    def _column(self, offset: int) -> bytearray:
        """Return the 4 bytes at `offset` of every entry: ten times as fast as unpacking each entry."""
        data = bytearray(4 * self.count)
        for place in range(4):
            data[place::4] = self._entries[offset + place :: _ENTRY_BYTES]
        return data

    @cached_fact
    def respawns(self) -> int:
        """Presses of Respawn at or after the start of the race; earlier ones (seen in 2 files) have no effect."""
        presses_ms = self.presses_ms(RESPAWN)
        has_start = self._first_entry_of(RACE_START) is not None
        return sum(time_ms >= 0 for time_ms in presses_ms) if has_start else len(presses_ms)

    @cached_fact
    def device(self) -> str | None:
        """`keyboard`, `pad` (any analog control), or `mixed` if the run was steered with both; None without driving."""
        if not self._used & _PAD:
            return "keyboard" if self._used & (_KEYS | _BUTTONS) else None
        return "mixed" if self._used & _KEYS else "pad"

    @cached_fact
    def _used(self) -> frozenset[str]:
        """The names of the controls that have an entry."""
        return frozenset([control for index, control in enumerate(self.controls) if index in self._indices])

    @cached_fact
    def _indices(self) -> bytes:
        """The control index of every entry."""
        return self._entries[_INDEX_AT::_ENTRY_BYTES]

    def _entries_of(self, control: str) -> Iterator[int]:
        """Yield the numbers of the entries of a control."""
        for index, name in enumerate(self.controls):
            if name == control:
                at = self._indices.find(index)
                while at >= 0:
                    yield at
                    at = self._indices.find(index, at + 1)

    def _first_entry_of(self, control: str) -> int | None:
        return next(self._entries_of(control), None)

    def _time_at(self, entry: int) -> int:
        """Return the stored time of an entry."""
        time: int = ENTRY.unpack_from(self._entries, entry * _ENTRY_BYTES)[0]
        return time

    def _value_at(self, entry: int) -> int:
        value: int = ENTRY.unpack_from(self._entries, entry * _ENTRY_BYTES)[2]
        return value


def _numbers(kind: str, data: bytearray) -> array[int]:
    """Return the little-endian numbers in `data`. `kind`: a type code of the module `array`."""
    numbers = array(kind)
    numbers.frombytes(bytes(data))
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def read_inputs(stream: Stream) -> Inputs:
    """Return inputs from Sunrise on; they are in the ghost from United on, in the replay before."""
    duration_ms = stream.i32()
    return Inputs(0, (), b"") if duration_ms == 0 else read_started_inputs(stream, duration_ms)


def read_started_inputs(stream: Stream, duration_ms: int) -> Inputs:
    """Return inputs from after their duration on: i32 0, names of controls, u32 count, i32 0, entries."""
    stream.skip(4)
    names = stream.count(4, limits.MAX_CONTROLS, "control names")
    controls = tuple([stream.id() for _ in range(names)])
    entries = stream.count(_ENTRY_BYTES, limits.MAX_INPUTS, "inputs")
    stream.skip(4)
    return _checked(stream, Inputs(duration_ms, controls, stream.take(entries * _ENTRY_BYTES)))


def read_old_inputs(stream: Stream) -> Inputs:
    """Return inputs of TM 1.0 and PowerUp: newest first, with another clock and wider entries.

    i32 duration, i32, u32 n, n x (i32, i32, string name), u32 count + 1, entries, i32.
    """
    duration_ms = stream.i32()
    stream.skip(4)
    controls = []
    for _ in range(stream.count(12, limits.MAX_CONTROLS, "control names")):
        stream.skip(8)
        controls.append(stream.string())
    at = stream.pos
    entries = stream.u32() - 1
    if not 0 <= entries <= limits.MAX_INPUTS:
        raise stream.error("gbx.too_large", f"{entries:,} inputs; the limit is {limits.MAX_INPUTS:,}", at)
    rows = list(_OLD_ENTRY.iter_unpack(stream.take(entries * _OLD_ENTRY.size)))
    stream.skip(4)
    packed = bytearray()
    for time, index, value in reversed(rows):
        if not 0 <= index < len(controls):
            raise stream.error("gbx.corrupt", f"an input of control {index} of {len(controls)}", at)
        packed += ENTRY.pack(wrapped(time - _OLD_CLOCK_ORIGIN_MS + CLOCK_ORIGIN_MS), index, value)
    return Inputs(duration_ms, tuple(controls), bytes(packed))


def _checked(stream: Stream, inputs: Inputs) -> Inputs:
    """Return `inputs`. Raise GbxError if one is of a control without a name."""
    known = bytes(range(len(inputs.controls)))
    unknown = inputs._indices.translate(None, known)
    if unknown:
        raise stream.error("gbx.corrupt", f"an input of control {unknown[0]} of {len(known)}")
    return inputs


def wrapped(time: int) -> int:
    """Return a time as a signed 32-bit number, as the games do."""
    return (time + (1 << 31)) % (1 << 32) - (1 << 31)
