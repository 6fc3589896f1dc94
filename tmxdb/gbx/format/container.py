"""The outer layer of a GBX file: magic, flags, header chunks, external references, and the packed body.

Layout: docs/facts/gbx.md#container.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from struct import Struct

import lzokay

from tmxdb.errors import GbxError
from tmxdb.gbx.format import limits
from tmxdb.gbx.format.classes import new_id
from tmxdb.gbx.format.stream import Stream

_MAGIC = b"GBX"
_VERSION = Struct("<H")
_COUNTS = Struct("<2I")
_TABLES = [Struct(f"<{2 * number}I") for number in range(limits.MAX_HEADER_CHUNKS + 1)]  # id and size of each
_HEAVY = 0x80000000  # marks a header chunk that the game loads only when needed
_RESOURCE = 4  # flag of a reference by index into the resources, without a file name


@dataclass(frozen=True, slots=True, eq=False)
class Container:
    """A GBX file whose outer sizes are consistent. The body is still packed."""

    version: int
    """Version of the container: 6 in every file seen; 3 to 6 can be read."""
    flags: str
    """Letters such as `BUCR`; the third says whether the body is packed (C) or not (U)."""
    stored_class_id: int
    class_id: int
    """The class id that TMF uses, see `classes`."""
    header_chunks: Mapping[int, bytes]
    """Bytes by new chunk id, in the order of the file."""
    node_count: int
    """As stored; nothing depends on it."""
    reference_count: int
    body_bytes: int
    """Plain size of the body."""
    trailing_bytes: int
    """Number of bytes after a packed body: 0 in every real file."""
    _packed: bytes = field(repr=False)

    @property
    def is_packed(self) -> bool:
        return self.flags[2] == "C"

    @property
    def unread(self) -> tuple[str, ...]:
        """What was not understood, as text."""
        return (f"{self.trailing_bytes} byte(s) after the body",) if self.trailing_bytes else ()

    @property
    def stored_body_bytes(self) -> int:
        """Number of bytes that the body takes in the file, without the two sizes in front of a packed one."""
        return len(self._packed)

    def unpack_body(self) -> bytes:
        """Return the plain body, exactly `body_bytes` long. Raise GbxError `gbx.lzo` if the packed one is damaged.

        LZO has no checksum, and the unpacker pads data that is shorter than announced with zero bytes. Bytes after
        the last node are the only sign of that.
        """
        if not self.is_packed:
            return self._packed
        try:
            return lzokay.decompress(self._packed, self.body_bytes)
        except lzokay.LzokayError as error:
            raise GbxError("gbx.lzo", f"cannot unpack the body: {type(error).__name__}") from error


def read_container(data: bytes) -> Container:
    """Return the container in `data`, without unpacking the body. Raise GbxError if its sizes are inconsistent."""
    if len(data) > limits.MAX_FILE_BYTES:
        raise GbxError("gbx.too_large", f"the file is larger than the limit of {limits.MAX_FILE_BYTES:,} bytes")
    if not data.startswith(_MAGIC):
        raise GbxError("gbx.not_gbx", f"not a GBX file but {_describe(data)}", 0)
    stream = Stream(data, len(_MAGIC))
    version, flags = _version_and_flags(stream)
    stored_class_id = stream.u32()
    header_chunks = _header_chunks(stream) if version >= 6 else {}
    node_count, reference_count = stream.unpack(_COUNTS)
    if reference_count:
        _skip_references(stream, version, reference_count)
    body_bytes, packed_bytes = _body_sizes(stream) if flags[2] == "C" else (stream.remaining, stream.remaining)
    if body_bytes > limits.MAX_BODY_BYTES:
        raise stream.error("gbx.too_large", f"a body of {body_bytes:,} bytes; the limit is {limits.MAX_BODY_BYTES:,}")
    body = stream.take(packed_bytes)
    return Container(
        version, flags, stored_class_id, new_id(stored_class_id), header_chunks,
        node_count, reference_count, body_bytes, stream.remaining, body,
    )  # fmt: skip


def _describe(data: bytes) -> str:
    """Return what `data` seems to be instead: docs/facts/gbx.md#what-a-download-can-be-instead."""
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
        raise stream.error("gbx.unsupported", f"container version {version}, expected 3 to 6", 3)
    flags = stream.take(4 if version >= 4 else 3).decode("latin-1")
    if flags[0] != "B":
        raise stream.error("gbx.unsupported", f"format {flags[0]!r}, expected B (binary)", 5)
    if flags[1] != "U":
        raise stream.error("gbx.unsupported", f"reference table flag {flags[1]!r}, expected U", 6)
    if flags[2] not in "CU":
        raise stream.error("gbx.unsupported", f"body flag {flags[2]!r}, expected C or U", 7)
    return version, flags


def _header_chunks(stream: Stream) -> dict[int, bytes]:
    """Return the chunks of the user data: u32 size, u32 n, n x (u32 id, u32 size), the data; size 0 means no chunks."""
    at = stream.pos
    size = stream.u32()
    if size > stream.remaining:
        raise stream.error(
            "gbx.truncated", f"user data of {size:,} bytes, but {stream.remaining:,} remain: the file is cut off", at
        )
    if size > limits.MAX_USER_DATA_BYTES:
        raise stream.error(
            "gbx.too_large", f"user data of {size:,} bytes; the limit is {limits.MAX_USER_DATA_BYTES:,}", at
        )
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
    """Skip the table of external files, which only the benchmark replays of the games have."""
    if number > limits.MAX_REFERENCES:
        raise stream.error("gbx.too_large", f"{number:,} references; the limit is {limits.MAX_REFERENCES:,}")
    stream.u32()  # ancestor level
    _skip_folders(stream, limits.MAX_FOLDER_DEPTH, limits.MAX_FOLDERS)
    for _ in range(number):
        flags = stream.u32()
        if flags & _RESOURCE:
            stream.u32()
        else:
            stream.skip_string()
        stream.u32()  # node
        if version >= 5:
            stream.u32()  # use file
        if not flags & _RESOURCE:
            stream.u32()  # folder


def _skip_folders(stream: Stream, depth: int, allowed: int) -> int:
    """Skip a tree of folder names. Return how many more are allowed, out of `allowed`."""
    for _ in range(stream.count(8, allowed, "folders")):
        if depth == 0 or allowed == 0:
            raise stream.error("gbx.too_large", "too many nested folders")
        stream.skip_string()
        allowed = _skip_folders(stream, depth - 1, allowed - 1)
    return allowed


def _body_sizes(stream: Stream) -> tuple[int, int]:
    """Return the plain and packed size. Raise GbxError if the plain size is impossible for the packed one."""
    at = stream.pos
    body_bytes, packed_bytes = stream.unpack(_COUNTS)
    if packed_bytes > stream.remaining:
        raise stream.error(
            "gbx.truncated",
            f"a packed body of {packed_bytes:,} bytes, but {stream.remaining:,} remain: the file is cut off",
            at + 4,
        )
    if body_bytes == 0:
        raise stream.error("gbx.corrupt", "an empty body", at)
    if body_bytes > limits.max_body_bytes(packed_bytes):
        raise stream.error("gbx.too_large", f"a body of {body_bytes:,} bytes packed into {packed_bytes:,}", at)
    return body_bytes, packed_bytes
