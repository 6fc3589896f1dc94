"""Samples of a ghost: position and speed of the car every 50 or 100 ms. Layout: docs/facts/gbx.md#samples."""

from __future__ import annotations

import sys
import zlib
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from math import atan2, exp, hypot, nan, pi
from struct import Struct
from typing import NamedTuple, overload

from tmxdb.errors import GbxError
from tmxdb.gbx.format import limits
from tmxdb.gbx.format.cached import cached_fact
from tmxdb.gbx.format.stream import Stream

_POSITION = Struct("<3f")
BEGIN = Struct("<3fHhhhbb")  # the beginning of every sample; samples are 46 to 61 bytes long
_BLOCK = Struct("<5I")  # class of the car, fixed?, ?, period, version
_ENOUGH_PACKED = 1024  # enough for the first bytes of a block: zlib's tables take up to 560 bytes
_NO_CLASS = 0xFFFFFFFF
_STANDING = -32768  # stored for a speed of 0, which has no logarithm
_VARIABLE = -1
_TM1_VERSION = 2  # of TM 1.0 and PowerUp: one byte before the position, and another layout after it


class Sample(NamedTuple):
    """The car at one moment. Angles in radians."""

    time_ms: int
    """On the race clock."""
    x: float
    """Position in metres; y is up."""
    y: float
    z: float
    speed_kmh: float
    """Speed and direction are computed from the positions in TM 1.0 and PowerUp, whose samples have another layout."""
    heading: float
    """Heading of the movement. With the pitch, its direction in (x, y, z) is (cos h cos p, sin h cos p, sin p)."""
    pitch: float
    angle: float
    """Half the angle of the body's rotation, as in a unit quaternion. NaN in TM 1.0 and PowerUp, which do not store it.
    """
    axis_heading: float
    """With the pitch of the axis, the axis of that rotation, in the same form as the direction."""
    axis_pitch: float


class Samples(Sequence[Sample]):
    """The samples of a ghost, each decoded on access."""

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
        if self.version == _TM1_VERSION:
            return self._sample_without_angles(index)
        x, y, z, angle, axis_heading, axis_pitch, speed, heading, pitch = BEGIN.unpack_from(
            self._data, self._offsets[index]
        )
        return Sample(
            self._time_ms(index),
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
        """Return (x, y, z) in metres of every sample; about four times faster than decoding the samples."""
        unpack, shift = _POSITION.unpack_from, _position_shift(self.version)
        return (unpack(self._data, offset + shift) for offset in self._offsets)

    def packed(self) -> tuple[bytes, Sequence[int]]:
        """Return the unpacked bytes and the offset of each sample in them, to decode all samples together.

        Samples of TM 1.0 and PowerUp have another layout (`has_angles`).
        """
        return self._data, self._offsets

    @property
    def has_angles(self) -> bool:
        """Whether speed, direction and rotation are stored, in the layout of `BEGIN`."""
        return self.version != _TM1_VERSION

    def times_ms(self) -> Sequence[int]:
        """Return the race time of every sample."""
        if self._times_ms is not None:
            return self._times_ms[: len(self)]
        if self.period_ms == 0:
            return [0] * len(self)
        return range(0, len(self) * self.period_ms, self.period_ms)

    def _time_ms(self, index: int) -> int:
        return self._times_ms[index] if self._times_ms is not None else index * self.period_ms

    def _position(self, index: int) -> tuple[float, ...]:
        return _POSITION.unpack_from(self._data, self._offsets[index] + _position_shift(self.version))

    def _sample_without_angles(self, index: int) -> Sample:
        """Return a sample whose speed and direction come from the positions before and after it."""
        before, after = max(index - 1, 0), min(index + 1, len(self) - 1)
        elapsed_ms = self._time_ms(after) - self._time_ms(before)
        steps = [b - a for a, b in zip(self._position(before), self._position(after), strict=True)]
        speed_kmh = hypot(*steps) / elapsed_ms * 3600 if elapsed_ms > 0 else 0.0
        heading, pitch = atan2(steps[1], steps[0]), atan2(steps[2], hypot(steps[0], steps[1]))
        x, y, z = self._position(index)
        return Sample(self._time_ms(index), x, y, z, speed_kmh, heading, pitch, nan, nan, nan)


@dataclass(frozen=True, eq=False)
class SampleBlock:
    """Packed samples. No slots: the period is cached."""

    plain_bytes: int
    """As announced; no more than that is unpacked."""
    _packed: bytes = field(repr=False)

    @cached_fact
    def period_ms(self) -> int | None:
        """Time between samples; unpacks only the beginning. None if nothing was recorded."""
        class_id, _, _, period_ms, _ = _BLOCK.unpack(self._unpack(self._packed[:_ENOUGH_PACKED], _BLOCK.size))
        return None if class_id == _NO_CLASS else int(period_ms)

    @property
    def samples(self) -> Samples:
        """All samples, unpacked by every call and not cached, because a replay can have many ghosts.

        Raises GbxError if they are damaged.
        """
        if self.plain_bytes > limits.MAX_SAMPLE_BYTES:
            raise GbxError(
                "gbx.too_large", f"{self.plain_bytes:,} bytes of samples; the limit is {limits.MAX_SAMPLE_BYTES:,}"
            )
        return _read_block(Stream(self._unpack(self._packed, self.plain_bytes), in_body=True))

    def _unpack(self, packed: bytes, size: int) -> bytes:
        """Return exactly the first `size` plain bytes."""
        if self.plain_bytes < _BLOCK.size:
            raise GbxError("gbx.corrupt", f"{self.plain_bytes} bytes of samples")
        unpacker = zlib.decompressobj()
        try:
            plain = unpacker.decompress(packed, size)
        except zlib.error as error:
            raise GbxError("gbx.corrupt", f"cannot unpack the samples: {error}") from error
        if len(plain) < size or (size == self.plain_bytes and unpacker.unconsumed_tail):
            raise GbxError("gbx.corrupt", f"the samples do not unpack to the announced {self.plain_bytes:,} bytes")
        return plain


def read_packed_samples(stream: Stream) -> SampleBlock:
    """Return the samples of United and Forever: u32 plain size, u32 packed size, zlib."""
    plain_bytes = stream.u32()
    return SampleBlock(plain_bytes, stream.take(stream.u32()))


def read_plain_samples(stream: Stream) -> Samples:
    """Return samples from before United: u32 size, the samples, offsets, times, bool fixed, i32 period, i32 version."""
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
    """Return the offsets of the samples: u32 count, then first offset and sample size, or -1 and a size for each."""
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
    """Return i32s in an array: a tuple takes nine times as much memory."""
    numbers = array("i", stream.take(4 * number))
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def _position_shift(version: int) -> int:
    """Return at which byte of a sample its position begins."""
    return 1 if version == _TM1_VERSION else 0


def _checked(stream: Stream, samples: Samples) -> Samples:
    """Return `samples`. Raise GbxError if one is outside the data or has no time."""
    offsets, times_ms = samples._offsets, samples._times_ms
    size = BEGIN.size if samples.version != _TM1_VERSION else _position_shift(samples.version) + _POSITION.size
    if offsets and not (min(offsets) >= 0 and max(offsets) + size <= len(samples._data)):
        raise stream.error("gbx.corrupt", f"{len(offsets):,} samples do not fit in {len(samples._data):,} bytes")
    if times_ms is not None and len(times_ms) < len(offsets):
        raise stream.error("gbx.corrupt", f"{len(times_ms):,} times for {len(offsets):,} samples")
    return samples
