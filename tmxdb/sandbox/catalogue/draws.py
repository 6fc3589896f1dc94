"""Chance that is the same in every process and every Python: fractions hashed from a seed and a name.

`random.Random` would do for one list read from start to end; here any row must be known without the rows
before it, so that a million of them cost nothing until somebody asks.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from hashlib import blake2b, shake_128
from typing import TypeVar

T = TypeVar("T")

_UNPACK = struct.Struct("<L30H").unpack
_WIDE = 1.0 / (1 << 32)
_NARROW = 1.0 / (1 << 16)


def draws(seed: int, name: str, number: int) -> tuple[int, ...]:
    """31 independent draws: the first is 32 bits wide (for long tails), the others 16."""
    return _UNPACK(blake2b(b"%d %s %d" % (seed, name.encode(), number)).digest())


def wide(draw: int) -> float:
    """The first draw as a fraction, 0 < f <= 1."""
    return (draw + 1) * _WIDE


def narrow(draw: int) -> float:
    """Any other draw as a fraction, 0 <= f < 1."""
    return draw * _NARROW


def pick(options: Sequence[T], draw: int) -> T:
    """One of `options` by a 16-bit draw."""
    return options[draw * len(options) >> 16]


def fraction(*key: object) -> float:
    """One fraction, 0 <= f < 1, for a key of numbers and texts."""
    digest = blake2b(repr(key).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") / (1 << 64)


def noise(size: int, *key: object) -> bytes:
    """`size` bytes that no packer can shrink."""
    return shake_128(repr(key).encode()).digest(size)
