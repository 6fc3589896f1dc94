"""Where the car was: one sample every 50 or 100 ms, as the game recorded it for other players' ghosts.

Layout of the block: GBX.NET `CGameGhost.Data`; of a sample: checked against the differences of positions
(median error of the speed 0.1 %, cosine between both directions 0.9999).
"""

from __future__ import annotations

import sys
import zlib
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from math import exp, pi
from struct import Struct
from typing import NamedTuple, overload

from tmxdb.errors import GbxError

from .format import limits
from .format.kept import kept
from .format.stream import Stream

BEGIN = Struct("<3fHhhhbb")  # what every version of a sample begins with; 46 to 61 bytes in all
_BLOCK = Struct("<5I")  # class of the car, fixed?, ?, period, version
_ENOUGH_PACKED = 1024  # for the first bytes of a block: zlib's tables take up to 560 bytes
_NO_CLASS = 0xFFFFFFFF
_STANDING = -32768  # the logarithm of speed 0
_VARIABLE = -1


class Sample(NamedTuple):
    """The car at one moment. Angles in radians."""

    time_ms: int
    """On the race clock."""
    x: float
    """Metres; y is up."""
    y: float
    z: float
    speed_kmh: float
    heading: float
    """Of the movement: its direction is (cos h cos p, sin h cos p, sin p) with the next angle."""
    pitch: float
    angle: float
    """Of the turn of the body around the axis that the next two angles give."""
    axis_heading: float
    axis_pitch: float


class Samples(Sequence[Sample]):
    """The samples of a ghost, each made when it is asked for."""

    __slots__ = ("_data", "_offsets", "_times_ms", "period_ms", "version")

    def __init__(
        self, data: bytes, offsets: Sequence[int], times_ms: Sequence[int] | None, period_ms: int, version: int
    ) -> None:
        self._data = data
        self._offsets = offsets
        self._times_ms = times_ms
        self.period_ms = period_ms
        self.version = version

    def __len__(self) -> int:
        return len(self._offsets)

    @overload
    def __getitem__(self, index: int) -> Sample: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Sample, ...]: ...
    def __getitem__(self, index: int | slice) -> Sample | tuple[Sample, ...]:
        if isinstance(index, slice):
            return tuple([self[i] for i in range(*index.indices(len(self)))])
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        index %= len(self)
        x, y, z, angle, axis_heading, axis_pitch, speed, heading, pitch = BEGIN.unpack_from(
            self._data, self._offsets[index]
        )
        return Sample(
            self._times_ms[index] if self._times_ms is not None else index * self.period_ms,
            x,
            y,
            z,
            0.0 if speed == _STANDING else 3.6 * exp(speed / 1000),  # stored: 1000 ln(m/s)
            heading * pi / 127,
            pitch * (pi / 2) / 127,
            angle * pi / 65535,
            axis_heading * pi / 32767,
            axis_pitch * (pi / 2) / 32767,
        )

    def positions(self) -> Iterator[tuple[float, float, float]]:
        """(x, y, z) in metres of every sample: about four times faster than whole samples."""
        unpack = Struct("<3f").unpack_from
        return (unpack(self._data, offset) for offset in self._offsets)


@dataclass(frozen=True, eq=False)
class SampleBlock:
    """Samples that are still packed. No slots: the period is kept."""

    plain_bytes: int
    """As announced; more than that is not unpacked."""
    _packed: bytes = field(repr=False)

    @kept
    def period_ms(self) -> int | None:
        """Time between samples; unpacks only the beginning. None where nothing was recorded."""
        class_id, _, _, period_ms, _ = _BLOCK.unpack(self._unpack(self._packed[:_ENOUGH_PACKED], _BLOCK.size))
        return None if class_id == _NO_CLASS else int(period_ms)

    @property
    def samples(self) -> Samples:
        """All samples, unpacked anew by every call: a replay can have many ghosts. GbxError if they are damaged."""
        if self.plain_bytes > limits.MAX_SAMPLE_BYTES:
            raise GbxError("gbx.too_large", f"{self.plain_bytes} bytes of samples; at most "
                           f"{limits.MAX_SAMPLE_BYTES} are read")  # fmt: skip
        return _read_block(Stream(self._unpack(self._packed, self.plain_bytes), in_body=True))

    def _unpack(self, packed: bytes, size: int) -> bytes:
        """Exactly the first `size` plain bytes."""
        if self.plain_bytes < _BLOCK.size:
            raise GbxError("gbx.corrupt", f"{self.plain_bytes} bytes of samples")
        unpacker = zlib.decompressobj()
        try:
            plain = unpacker.decompress(packed, size)
        except zlib.error as error:
            raise GbxError("gbx.corrupt", f"the samples can not be unpacked: {error}") from error
        if len(plain) < size or (size == self.plain_bytes and unpacker.unconsumed_tail):
            raise GbxError("gbx.corrupt", f"the samples are not the {self.plain_bytes} bytes they claim to be")
        return plain


def read_packed_samples(stream: Stream) -> SampleBlock:
    """United and Forever: u32 plain size, u32 packed size, zlib."""
    plain_bytes = stream.u32()
    return SampleBlock(plain_bytes, stream.take(stream.u32()))


def read_plain_samples(stream: Stream) -> Samples:
    """Before United: u32 bytes of samples, the samples, offsets, times, bool fixed, i32 period, i32 version."""
    data = stream.take(stream.u32())
    offsets = _numbers(stream)
    times_ms = _numbers(stream)
    is_fixed, period_ms, version = stream.u32(), stream.i32(), stream.i32()
    return _checked(stream, Samples(data, offsets, None if is_fixed else times_ms, period_ms, version))


def _read_block(stream: Stream) -> Samples:
    class_id, is_fixed, _, period_ms, version = stream.unpack(_BLOCK)
    if class_id == _NO_CLASS:
        return Samples(b"", (), None, period_ms, version)
    data = stream.take(stream.u32())
    offsets = _offsets(stream)
    times_ms = None if is_fixed else _numbers(stream)
    return _checked(stream, Samples(data, offsets, times_ms, period_ms, version))


def _offsets(stream: Stream) -> Sequence[int]:
    """Where the samples begin: u32 number, then the first offset and their size, or -1 and a size for each."""
    number = stream.count(0, limits.MAX_SAMPLES, "samples")
    if number == 0:
        return ()
    first = stream.u32()
    if number == 1:
        return (first,)
    size = stream.i32()
    if size == _VARIABLE:
        return array("q", accumulate(_unpack_numbers(stream, number - 1), initial=first))
    if size <= 0:
        raise stream.error("gbx.corrupt", f"samples of {size} bytes")
    return range(first, first + number * size, size)


def _numbers(stream: Stream) -> Sequence[int]:
    return _unpack_numbers(stream, stream.count(4, limits.MAX_SAMPLES, "samples"))


def _unpack_numbers(stream: Stream, number: int) -> Sequence[int]:
    """i32s, in an array: as a tuple they would take nine times the space that they take in the file."""
    numbers = array("i", stream.take(4 * number))
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def _checked(stream: Stream, samples: Samples) -> Samples:
    """The samples, if each lies within the data and has a time."""
    offsets, times_ms = samples._offsets, samples._times_ms
    if offsets and not (min(offsets) >= 0 and max(offsets) + BEGIN.size <= len(samples._data)):
        raise stream.error("gbx.corrupt", f"{len(offsets)} samples do not fit in {len(samples._data)} bytes")
    if times_ms is not None and len(times_ms) < len(offsets):
        raise stream.error("gbx.corrupt", f"{len(times_ms)} times for {len(offsets)} samples")
    return samples
