"""A cursor over hostile bytes: every read is checked against the end before it is made.

All numbers are little endian. Times are signed milliseconds, -1 for none.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import Any

from tmxdb.errors import GbxError

from . import limits
from .classes import new_id
from .text import decode

_U8 = Struct("<B")
_U32 = Struct("<I")
_I32 = Struct("<i")
_CHUNK_HEAD = Struct("<3I")  # id, and if the second number is the mark of a skippable chunk, its size

# Looked up once: they are called a hundred times for every replay.
_unpack_u32 = _U32.unpack_from
_unpack_i32 = _I32.unpack_from
_unpack_chunk_head = _CHUNK_HEAD.unpack_from

_ID_TABLE_VERSION = 3
_ID_EMPTY = 0xFFFFFFFF
_ID_INDEX = 0x3FFFFFFF  # the lower 30 bits; the upper two say where the name is

NODE_END = 0xFACADE01
_SKIPPABLE = 0x534B4950  # `PIKS` in the file


class Stream:
    """Reads `data[pos:end]` forward. `names` is the table of id strings, which belongs to one stream."""

    __slots__ = ("data", "end", "in_body", "names", "pos", "stopped")

    def __init__(self, data: bytes, pos: int = 0, end: int | None = None, *, in_body: bool = False) -> None:
        self.data = data
        self.pos = pos
        self.end = len(data) if end is None else end
        self.in_body = in_body
        self.names: list[str] | None = None
        self.stopped = False

    def error(self, code: str, message: str, at: int | None = None) -> GbxError:
        """A GbxError at this place, or at `at`."""
        return GbxError(code, message, self.pos if at is None else at, in_body=self.in_body)

    @property
    def left(self) -> int:
        """Bytes that can still be read."""
        return self.end - self.pos

    def unpack(self, layout: Struct) -> tuple[Any, ...]:
        """The values of a fixed layout."""
        pos = self.pos
        if pos + layout.size > self.end:
            raise self._too_short(layout.size)
        self.pos = pos + layout.size
        return layout.unpack_from(self.data, pos)

    def u8(self) -> int:
        value: int = self.unpack(_U8)[0]
        return value

    def u32(self) -> int:
        pos = self.pos
        if pos + 4 > self.end:
            raise self._too_short(4)
        self.pos = pos + 4
        value: int = _unpack_u32(self.data, pos)[0]
        return value

    def i32(self) -> int:
        pos = self.pos
        if pos + 4 > self.end:
            raise self._too_short(4)
        self.pos = pos + 4
        value: int = _unpack_i32(self.data, pos)[0]
        return value

    def optional_i32(self) -> int | None:
        """A time, a counter or a score, where -1 stands for none."""
        value = self.i32()
        return None if value == -1 else value

    def take(self, size: int) -> bytes:
        """The next `size` bytes."""
        pos = self.pos
        end = pos + size
        if end > self.end:
            raise self._too_short(size)
        self.pos = end
        return self.data[pos:end]

    def skip(self, size: int) -> None:
        if size > self.end - self.pos:
            raise self._too_short(size)
        self.pos += size

    def count(self, item_bytes: int, limit: int, what: str) -> int:
        """A number of items of at least `item_bytes` each, which is believed only if so many can follow."""
        at = self.pos
        number = self.u32()
        if number > limit:
            raise self.error("gbx.too_large", f"{number} {what}; at most {limit} are read", at)
        if number * item_bytes > self.end - self.pos:
            raise self.error("gbx.truncated", f"{number} {what} do not fit in the {self.left} bytes left", at)
        return number

    def string(self, limit: int = limits.MAX_STRING_BYTES) -> str:
        """A string: u32 bytes, then UTF-8 without a terminator."""
        begin = self.pos + 4
        if begin > self.end:
            raise self._too_short(4)
        size: int = _unpack_u32(self.data, begin - 4)[0]
        end = begin + size
        if end > self.end:
            raise self.error("gbx.truncated", f"a string of {size} bytes where {self.end - begin} are left")
        if size > limit:
            raise self.error("gbx.too_large", f"a string of {size} bytes; at most {limit} are read")
        self.pos = end
        return decode(self.data[begin:end])

    def id(self) -> str:
        """A name that is written once and referred to later ("lookback string"); `#n` for collection n."""
        at = self.pos
        if self.names is None:
            version = self.u32()
            if version != _ID_TABLE_VERSION:
                raise self.error("gbx.unsupported", f"a name table of version {version}, not 3", at)
            self.names = []
        value = self.u32()
        if value == _ID_EMPTY:
            return ""
        index = value & _ID_INDEX
        if value == index:
            return f"#{index}"
        if index == 0:
            if len(self.names) == limits.MAX_NAMES:
                raise self.error("gbx.too_large", f"more than {limits.MAX_NAMES} names", at)
            name = self.string()
            self.names.append(name)
            return name
        if index > len(self.names):
            raise self.error("gbx.corrupt", f"name {index} of a table of {len(self.names)}", at)
        return self.names[index - 1]

    def ident(self) -> tuple[str, str, str]:
        """Three ids: (map uid, environment, author), or (model, collection, author)."""
        return self.id(), self.id(), self.id()

    def file_reference(self) -> str:
        """A skin, a song or an image: its path, empty for none. Source: GBX.NET `PackDesc`."""
        version = self.u8()
        if version >= 3:
            self.skip(32)  # checksum
        path = self.string()
        if (path and version >= 1) or version >= 3:
            self.string()  # where to fetch it
        return path

    def chunks(self, read: Callable[[int], bool], unread: list[str]) -> None:
        """Hand the new id of every chunk of a node to `read`, up to the end mark of the node.

        `read` says whether it read the chunk; a chunk that nobody reads is named in `unread`. A skippable chunk
        bounds its reader and is stepped over. Any other one has no size, so that an unknown one ends the stream
        (`stopped`), as does a stream without an end mark: nothing behind that place may be read.
        """
        outer_end = self.end
        for _ in range(limits.MAX_CHUNKS):
            if self.stopped:
                return
            if self.pos == outer_end:
                self.stop(unread, "no end mark of the node")
                return
            stored_id, size = self.chunk_head()
            if stored_id == NODE_END:
                return
            if size is None:
                if not read(new_id(stored_id)):
                    self.stop(unread, f"chunk {stored_id:08X} and all behind it")
                continue
            self.end = self.pos + size
            if not read(new_id(stored_id)):
                note(unread, f"chunk {stored_id:08X}")
            elif self.pos < self.end:
                note(unread, f"{self.left} bytes of chunk {stored_id:08X}")
            self.stopped = False  # its size is known: what stopped inside it does not matter behind it
            self.pos = self.end
            self.end = outer_end
        raise self.error("gbx.too_large", f"more than {limits.MAX_CHUNKS} chunks")

    def chunk_head(self) -> tuple[int, int | None]:
        """The stored id of the next chunk, or the end mark; and the size of what follows, if it is skippable."""
        at = self.pos
        if self.end - at < _CHUNK_HEAD.size:
            return self.u32(), None
        stored_id, mark, size = _unpack_chunk_head(self.data, at)
        if mark != _SKIPPABLE or stored_id == NODE_END:
            self.pos = at + 4
            return stored_id, None
        self.pos = at + _CHUNK_HEAD.size
        if size > self.end - self.pos:
            raise self.error("gbx.truncated", f"a chunk of {size} bytes where {self.left} are left", at)
        return stored_id, size

    def stop(self, unread: list[str], what: str) -> None:
        """From here on this stream can not be followed, because of `what`."""
        note(unread, what)
        self.stopped = True

    def _too_short(self, size: int) -> GbxError:
        return self.error("gbx.truncated", f"{size} bytes are needed, {self.left} are left")


def note(unread: list[str], what: str) -> None:
    """Keep in mind what was not understood; a file made of nothing else must not fill the memory with notes."""
    if len(unread) < limits.MAX_NOTES:
        unread.append(what)
    elif len(unread) == limits.MAX_NOTES:
        unread.append("and more")
