"""A cursor over untrusted bytes: every read is checked against the end first.

Primitives and chunks: docs/facts/gbx.md#primitives.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from struct import Struct
from typing import Any, TypeVar

from tmxdb.errors import GbxError
from tmxdb.gbx.format import limits
from tmxdb.gbx.format.classes import new_id
from tmxdb.gbx.format.text import decode

S = TypeVar("S")
T = TypeVar("T")

_U8 = Struct("<B")
_U32 = Struct("<I")
_I32 = Struct("<i")
_CHUNK_HEAD = Struct("<3I")  # id, and if the second number is the mark of a skippable chunk, its size

# Bound once: they are called a hundred times for every replay.
_unpack_u32 = _U32.unpack_from
_unpack_i32 = _I32.unpack_from
_unpack_chunk_head = _CHUNK_HEAD.unpack_from

_ID_TABLE_VERSION = 3
_ID_EMPTY = 0xFFFFFFFF
_ID_INDEX = 0x3FFFFFFF  # the low 30 bits; the high two say what the number means

NODE_END = 0xFACADE01
_SKIPPABLE = 0x534B4950  # `PIKS` in the file


class Stream:
    """Reads `data[pos:end]` forward. `names` is the table of ids, one for each stream."""

    __slots__ = ("data", "end", "in_body", "names", "pos", "stopped")

    def __init__(self, data: bytes, pos: int = 0, end: int | None = None, *, in_body: bool = False) -> None:
        self.data = data
        self.pos = pos
        self.end = len(data) if end is None else end
        self.in_body = in_body
        self.names: list[str] | None = None
        self.stopped = False

    def error(self, code: str, message: str, at: int | None = None) -> GbxError:
        """Return a GbxError at the current position, or at `at`."""
        return GbxError(code, message, self.pos if at is None else at, in_body=self.in_body)

    @property
    def remaining(self) -> int:
        """Number of bytes up to the end."""
        return self.end - self.pos

    def unpack(self, layout: Struct) -> tuple[Any, ...]:
        """Return the values of a fixed layout."""
        pos = self.pos
        if pos + layout.size > self.end:
            raise self._truncated(layout.size)
        self.pos = pos + layout.size
        return layout.unpack_from(self.data, pos)

    def u8(self) -> int:
        value: int = self.unpack(_U8)[0]
        return value

    def u32(self) -> int:
        pos = self.pos
        if pos + 4 > self.end:
            raise self._truncated(4)
        self.pos = pos + 4
        value: int = _unpack_u32(self.data, pos)[0]
        return value

    def i32(self) -> int:
        pos = self.pos
        if pos + 4 > self.end:
            raise self._truncated(4)
        self.pos = pos + 4
        value: int = _unpack_i32(self.data, pos)[0]
        return value

    def optional_i32(self) -> int | None:
        """Return a time, counter or score; None for -1, which means "not set"."""
        value = self.i32()
        return None if value == -1 else value

    def take(self, size: int) -> bytes:
        """Return the next `size` bytes."""
        pos = self.pos
        end = pos + size
        if end > self.end:
            raise self._truncated(size)
        self.pos = end
        return self.data[pos:end]

    def skip(self, size: int) -> None:
        if size > self.end - self.pos:
            raise self._truncated(size)
        self.pos += size

    def count(self, item_bytes: int, limit: int, what: str) -> int:
        """Return a number of items. Raise GbxError above `limit`, or if that many of `item_bytes` do not fit."""
        at = self.pos
        number = self.u32()
        if number > limit:
            raise self.error("gbx.too_large", f"{number:,} {what}; the limit is {limit:,}", at)
        if number * item_bytes > self.end - self.pos:
            raise self.error(
                "gbx.truncated", f"{number:,} {what} do not fit in the remaining {self.remaining:,} bytes", at
            )
        return number

    def string(self, limit: int = limits.MAX_STRING_BYTES) -> str:
        """Return a string: u32 length in bytes, then UTF-8 without a terminator."""
        begin = self.pos + 4
        self.skip_string(limit)
        return decode(self.data[begin : self.pos])

    def skip_string(self, limit: int = limits.MAX_STRING_BYTES) -> None:
        """Skip what `string` reads."""
        begin = self.pos + 4
        if begin > self.end:
            raise self._truncated(4)
        size: int = _unpack_u32(self.data, begin - 4)[0]
        end = begin + size
        if end > self.end:
            raise self.error("gbx.truncated", f"a string of {size:,} bytes, but {self.end - begin:,} remain")
        if size > limit:
            raise self.error("gbx.too_large", f"a string of {size:,} bytes; the limit is {limit:,}")
        self.pos = end

    def id(self) -> str:
        """Return an id ("lookback string"); `#n` for collection n."""
        at = self.pos
        if self.names is None:
            version = self.u32()
            if version != _ID_TABLE_VERSION:
                raise self.error("gbx.unsupported", f"id table of version {version}, expected 3", at)
            self.names = []
        begin = self.pos
        if begin + 4 > self.end:
            raise self._truncated(4)
        self.pos = begin + 4
        value: int = _unpack_u32(self.data, begin)[0]
        index = value & _ID_INDEX
        names = self.names
        if 0 < index <= len(names) and value != index:
            return names[index - 1]  # nearly all ids: a map has one for each block
        if value == _ID_EMPTY:
            return ""
        if value == index:
            return f"#{index}"
        if index > 0:
            raise self.error("gbx.corrupt", f"name {index:,} of a table of {len(names):,}", at)
        if len(names) == limits.MAX_NAMES:
            raise self.error("gbx.too_large", f"more than {limits.MAX_NAMES:,} names", at)
        name = self.string()
        names.append(name)
        return name

    def skip_named_rows(self, rows: re.Pattern[bytes], row_bytes: int, limit: int) -> int:
        """Skip at most `limit` rows that `named_rows` matches, and return how many.

        Stops at a row with a new name or a name that is not in the table: `id` reads the one and refuses the other.
        """
        begin = self.pos
        found = rows.match(self.data, begin, min(self.end, begin + limit * row_bytes))
        if found is None:
            return 0
        indexes = self.data[begin : found.end() : row_bytes]
        known = len(self.names or ())
        count = len(indexes)
        if count and max(indexes) > known:
            count = next(row for row, index in enumerate(indexes) if index > known)
        self.pos = begin + count * row_bytes
        return count

    def ident(self) -> tuple[str, str, str]:
        """Return three ids: (map uid, environment, author), or (model, collection, author)."""
        return self.id(), self.id(), self.id()

    def skip_file_reference(self) -> None:
        """Skip the path of a skin, song or image. Layout: GBX.NET `PackDesc`."""
        version = self.u8()
        if version >= 3:
            self.skip(32)  # checksum
        at = self.pos
        self.skip_string()
        has_path = self.pos > at + 4
        if (has_path and version >= 1) or version >= 3:
            self.skip_string()  # URL

    def read_chunks(
        self, readers: Mapping[int, Callable[[S, T], None]], source: S, target: T, unread: list[str]
    ) -> list[int]:
        """Read every chunk of a node, up to the end mark of the node. Return the new ids of the chunks.

        `readers`: by new id, the function that reads a chunk from `source` into `target`. Chunks without a reader are
        named in `unread`. A skippable chunk has a size, which bounds its reader and lets an unknown chunk be skipped.
        Without a size, an unknown chunk stops the stream (`stopped`), as does a missing end mark: nothing after it can
        be read.
        """
        outer_end = self.end
        chunks: list[int] = []
        for _ in range(limits.MAX_CHUNKS):
            if self.stopped:
                return chunks
            if self.pos == outer_end:
                self.stop(unread, "no end mark of the node")
                return chunks
            stored_id, size = self.chunk_head()
            if stored_id == NODE_END:
                return chunks
            chunk = new_id(stored_id)
            chunks.append(chunk)
            read = readers.get(chunk)
            if size is None:
                if read:
                    read(source, target)
                else:
                    self.stop(unread, f"chunk {stored_id:08X} and everything after it")
                continue
            self.end = self.pos + size
            if not read:
                add_note(unread, f"chunk {stored_id:08X}")
            else:
                read(source, target)
                if self.pos < self.end:
                    add_note(unread, f"{self.remaining} bytes of chunk {stored_id:08X}")
            self.stopped = False  # the size is known, so whatever stopped inside the chunk does not matter after it
            self.pos = self.end
            self.end = outer_end
        raise self.error("gbx.too_large", f"more than {limits.MAX_CHUNKS:,} chunks")

    def chunk_head(self) -> tuple[int, int | None]:
        """Return the stored id of the next chunk, or the end mark, and the size of its data if it is skippable."""
        at = self.pos
        if self.end - at < _CHUNK_HEAD.size:
            return self.u32(), None
        stored_id, mark, size = _unpack_chunk_head(self.data, at)
        if mark != _SKIPPABLE or stored_id == NODE_END:
            self.pos = at + 4
            return stored_id, None
        self.pos = at + _CHUNK_HEAD.size
        if size > self.end - self.pos:
            raise self.error("gbx.truncated", f"a chunk of {size:,} bytes, but {self.remaining:,} remain", at)
        return stored_id, size

    def stop(self, unread: list[str], what: str) -> None:
        """Mark the stream as unreadable from here on, because of `what`."""
        add_note(unread, what)
        self.stopped = True

    def _truncated(self, size: int) -> GbxError:
        return self.error("gbx.truncated", f"{size:,} bytes expected, but {self.remaining:,} remain")


def named_rows(rest: bytes) -> re.Pattern[bytes]:
    """Return a pattern for rows of one size: an id that is one of the first 255 names of the table, then `rest`.

    A map has hundreds of such rows. Python needs ten times as long to read them one by one.
    """
    return re.compile(rb"(?s:[\x01-\xff]\x00\x00[\x40\x80\xc0]" + rest + rb")*+")


def add_note(unread: list[str], what: str) -> None:
    """Add what was not understood to `unread`, up to a limit: a hostile file must not fill the memory with notes."""
    if len(unread) < limits.MAX_UNREAD_NOTES:
        unread.append(what)
    elif len(unread) == limits.MAX_UNREAD_NOTES:
        unread.append("and more")
