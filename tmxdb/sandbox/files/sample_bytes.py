"""The packed samples of a ghost: a car that pulls away and goes round a lazy curve, ten samples a second."""

from __future__ import annotations

import math
import zlib
from struct import Struct, pack

from tmxdb.sandbox.catalogue.draws import noise

_CAR = 0x0A02B000
_PERIOD_MS, _VERSION, _SAMPLE_BYTES = 100, 9, 61
# position; half of the angle of the turn, its axis; speed as 1000 ln(m/s); heading and pitch of the velocity
_SAMPLE = Struct("<3fHhhhbb").pack
_REST_BYTES = _SAMPLE_BYTES - 22
_PACKED_BYTES = 14  # of a sample without noise, measured
_STANDING = -32768
_UPWARDS = round(32767 / 2)  # heading of the axis: it stands upright
_PULL_S = 2.0  # after this time a car has 63 % of its last speed


def packed_samples(duration_ms: int, size: int, key: tuple[int, int]) -> bytes:
    """Plain size, packed size and data, together about `size` bytes; more if so long a run needs more.

    The second number of `key` says which curve it is, and how fast. What no reader here knows of a sample (wheels,
    gears …) is zero, or noise until `size` is reached; if that takes more samples than the run has, they go on after
    the finish, as real ones do.
    """
    count = max(duration_ms // _PERIOD_MS + 2, size // (_REST_BYTES + _PACKED_BYTES))
    rest = noise(max(0, size - count * _PACKED_BYTES), "samples", *key).ljust(count * _REST_BYTES, b"\0")
    radius_m, top_speed = 150.0 + 50.0 * (key[1] % 4), 30.0 + 5.0 * (key[1] % 5)
    data = bytearray()
    for number in range(count):
        data += _sample(number * _PERIOD_MS / 1000, radius_m, top_speed)
        data += rest[number * _REST_BYTES : (number + 1) * _REST_BYTES]
    plain = pack("<6I", _CAR, 1, 0, _PERIOD_MS, _VERSION, len(data)) + data + pack("<3I", count, 0, _SAMPLE_BYTES)
    packed = zlib.compress(plain, 1)
    return pack("<2I", len(plain), len(packed)) + packed


def _sample(at_s: float, radius_m: float, top_speed: float) -> bytes:
    """The car after so many seconds, on a circle, always pointing where it goes; m and m/s."""
    left = math.exp(-at_s / _PULL_S)
    speed = top_speed * (1 - left)
    angle = top_speed * (at_s - _PULL_S * (1 - left)) / radius_m
    east, south = math.cos(angle), -math.sin(angle)  # where it goes, along x and z
    turn = math.atan2(east, south) % (2 * math.pi)
    return _SAMPLE(
        512 + radius_m * math.sin(angle),
        9.0,
        512 + radius_m * math.cos(angle),
        round(turn / 2 / math.pi * 65535),
        _UPWARDS,
        0,
        round(1000 * math.log(speed)) if speed > 0.01 else _STANDING,
        0 if east >= 0 else 127,
        round(math.asin(south) / (math.pi / 2) * 127),
    )
