"""Bytes in, requests out: as much of HTTP/1.1 as clients of the exchange speak."""

from __future__ import annotations

from urllib.parse import unquote

from tmxdb.sandbox.wire.messages import Request

_MOST_HEAD = 64 * 1024
_MOST_BODY = 16 * 1024 * 1024


class BadMessage(Exception):
    """These bytes are no request; the connection can not go on."""


def take_request(buffer: bytearray) -> Request | None:
    """The first whole request, removed from `buffer`; None if more bytes must come first."""
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        if len(buffer) > _MOST_HEAD:
            raise BadMessage("the head is too long")
        return None
    first, *lines = buffer[:end].decode("latin-1").split("\r\n")
    parts = first.split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        raise BadMessage("no request line")
    method, target, version = parts
    headers = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            raise BadMessage("a header without a colon")
        headers[name.strip().lower()] = value.strip()
    if version == "HTTP/1.0":
        headers.setdefault("connection", "close")
    length = headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > _MOST_BODY:
        raise BadMessage("a body of no or too great length")
    after = end + 4 + int(length)
    if len(buffer) < after:
        return None
    body = bytes(buffer[end + 4 : after])
    del buffer[:after]
    path, _, query = target.partition("?")
    return Request(method, unquote(path), query, headers, body)
