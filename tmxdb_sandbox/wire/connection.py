"""One client connection: parses requests one at a time and sends each response as its `delivery` says.

This is not built on a web framework because those guarantee correct framing (matching lengths, connections closed only
between messages), and a simulated faulty site must be able to violate it.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import sys
from collections.abc import Callable
from typing import Protocol

from tmxdb_sandbox.wire.http_messages import Request, Response, html_response
from tmxdb_sandbox.wire.parser import MalformedRequest, take_request

_CHUNKS_PER_S = 10
_CHUNK_BYTES = 64 * 1024


class Responder(Protocol):
    """What a connection needs from the server."""

    def opened(self, connection: Connection) -> int:
        """Register a new connection and return its number."""

    def closed(self, connection: Connection) -> None: ...

    def respond(self, request: Request, connection: int) -> Response: ...

    def schedule(self, request: Request, send: Callable[[], None]) -> None:
        """Call `send` when the response may be sent."""

    def finished(self, request: Request) -> None:
        """Called when the response is sent or the connection is lost."""


class Connection(asyncio.Protocol):
    """The server side of one TCP connection."""

    def __init__(self, responder: Responder) -> None:
        self.number = 0
        self._responder = responder
        self._buffer = bytearray()
        self._busy = False
        self._closes_after = False
        self._resets = False
        self._sending: asyncio.Task[None] | None = None
        self._request: Request | None = None
        self._writable = asyncio.Event()
        self._writable.set()

    # Called by asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self.number = self._responder.opened(self)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._busy:
            self._handle_next()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self._writable.set()
        if self._sending:
            self._sending.cancel()
        self._finish()
        self._responder.closed(self)
        if self._resets:
            self._close_socket()

    def abort(self) -> None:
        self._transport.abort()

    def _close_socket(self) -> None:
        """Close the socket of a connection that is reset, before the event loop shuts it down.

        Windows' event loop does that to every socket, and the client would receive a FIN before the RST.
        """
        own = getattr(self._transport.get_extra_info("socket"), "_sock", None)  # the loop shares no other access
        if sys.platform == "win32" and own is not None:
            own.close()

    # One request at a time

    def _handle_next(self) -> None:
        try:
            request = take_request(self._buffer)
        except MalformedRequest as error:
            self._transport.write(html_response(400, f"Bad request: {error}").to_bytes())
            self._transport.close()
            return
        if request is None:
            return
        self._busy = True
        self._closes_after = request.headers.get("connection", "").lower() == "close"
        self._request = request
        response = self._responder.respond(request, self.number)
        self._responder.schedule(request, lambda: self._send(response))

    def _send(self, response: Response) -> None:
        if self._transport.is_closing():
            return
        if response.delivery.is_normal:
            self._transport.write(response.to_bytes())
            self._sent(response)
        else:
            self._sending = self._loop.create_task(self._send_with_fault(response))

    async def _send_with_fault(self, response: Response) -> None:
        delivery, body = response.delivery, response.body
        if delivery.sends:
            self._transport.write(b"" if delivery.omits_head else response.head())
            body = body[: int(len(body) * delivery.body_share)]
            if delivery.duration_s:
                await self._write_slowly(body, delivery.duration_s)
            else:
                await self._write(body)
        if delivery.then == "endless":
            while not self._transport.is_closing():
                await self._write(body[:_CHUNK_BYTES] or b" " * _CHUNK_BYTES)
        elif delivery.then == "hang":
            await asyncio.Event().wait()  # until the client closes the connection
        self._sent(response)

    async def _write_slowly(self, body: bytes, duration_s: float) -> None:
        count = max(1, min(len(body), int(duration_s * _CHUNKS_PER_S)))
        for n in range(count):
            await asyncio.sleep(duration_s / count)
            await self._write(body[n * len(body) // count : (n + 1) * len(body) // count])

    async def _write(self, data: bytes) -> None:
        for start in range(0, len(data), _CHUNK_BYTES):
            await self._writable.wait()
            self._transport.write(data[start : start + _CHUNK_BYTES])

    def _sent(self, response: Response) -> None:
        self._finish()
        if response.delivery.then == "reset":
            self._reset()
        elif response.delivery.then == "close" or self._closes_after:
            self._transport.close()
        else:
            self._busy = False
            if self._buffer:  # a pipelined request
                self._loop.call_soon(self._handle_next_unless_busy)

    def _handle_next_unless_busy(self) -> None:
        if not self._busy and not self._transport.is_closing():
            self._handle_next()

    def _finish(self) -> None:
        request, self._request = self._request, None
        if request is not None:
            self._responder.finished(request)

    def _reset(self) -> None:
        """Close with RST instead of FIN: a linger time of 0 makes the system discard the connection."""
        self._resets = True
        # struct linger: two ints, but two shorts on Windows (winsock2.h)
        linger = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
        with contextlib.suppress(OSError):
            self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._transport.abort()
