"""The letters a GBX file is written with: numbers, strings, ids, chunks and the frame around them.

The sandbox writes its files by itself: a writer that shared code with the reader under test would hide the
reader's mistakes. Layouts: the project's GBX fact sheet, after GBX.NET, checked against real TMF files.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct, pack

_U32 = Struct("<I").pack
_TWO = Struct("<II").pack
_SKIPPABLE = 0x534B4950  # PIKS
END_OF_NODE = _U32(0xFACADE01)
NO_NODE = _U32(0xFFFFFFFF)
_HEAVY = 0x80000000


def u32(*numbers: int) -> bytes:
    return pack(f"<{len(numbers)}I", *numbers)


def string(text: str) -> bytes:
    data = text.encode("utf-8", "replace")
    return _U32(len(data)) + data


class Ids:
    """Lookback ids of one stream: a text is written once, and later by its number."""

    def __init__(self) -> None:
        self._table: dict[str, int] = {}
        self._version = _U32(3)  # stands once, in front of the first id

    def id(self, text: str) -> bytes:
        version, self._version = self._version, b""
        if not text:
            return version + _U32(0xFFFFFFFF)
        if number := self._table.get(text):
            return version + _U32(0x40000000 | number)
        self._table[text] = len(self._table) + 1
        return version + _U32(0x40000000) + string(text)

    def ident(self, uid: str, collection: str, author: str) -> bytes:
        return self.id(uid) + self.id(collection) + self.id(author)


def chunk(chunk_id: int, data: bytes) -> bytes:
    return _U32(chunk_id) + data


def skippable(chunk_id: int, data: bytes) -> bytes:
    return u32(chunk_id, _SKIPPABLE, len(data)) + data


def gbx_file(class_id: int, header: Sequence[tuple[int, bytes, bool]], nodes: int, body: bytes) -> bytes:
    """A version 6 container; `header` lists chunk id, data and whether it is heavy."""
    table = b"".join(_TWO(number, len(data) | (_HEAVY if heavy else 0)) for number, data, heavy in header)
    user_data = _U32(len(header)) + table + b"".join(data for _, data, _ in header)
    packed = stored_lzo(body)
    return b"".join(
        (
            b"GBX\x06\0BUCR",
            _TWO(class_id, len(user_data)),
            user_data,
            _TWO(nodes, 0),
            _TWO(len(body), len(packed)),
            packed,
        )
    )


def stored_lzo(data: bytes) -> bytes:
    """`data` as an LZO1X stream of one literal run: valid for every unpacker, and made at the speed of a copy.

    Packing 28 KB with lzokay takes a millisecond, which would be the slowest thing this server does; bodies
    of real replays shrink by 10 % only (their samples are packed already).
    """
    size = len(data)
    if size <= 238:
        return bytes((17 + size,)) + data + b"\x11\0\0"  # first byte 18..255: a run of that minus 17
    zeros, rest = divmod(size - 19, 255)  # else 0, then 255 for each zero byte, then the rest, plus 18
    return bytes(1 + zeros) + bytes((rest + 1,)) + data + b"\x11\0\0"
