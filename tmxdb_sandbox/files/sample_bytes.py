"""The packed samples of a ghost: a car that accelerates and then drives a wide circle, ten samples per second."""

from __future__ import annotations

import math
import zlib
from struct import Struct, pack

from tmxdb_sandbox.catalogue.draws import noise

_CAR = 0x0A02B000
_PERIOD_MS, _VERSION, _SAMPLE_BYTES = 100, 9, 61
# Position; half of the rotation angle, heading and pitch of its axis; speed as 1000 ln(m/s); heading and pitch of the
# velocity.
_SAMPLE = Struct("<3fHhhhbb").pack
_UNKNOWN_BYTES = _SAMPLE_BYTES - 22
_COMPRESSED_BYTES = 14  # of a compressed sample without noise, measured
_STANDING = -32768
_UPWARDS = round(32767 / 2)  # heading of a vertical axis
_TIME_CONSTANT_S = 2.0  # when the car has reached 63 % of its top speed


def packed_samples(duration_ms: int, size: int, key: tuple[int, int]) -> bytes:
    """Return uncompressed size, compressed size and data, about `size` bytes in total or more if the run needs more.

    The second number of `key` selects the curve and the speed. The part of a sample that no reader here knows (wheels,
    gears and so on) is noise until `size` is reached, then zeros. If that needs more samples than the run has, they
    continue after the finish, as in real files.
    """
    count = max(duration_ms // _PERIOD_MS + 2, size // (_UNKNOWN_BYTES + _COMPRESSED_BYTES))
    unknown = noise(max(0, size - count * _COMPRESSED_BYTES), "samples", *key).ljust(count * _UNKNOWN_BYTES, b"\0")
    radius_m, top_speed = 150.0 + 50.0 * (key[1] % 4), 30.0 + 5.0 * (key[1] % 5)
    data = bytearray()
    for number in range(count):
        data += _sample(number * _PERIOD_MS / 1000, radius_m, top_speed)
        data += unknown[number * _UNKNOWN_BYTES : (number + 1) * _UNKNOWN_BYTES]
    plain = pack("<6I", _CAR, 1, 0, _PERIOD_MS, _VERSION, len(data)) + data + pack("<3I", count, 0, _SAMPLE_BYTES)
    packed = zlib.compress(plain, 1)
    return pack("<2I", len(plain), len(packed)) + packed


def _sample(at_s: float, radius_m: float, top_speed: float) -> bytes:
    """Return the car after `at_s` seconds: on a circle, facing its direction of travel. Lengths in m, speeds in m/s."""
    remaining = math.exp(-at_s / _TIME_CONSTANT_S)
    speed = top_speed * (1 - remaining)
    angle = top_speed * (at_s - _TIME_CONSTANT_S * (1 - remaining)) / radius_m
    east, south = math.cos(angle), -math.sin(angle)  # direction of travel along x and z
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
