"""The outer file: magic, flags, header chunks, references, and the packed body.

Source of the layout: GBX.NET `GbxHeader`, `GbxRefTable`, `GbxBody`; checked on 111 replays and 384 maps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from struct import Struct

import lzokay

from tmxdb.errors import GbxError

from . import limits
from .classes import new_id
from .stream import Stream

_MAGIC = b"GBX"
_VERSION = Struct("<H")
_COUNTS = Struct("<2I")
_TABLES = [Struct(f"<{2 * number}I") for number in range(limits.MAX_HEADER_CHUNKS + 1)]  # id and size of each
_HEAVY = 0x80000000  # a header chunk that the game loads only when it is needed
_RESOURCE = 4  # the flag of a reference by index into the resources, without a file name


@dataclass(frozen=True, slots=True, eq=False)
class Container:
    """A GBX file whose outer sizes fit. The body is still packed."""

    version: int
    """Of the container: 6 in every file seen, 3 to 6 can be read."""
    flags: str
    """Four letters such as `BUCR`; the third says whether the body is packed (C) or not (U)."""
    stored_class_id: int
    class_id: int
    """As TMF numbers it, see `classes`."""
    header_chunks: Mapping[int, bytes]
    """New id of the chunk -> its bytes, in file order."""
    node_count: int
    """As stored: not believed for anything."""
    reference_count: int
    body_bytes: int
    """Plain size of the body."""
    trailing_bytes: int
    """What follows a packed body: nothing in any real file."""
    _packed: bytes = field(repr=False)

    @property
    def is_packed(self) -> bool:
        return self.flags[2] == "C"

    @property
    def unread(self) -> tuple[str, ...]:
        """What was not understood, in words."""
        return (f"{self.trailing_bytes} byte(s) behind the body",) if self.trailing_bytes else ()

    def unpack_body(self) -> bytes:
        """The plain body, exactly `body_bytes` long; GbxError `gbx.lzo` if the packed one is damaged.

        LZO has no checksum, and the unpacker pads a stream that is shorter than announced with zero bytes:
        bytes that are left behind the last node are the only sign of that.
        """
        if not self.is_packed:
            return self._packed
        try:
            return lzokay.decompress(self._packed, self.body_bytes)
        except lzokay.LzokayError as error:
            raise GbxError("gbx.lzo", f"the body can not be unpacked: {type(error).__name__}") from error


def read_container(data: bytes) -> Container:
    """Everything of a GBX file that needs no unpacking."""
    if len(data) > limits.MAX_FILE_BYTES:
        raise GbxError("gbx.too_large", f"{len(data)} bytes; at most {limits.MAX_FILE_BYTES} are read")
    if not data.startswith(_MAGIC):
        raise GbxError("gbx.not_gbx", f"not a GBX file but {_guess(data)}", 0)
    stream = Stream(data, len(_MAGIC))
    version, flags = _version_and_flags(stream)
    stored_class_id = stream.u32()
    header_chunks = _header_chunks(stream) if version >= 6 else {}
    node_count, reference_count = stream.unpack(_COUNTS)
    if reference_count:
        _skip_references(stream, version, reference_count)
    body_bytes, packed_bytes = _body_sizes(stream) if flags[2] == "C" else (stream.left, stream.left)
    if body_bytes > limits.MAX_BODY_BYTES:
        raise stream.error("gbx.too_large", f"a body of {body_bytes} bytes; at most {limits.MAX_BODY_BYTES} are read")
    body = stream.take(packed_bytes)
    return Container(
        version, flags, stored_class_id, new_id(stored_class_id), header_chunks,
        node_count, reference_count, body_bytes, stream.left, body,
    )  # fmt: skip


def _guess(data: bytes) -> str:
    """What was downloaded instead, for the message."""
    start = data[:64].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if not data:
        return "an empty file"
    if start.startswith(b"<"):
        return "a web page"
    if start.startswith((b"{", b"[")):
        return "JSON"
    if data.startswith(b"\x1f\x8b"):
        return "gzip"
    return "something else"


def _version_and_flags(stream: Stream) -> tuple[int, str]:
    (version,) = stream.unpack(_VERSION)
    if not 3 <= version <= 6:
        raise stream.error("gbx.unsupported", f"container version {version}; 3 to 6 can be read", 3)
    flags = stream.take(4 if version >= 4 else 3).decode("latin-1")
    if flags[0] != "B":
        raise stream.error("gbx.unsupported", f"format {flags[0]!r}, not binary", 5)
    if flags[1] != "U":
        raise stream.error("gbx.unsupported", f"a reference table with flag {flags[1]!r}, not U", 6)
    if flags[2] not in "CU":
        raise stream.error("gbx.unsupported", f"a body with flag {flags[2]!r}, neither C nor U", 7)
    return version, flags


def _header_chunks(stream: Stream) -> dict[int, bytes]:
    """The user data: u32 size, u32 n, n x (u32 id, u32 size), the data; size 0 stands for none at all."""
    at = stream.pos
    size = stream.u32()
    if size > stream.left:
        raise stream.error("gbx.truncated", f"user data of {size} bytes; {stream.left} are left", at)
    if size > limits.MAX_USER_DATA_BYTES:
        raise stream.error("gbx.too_large", f"user data of {size} bytes", at)
    if size == 0:
        return {}
    end = stream.pos + size
    number = stream.count(8, limits.MAX_HEADER_CHUNKS, "header chunks")
    table = stream.unpack(_TABLES[number])
    chunks: dict[int, bytes] = {}
    for chunk, chunk_bytes in zip(table[::2], table[1::2], strict=True):
        chunks.setdefault(new_id(chunk), stream.take(chunk_bytes & ~_HEAVY))
    if stream.pos != end:
        raise stream.error("gbx.corrupt", f"header chunks end at byte {stream.pos:#x}, user data at {end:#x}", at)
    return chunks


def _skip_references(stream: Stream, version: int, number: int) -> None:
    """The table of other files, which only the benchmark replays of the games have. No file name is kept."""
    if number > limits.MAX_REFERENCES:
        raise stream.error("gbx.too_large", f"{number} references; at most {limits.MAX_REFERENCES} are read")
    stream.u32()  # levels to go up from the folder of this file
    _skip_folders(stream, limits.MAX_FOLDER_DEPTH, limits.MAX_FOLDERS)
    for _ in range(number):
        flags = stream.u32()
        if flags & _RESOURCE:
            stream.u32()
        else:
            stream.string()
        stream.u32()  # node
        if version >= 5:
            stream.u32()  # use file
        if not flags & _RESOURCE:
            stream.u32()  # folder


def _skip_folders(stream: Stream, depth: int, allowed: int) -> int:
    """Step over a tree of folder names; how many more may follow of `allowed` in all."""
    for _ in range(stream.count(8, allowed, "folders")):
        if depth == 0 or allowed == 0:
            raise stream.error("gbx.too_large", "too many folders in folders")
        stream.string()
        allowed = _skip_folders(stream, depth - 1, allowed - 1)
    return allowed


def _body_sizes(stream: Stream) -> tuple[int, int]:
    """Plain and packed size, if the first can be true of the second."""
    at = stream.pos
    body_bytes, packed_bytes = stream.unpack(_COUNTS)
    if packed_bytes > stream.left:
        raise stream.error("gbx.truncated", f"a packed body of {packed_bytes} bytes; {stream.left} are left", at + 4)
    if body_bytes == 0:
        raise stream.error("gbx.corrupt", "an empty body", at)
    if body_bytes > limits.max_body_bytes(packed_bytes):
        raise stream.error("gbx.too_large", f"a body of {body_bytes} bytes packed into {packed_bytes}", at)
    return body_bytes, packed_bytes
