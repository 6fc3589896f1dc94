"""The `.npy` format for arrays of machine numbers: numpy.org/doc/stable/reference/generated/numpy.lib.format.html."""

from __future__ import annotations

import ast
import struct
import sys
from array import array

_MAGIC = b"\x93NUMPY\x01\x00"
_ALIGNMENT = 64
_TYPES = {"B": "|b1", "b": "|i1", "i": "<i4", "f": "<f4", "d": "<f8"}
"""Type codes of numpy by those of the module `array`; B is used for flags."""


def array_bytes(values: array[int] | array[float], shape: tuple[int, ...]) -> bytes:
    """Return a file with `values` as an array of this shape in C order, little-endian. Bytes become flags."""
    kind = _TYPES[values.typecode]
    header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape!r}, }}"
    length = len(_MAGIC) + 2 + len(header) + 1
    header += " " * (-length % _ALIGNMENT) + "\n"
    return _MAGIC + struct.pack("<H", len(header)) + header.encode() + _little_endian(values).tobytes()


def read_array(data: bytes, code: str, width: int) -> array[int] | array[float]:
    """Return the flat values of a file that `array_bytes` or numpy wrote. Raise ValueError if it is another array."""
    if not data.startswith(_MAGIC):
        raise ValueError("not an array")
    (length,) = struct.unpack_from("<H", data, len(_MAGIC))
    begin = len(_MAGIC) + 2 + length
    header = ast.literal_eval(data[len(_MAGIC) + 2 : begin].decode("latin-1"))
    shape = header["shape"]
    wanted = (shape[0],) if width == 1 else (shape[0], width)
    if header["descr"] != _TYPES[code] or header["fortran_order"] or shape != wanted:
        raise ValueError("an array of another type or shape")
    values: array[int] | array[float] = array(code)
    values.frombytes(data[begin:])
    if len(values) != shape[0] * width:
        raise ValueError("cut short")
    return _little_endian(values)


def _little_endian(values: array[int] | array[float]) -> array[int] | array[float]:
    if sys.byteorder == "little":
        return values
    swapped = values[:]
    swapped.byteswap()
    return swapped
