"""The inputs of a replay in few bytes, as SQLite stores them.

As JSON text the inputs of 39 real replays have 78 KB on average, about as much as their files; packed, 6 KB. Packed
they are zlib of a line of JSON (names of controls; types of the columns; number of events) and three columns: ms since
the event before, number of the control, value. Of each column all lowest bytes come first, then all second bytes and so
on, because neighbours are alike. PostgreSQL stores the text, which its server compresses.

Imported for every connection to a SQLite file, so it needs nothing that takes long to import.
"""

from __future__ import annotations

import json
import sys
import zlib
from array import array
from collections.abc import Sequence
from contextlib import suppress
from itertools import accumulate, chain
from operator import sub

MAX_BYTES = 2**28
"""Most bytes that one row is unpacked to; the inputs of the largest of 486 real replays have 0.6 MB."""
Event = tuple[int, str, int]
SqlValue = str | bytes | int | float | None
_LEVEL = 3
"""Of zlib: half the time of level 6 for 2 % more bytes (79 real replays)."""
_TYPES = "bhiq"
"""Signed integers of 1, 2, 4 and 8 bytes, as the module `array` calls them."""


def pack_inputs(events: Sequence[Event]) -> bytes:
    """Return events of time (ms), name of the control, and value, in the order of time, as SQLite stores them.

    Raise OverflowError for a number of more than 64 bits, ValueError for more than 256 different controls, and
    TypeError for anything but numbers.
    """
    times, controls, values = zip(*events, strict=True) if events else ((), (), ())
    names = {control: number for number, control in enumerate(dict.fromkeys(controls))}
    return pack_columns(list(names), times, bytes(map(names.__getitem__, controls)), values)


def pack_columns(controls: Sequence[str], times_ms: Sequence[int], numbers: bytes, values: Sequence[int]) -> bytes:
    """Return events given as columns, as `pack_inputs` does. `numbers`: the place of each control in `controls`."""
    used = bytes(dict.fromkeys(numbers))
    arrays = [
        _array(list(map(sub, times_ms, chain((0,), times_ms)))),
        array("B", numbers.translate(bytes.maketrans(used, bytes(range(len(used)))))),
        _array(values),
    ]
    head = json.dumps(
        [[controls[number] for number in used], "".join(column.typecode for column in arrays), len(values)]
    )
    return zlib.compress(b"\n".join((head.encode(), b"".join(map(_bytes_of, arrays)))), _LEVEL)


def unpack_inputs(packed: bytes) -> str:
    """Return packed events as JSON: `[[time_ms,"Steer",-65536],…]`. Raise ValueError if they are damaged."""
    try:
        unpacking = zlib.decompressobj()
        head, _, body = unpacking.decompress(packed, MAX_BYTES).partition(b"\n")
        if not unpacking.eof:
            raise ValueError("damaged inputs: they have no end")
        names, types, n = json.loads(head)
        columns = [array(kind) for kind in types]
        if len(body) != n * sum(column.itemsize for column in columns):
            raise ValueError("damaged inputs: their number is wrong")
        for column in columns:
            _fill(column, body[: n * column.itemsize], n)
            body = body[n * column.itemsize :]
        steps, controls, values = columns
        quoted = [json.dumps(name) for name in names]
        rows = zip(accumulate(steps), controls, values, strict=True)
        return "[" + ",".join([f"[{time_ms},{quoted[number]},{value}]" for time_ms, number, value in rows]) + "]"
    except (zlib.error, TypeError, IndexError) as error:
        raise ValueError(f"damaged inputs: {error}") from error


def inputs_json(stored: SqlValue) -> SqlValue:
    """Return the JSON text of stored inputs; None if they are damaged. The SQL function of this name on SQLite."""
    if not isinstance(stored, bytes):
        return stored
    try:
        return unpack_inputs(stored)
    except ValueError:
        return None


def packed(inputs: SqlValue) -> SqlValue:
    """Return inputs as they are stored, from JSON text or packed. The SQL function `packed_inputs` on SQLite.

    A text that would not be the same after unpacking is stored as it is.
    """
    if not isinstance(inputs, str):
        return inputs
    try:
        stored = pack_inputs(json.loads(inputs))
        return stored if unpack_inputs(stored) == inputs else inputs
    except (ValueError, TypeError, OverflowError):
        return inputs


def _array(values: Sequence[int]) -> array[int]:
    """Return `values` in the smallest type that holds them all. Raise OverflowError if there is none."""
    for kind in _TYPES[:-1]:
        with suppress(OverflowError):
            return array(kind, values)
    return array(_TYPES[-1], values)


def _bytes_of(column: array[int]) -> bytes:
    """Return the lowest bytes of all numbers, then their second bytes, and so on."""
    if sys.byteorder == "big":
        column.byteswap()
    data, size = column.tobytes(), column.itemsize
    return b"".join([data[place::size] for place in range(size)])


def _fill(column: array[int], planes: bytes, n: int) -> None:
    """Append the `n` numbers in `planes`, as `_bytes_of` returns them."""
    size = column.itemsize
    data = bytearray(n * size)
    for place in range(size):
        data[place::size] = planes[place * n : (place + 1) * n]
    column.frombytes(bytes(data))
    if sys.byteorder == "big":
        column.byteswap()
