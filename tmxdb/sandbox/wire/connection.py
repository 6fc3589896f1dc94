"""One client's connection: a request at a time, answered well or badly.

A web framework does not fit here. Its purpose is to keep promises on the wire (lengths that match, closed
connections only between messages), and a stand-in for a bad day has to break them.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import sys
from typing import Protocol

from tmxdb.sandbox.wire.messages import Request, Response, html_answer
from tmxdb.sandbox.wire.parser import BadMessage, take_request

_DRIPS_PER_S = 10
_PIECE = 64 * 1024


class Responder(Protocol):
    """What a connection needs from the room above."""

    def latency_s(self, request: Request) -> float:
        """How long the answer to this request waits."""

    def opened(self, connection: Connection) -> int:
        """Says the number of a new connection."""

    def closed(self, connection: Connection) -> None: ...

    def respond(self, request: Request, connection: int) -> Response: ...

    def finished(self, request: Request) -> None:
        """Nothing more will be sent in answer to this request."""


class Connection(asyncio.Protocol):
    def __init__(self, responder: Responder) -> None:
        self.number = 0
        self._responder = responder
        self._buffer = bytearray()
        self._busy = False
        self._last = False
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
            self._next()

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

    def abort(self) -> None:
        self._transport.abort()

    # A request after the other

    def _next(self) -> None:
        try:
            request = take_request(self._buffer)
        except BadMessage as error:
            self._transport.write(html_answer(400, f"Bad request: {error}").whole())
            self._transport.close()
            return
        if request is None:
            return
        self._busy = True
        self._last = request.headers.get("connection", "").lower() == "close"
        self._request = request
        response = self._responder.respond(request, self.number)
        if latency_s := self._responder.latency_s(request):
            self._loop.call_later(latency_s, self._send, response)
        else:
            self._send(response)

    def _send(self, response: Response) -> None:
        if self._transport.is_closing():
            return
        if response.manner.is_plain:
            self._transport.write(response.whole())
            self._after(response)
        else:
            self._sending = self._loop.create_task(self._send_oddly(response))

    async def _send_oddly(self, response: Response) -> None:
        manner, body = response.manner, response.body
        if manner.head:
            self._transport.write(b"" if manner.bare else response.head())
            body = body[: int(len(body) * manner.part)]
            if manner.over_s:
                await self._drip(body, manner.over_s)
            else:
                await self._write(body)
        if manner.then == "endless":
            while not self._transport.is_closing():
                await self._write(body[:_PIECE] or b" " * _PIECE)
        elif manner.then == "hang":
            await asyncio.Event().wait()  # until the other side has had enough
        self._after(response)

    async def _drip(self, body: bytes, over_s: float) -> None:
        drips = max(1, min(len(body), int(over_s * _DRIPS_PER_S)))
        for drip in range(drips):
            await asyncio.sleep(over_s / drips)
            await self._write(body[drip * len(body) // drips : (drip + 1) * len(body) // drips])

    async def _write(self, data: bytes) -> None:
        for start in range(0, len(data), _PIECE):
            await self._writable.wait()
            self._transport.write(data[start : start + _PIECE])

    def _after(self, response: Response) -> None:
        self._finish()
        if response.manner.then == "reset":
            self._reset()
        elif response.manner.then == "close" or self._last:
            self._transport.close()
        else:
            self._busy = False
            if self._buffer:  # a request that was sent ahead
                self._loop.call_soon(self._next_unless_busy)

    def _next_unless_busy(self) -> None:
        if not self._busy and not self._transport.is_closing():
            self._next()

    def _finish(self) -> None:
        request, self._request = self._request, None
        if request is not None:
            self._responder.finished(request)

    def _reset(self) -> None:
        """Closes with RST instead of FIN: lingering for no time makes the system forget the connection."""
        # struct linger: two ints, but two shorts on Windows (winsock2.h)
        linger = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
        with contextlib.suppress(OSError):
            self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._transport.abort()
