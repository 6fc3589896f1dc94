"""The packed samples of a ghost: a car on a lazy curve, ten times a second."""

from __future__ import annotations

import math
import zlib
from struct import Struct, pack

from tmxdb.sandbox.catalogue.draws import noise

_CAR = 0x0A02B000
_PERIOD_MS, _VERSION, _SAMPLE_BYTES = 100, 9, 61
# position, angle, axis heading and pitch, speed as 1000 ln(m/s), heading and pitch of the velocity
_SAMPLE = Struct("<3fHhhhbb").pack
_REST_BYTES = _SAMPLE_BYTES - 22
_PACKED_BYTES = 12  # of a sample without noise, measured
_SPEED = round(1000 * math.log(40))  # 40 m/s
_RADIUS_M = 200.0


def packed_samples(duration_ms: int, size: int, key: tuple[int, int]) -> bytes:
    """Plain size, packed size and data, together about `size` bytes; more if so long a run needs more.

    What no reader here knows of a sample (wheels, gears …) is zero, or noise until `size` is reached; if
    that takes more samples than the run has, they go on after the finish, as real ones do.
    """
    count = max(duration_ms // _PERIOD_MS + 2, size // (_REST_BYTES + _PACKED_BYTES))
    rest = noise(max(0, size - count * _PACKED_BYTES), "samples", *key).ljust(count * _REST_BYTES, b"\0")
    step = 40 * _PERIOD_MS / 1000 / _RADIUS_M
    data = bytearray()
    for number in range(count):
        angle = number * step
        heading = (angle / math.pi * 127 + 127) % 254 - 127
        data += _SAMPLE(
            512 + _RADIUS_M * math.sin(angle),
            9.0,
            512 + _RADIUS_M * math.cos(angle),
            0,
            0,
            0,
            _SPEED,
            int(heading),
            0,
        )
        data += rest[number * _REST_BYTES : (number + 1) * _REST_BYTES]
    plain = pack("<6I", _CAR, 1, 0, _PERIOD_MS, _VERSION, len(data)) + data + pack("<3I", count, 0, _SAMPLE_BYTES)
    packed = zlib.compress(plain, 1)
    return pack("<2I", len(plain), len(packed)) + packed
