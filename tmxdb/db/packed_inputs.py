"""The inputs of a replay in few bytes, as SQLite stores them.

As JSON text the inputs of 39 real replays have 78 KB on average, about as much as their files; packed, 7 KB. Packed
they are zlib of JSON with four lists: names of controls, ms since the event before, numbers of controls, and values.
PostgreSQL stores the text, which its server compresses.

Imported for every connection to a SQLite file, so it needs nothing that takes long to import.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable
from itertools import accumulate

MAX_BYTES = 2**28
"""Most bytes that one row is unpacked to; the inputs of the largest of 486 real replays have 0.6 MB."""
Event = tuple[int, str, int]
SqlValue = str | bytes | int | float | None
_Columns = tuple[list[str], list[int], list[int], list[int]]


def pack_inputs(events: Iterable[Event]) -> bytes:
    """Return events of time (ms), name of the control, and value, in the order of time, as SQLite stores them."""
    return _compressed(_columns(events))


def unpack_inputs(packed: bytes) -> str:
    """Return packed events as JSON: `[[time_ms,"Steer",-65536],…]`. Raise ValueError if they are damaged."""
    try:
        unpacking = zlib.decompressobj()
        text = unpacking.decompress(packed, MAX_BYTES)
        if not unpacking.eof:
            raise ValueError("damaged inputs: they have no end")
        return _json_of(json.loads(text))
    except (zlib.error, TypeError, IndexError) as error:
        raise ValueError(f"damaged inputs: {error}") from error


def _columns(events: Iterable[Event]) -> _Columns:
    numbers: dict[str, int] = {}
    steps, controls, values, before_ms = [], [], [], 0
    for time_ms, control, value in events:
        steps.append(time_ms - before_ms)
        controls.append(numbers.setdefault(control, len(numbers)))
        values.append(value)
        before_ms = time_ms
    return list(numbers), steps, controls, values


def _compressed(columns: _Columns) -> bytes:
    return zlib.compress(json.dumps(columns, separators=(",", ":")).encode())


def _json_of(columns: _Columns) -> str:
    names, steps, controls, values = columns
    quoted = [json.dumps(name) for name in names]
    rows = zip(accumulate(steps), controls, values, strict=True)
    return "[" + ",".join([f"[{time_ms},{quoted[number]},{value}]" for time_ms, number, value in rows]) + "]"


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
        columns = _columns(json.loads(inputs))
        return _compressed(columns) if _json_of(columns) == inputs else inputs
    except (ValueError, TypeError):
        return inputs
