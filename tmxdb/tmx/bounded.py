"""An answer of the API within bounds of time and size, from the first byte of its status line to the last of its body.

`requests` knows a limit for each silence only. A site that sends a byte a minute, headers without an end, `100
Continue` again and again or a chunk's length of a gigabyte would keep a thread for ever, or fill the memory. So the
socket is read through a reader that knows until when and how much; and bodies are unpacked here, piece by piece.
"""

from __future__ import annotations

import http.client
import io
import socket
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter

_request = threading.local()  # the deadline and size of what this thread is asking for


class OutOfBounds(Exception):
    """What comes is too much, or no HTTP that anybody should read on."""


@contextmanager
def bounds(*, seconds: float, wire_bytes: int) -> Iterator[None]:
    """Inside the block, a request of this thread gets so many seconds and bytes, heads and packing included.

    Beyond them reading raises TimeoutError or OutOfBounds, through whatever libraries are in between.
    """
    _request.until_s, _request.bytes_left = time.monotonic() + seconds, wire_bytes
    try:
        yield
    finally:
        del _request.until_s, _request.bytes_left


class BoundedAdapter(HTTPAdapter):
    """The transport of a session whose answers come through `bounds`."""

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """Called by `requests` to make the pools."""
        super().init_poolmanager(*arguments, **options)
        pools = {"http": _Pool, "https": _SecurePool}
        self.poolmanager.pool_classes_by_scheme = pools


def unpacked(response: requests.Response, *, at_most: int) -> Iterator[bytes]:
    """The body in pieces, as they come. Raises OutOfBounds when it is larger, packed oddly, or ends in the middle."""
    packing = response.headers.get("Content-Encoding", "").strip().lower()
    if packing not in ("", "identity", "gzip", "x-gzip"):
        raise OutOfBounds(f"it is packed as {packing[:40]!r}, which was not asked for")
    unpacker = zlib.decompressobj(31) if "gzip" in packing else None
    size = 0
    # What one read of the socket gives: to wait for more could mean to wait beyond any deadline.
    while raw := response.raw.read1(65536, decode_content=False):
        while True:
            try:
                piece = raw if unpacker is None else unpacker.decompress(raw, 65536)
            except zlib.error:
                raise OutOfBounds("it is said to be packed, and is not") from None
            size += len(piece)
            if size > at_most:
                raise OutOfBounds(f"larger than {at_most >> 20} MiB")
            if piece:
                yield piece
            raw = b"" if unpacker is None else unpacker.unconsumed_tail
            if not raw:
                break
    if unpacker is not None and not unpacker.eof:
        raise EOFError


class _Reader(io.RawIOBase):
    """Bytes of a socket, in bounds."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._silence_s = sock.gettimeout() or float("inf")
        self._raw = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left_s = _request.until_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("no whole answer in time")
        if _request.bytes_left <= 0:
            raise OutOfBounds("it does not end")
        self._sock.settimeout(min(self._silence_s, left_s))
        n = self._raw.readinto(buffer)
        _request.bytes_left -= n
        return n

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Source:
    """What `http.client` takes for a socket: it only asks it for a file."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self._sock))


class _Answer(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *arguments: Any, **options: Any) -> None:
        super().__init__(_Source(sock), *arguments, **options)  # type: ignore[arg-type]

    def _read_status(self) -> Any:
        """The first status that is an answer. `http.client` passes over 100 only, and takes 103 (early hints, which
        some servers send to everybody) for the answer itself."""
        while True:
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if not 100 < status < 200:
                return version, status, reason
            http.client.parse_headers(self.fp)


class _Connection(urllib3.connection.HTTPConnection):
    response_class = _Answer


class _SecureConnection(urllib3.connection.HTTPSConnection):
    response_class = _Answer


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _SecureConnection
