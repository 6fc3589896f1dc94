"""The bytes of a file, given as bytes or as a path."""

from __future__ import annotations

import os

from tmxdb.gbx.format.limits import MAX_FILE_BYTES

Source = bytes | bytearray | memoryview | str | os.PathLike[str]
"""What `read_replay` and `read_challenge` accept: the bytes of a file, or its path."""


def read_source(source: Source) -> bytes:
    """Return the bytes of `source`, of a path no more than one byte above the size limit.

    Raise OSError if a path cannot be read, and TypeError for anything else.
    """
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(source)
    if isinstance(source, str | os.PathLike):
        with open(source, "rb") as file:
            return file.read(MAX_FILE_BYTES + 1)
    raise TypeError(f"expected the bytes of a GBX file or its path, got {type(source).__name__}")
