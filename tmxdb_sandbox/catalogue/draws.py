"""Reproducible random values, hashed from a seed and a name: equal in every process and every Python version.

`random.Random` suits a list that is read from start to end. Here any row must be computable without the rows
before it, so that a million rows cost nothing until they are requested.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from hashlib import blake2b, shake_128
from typing import TypeVar

T = TypeVar("T")

_UNPACK = struct.Struct("<L30H").unpack
_SCALE_32 = 1.0 / (1 << 32)
_SCALE_16 = 1.0 / (1 << 16)


def draws(seed: int, name: str, number: int) -> tuple[int, ...]:
    """Return 31 independent integers: the first has 32 bits (for long-tailed values), the others 16."""
    return _UNPACK(blake2b(b"%d %s %d" % (seed, name.encode(), number)).digest())


def fraction_32(draw: int) -> float:
    """Scale the first, 32-bit draw to 0 < f <= 1."""
    return (draw + 1) * _SCALE_32


def fraction_16(draw: int) -> float:
    """Scale any other draw to 0 <= f < 1."""
    return draw * _SCALE_16


def pick(options: Sequence[T], draw: int) -> T:
    """Choose one of `options` by a 16-bit draw."""
    return options[draw * len(options) >> 16]


def fraction(*key: object) -> float:
    """Return a fraction, 0 <= f < 1, for a key of numbers and texts."""
    digest = blake2b(repr(key).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") / (1 << 64)


def noise(size: int, *key: object) -> bytes:
    """Return `size` incompressible bytes."""
    return shake_128(repr(key).encode()).digest(size)
