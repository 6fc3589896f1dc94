"""A transport adapter for `requests` that sends with libcurl, so that the API and downloads share settings."""

from __future__ import annotations

import io
import threading
import time
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from tmxdb.tmx.http.settings import HttpSettings
from tmxdb.tmx.http.transfer_error import TransferError
from tmxdb.tmx.http.transport import CurlTransport

LARGE = 2**18
"""Only one body larger than this is in memory at a time: parsed as JSON it takes ten times as much."""


class CurlAdapter(BaseAdapter):
    """Sends the GET requests of a `requests.Session` with `CurlTransport`.

    Timeouts, proxies and certificates come from `settings` alone; those of the session are ignored. A body has at most
    `largest` bytes, compressed and decompressed. Close each response: a large body makes other large ones wait.
    """

    def __init__(self, settings: HttpSettings, *, user_agent: str, most_connections: int, largest: int) -> None:
        super().__init__()
        self._transport = CurlTransport(settings, user_agent=user_agent, most_connections=most_connections)
        self._wait_s, self._largest = settings.limits.total_s, largest
        self._large = threading.Lock()

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Return the complete response. Raise TransferError."""
        body = ReceivedBody(self._large, self._wait_s, self._largest)
        headers = [f"{name}: {value}" for name, value in request.headers.items() if name.lower() != "user-agent"]
        try:
            result = self._transport.get(
                request.url or "", body.take, largest=self._largest, headers=headers, read_header=body.take_header
            )
            body.finish()
        except BaseException:
            body.close()
            raise
        response = requests.Response()
        response.status_code, response.url, response.request = result.status, request.url or "", request
        response.headers = CaseInsensitiveDict(body.headers)
        response.raw = body
        return response

    def close(self) -> None:
        """Close all idle connections."""
        self._transport.close()


class ReceivedBody(io.BytesIO):
    """A body in memory, decompressed. `large` is held from the moment it has more than 256 KB until it is closed."""

    def __init__(self, large: threading.Lock, wait_s: float, largest: int) -> None:
        super().__init__()
        self.headers: dict[str, str] = {}
        self._largest, self._deadline_s = largest, time.monotonic() + wait_s
        self._large, self._holds_large = large, False
        self._unpack: Callable[[bytes], None] | None = None
        self._gzip: Any = None

    def take_header(self, line: bytes) -> None:
        """Note one line of the header. A status line begins a new header: 1xx responses and proxies send their own."""
        if line.startswith(b"HTTP/"):
            self.headers.clear()
        name, colon, value = line.decode("latin-1").partition(":")
        if colon and len(self.headers) < 100:
            self.headers[name.strip().lower()] = value.strip()

    def take(self, data: bytes) -> None:
        """Append a received piece of the body. Raise TransferError if it cannot be decompressed or is too large."""
        if self._unpack is None:
            self._unpack = self._unpacker()
        self._unpack(data)

    def finish(self) -> None:
        """Go to the start of the complete body. Raise TransferError if its gzip data was cut short."""
        if self._gzip is not None and not self._gzip.eof:
            raise TransferError("cut", "cut short", self.tell())
        self.seek(0)

    def close(self) -> None:
        """Forget the body and let another large one in."""
        if self._holds_large:
            self._holds_large = False
            self._large.release()
        super().close()

    def release_conn(self) -> None:
        """Close. `requests` calls this, not `close`, for a body that was read to its end."""
        self.close()

    def _unpacker(self) -> Callable[[bytes], None]:
        coding = self.headers.get("content-encoding", "").lower()
        if coding in ("", "identity"):
            return self._append
        if coding not in ("gzip", "x-gzip"):
            raise TransferError("invalid", f"compressed as {coding[:40]!r}, which was not requested")
        self._gzip = zlib.decompressobj(31)
        return self._append_unpacked

    def _append_unpacked(self, data: bytes) -> None:
        while data:
            try:
                self._append(self._gzip.decompress(data, 65536))
            except zlib.error:
                raise TransferError("invalid", "not valid gzip data") from None
            data = self._gzip.unconsumed_tail

    def _append(self, data: bytes) -> None:
        self.write(data)
        if self.tell() > self._largest:
            raise TransferError("too large", f"larger than {self._largest >> 20} MB", self.tell())
        if self.tell() > LARGE and not self._holds_large:
            if not self._large.acquire(timeout=max(self._deadline_s - time.monotonic(), 0)):
                raise TransferError("timeout", "too many large answers at the same time", self.tell())
            self._holds_large = True
