"""The other direction of `format`: values into bytes, chunks, and the container around them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from struct import Struct

import lzokay

from ..format.stream import NODE_END

_U32 = Struct("<I")
_I32 = Struct("<i")

_BOM = b"\xef\xbb\xbf"
_NEW_NAME = 0x40000000
_NAME_INDEX = 0x40000000
_HEAVY = 0x80000000

NONE = -1


class Out:
    """Bytes that grow, with the table of names of one stream."""

    def __init__(self) -> None:
        self.data = bytearray()
        self._names: list[str] | None = None

    def u8(self, value: int) -> None:
        self.data.append(value)

    def u32(self, *values: int) -> None:
        for value in values:
            self.data += _U32.pack(value)

    def i32(self, *values: int) -> None:
        for value in values:
            self.data += _I32.pack(value)

    def raw(self, data: bytes) -> None:
        self.data += data

    def string(self, text: str) -> None:
        """u32 bytes, UTF-8; with a byte order mark in front if there is a letter beyond ASCII, as TMF does."""
        encoded = text.encode() if text.isascii() else _BOM + text.encode()
        self.u32(len(encoded))
        self.raw(encoded)

    def id(self, text: str) -> None:
        """A name: in full the first time, by its number from then on."""
        if self._names is None:
            self._names = []
            self.u32(3)
        if not text:
            self.i32(NONE)
        elif text in self._names:
            self.u32(_NAME_INDEX | (self._names.index(text) + 1))
        else:
            self._names.append(text)
            self.u32(_NEW_NAME)
            self.string(text)

    def ident(self, name: str, collection: str, author: str) -> None:
        self.id(name)
        self.id(collection)
        self.id(author)

    def skippable(self, chunk: int, content: bytes) -> None:
        self.u32(chunk)
        self.raw(b"PIKS")
        self.u32(len(content))
        self.raw(content)

    def end_node(self) -> None:
        self.u32(NODE_END)


def container(
    class_id: int, header: Sequence[tuple[int, bytes, bool]], body: bytes, *, node_count: int, compress: bool
) -> bytes:
    """A whole file. `header`: id, bytes, and whether it is "heavy" (the game loads it only when needed).

    Not compressed means packed all the same, but as one run of literal bytes: every reader unpacks that, and it costs
    a copy instead of 3 ms for 45 KB. A body that is stored unpacked is legal too, but pygbx can not read it.
    """
    out = Out()
    out.raw(b"GBX\x06\x00BUCR")
    out.u32(class_id, 4 + sum(8 + len(chunk) for _, chunk, _ in header), len(header))
    for chunk_id, chunk, heavy in header:
        out.u32(chunk_id, len(chunk) | (_HEAVY if heavy else 0))
    for _, chunk, _ in header:
        out.raw(chunk)
    packed = lzokay.compress(body) if compress else literal_lzo(body)
    out.u32(node_count, 0, len(body), len(packed))
    out.raw(packed)
    return bytes(out.data)


def literal_lzo(data: bytes) -> bytes:
    """An LZO1X stream that only copies. Source: the instruction table in Linux' Documentation/lzo.txt.

    A first byte above 17 copies that minus 17 bytes; 0 starts a length of 18 + 255 for each zero byte + a last one.
    """
    size = len(data)
    if size <= 238:
        begin = bytes([17 + size])
    else:
        zeros = (size - 19) // 255
        begin = bytes(1 + zeros) + bytes([size - 18 - 255 * zeros])
    return begin + data + b"\x11\x00\x00"


def xml_text(text: str) -> str:
    """`text` as an XML attribute can hold it: what XML has no place for becomes a question mark."""
    return escape(_NOT_IN_XML.sub("?", text))


# XML 1.0, section 2.2: the characters that a document may hold; all others.
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
