"""A parser for the part of HTTP/1.1 that clients of the exchange use."""

from __future__ import annotations

from urllib.parse import unquote

from tmxdb_sandbox.numbers import whole_number
from tmxdb_sandbox.wire.http_messages import Request

_MAX_HEAD_BYTES = 64 * 1024
_MAX_BODY_BYTES = 16 * 1024 * 1024


class MalformedRequest(Exception):
    """The bytes are not an HTTP request, so the connection cannot continue."""


def take_request(buffer: bytearray) -> Request | None:
    """Remove the first complete request from `buffer` and return it, or None if more bytes are needed."""
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        if len(buffer) > _MAX_HEAD_BYTES:
            raise MalformedRequest("the header section is too long")
        return None
    first, *lines = buffer[:end].decode("latin-1").split("\r\n")
    parts = first.split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        raise MalformedRequest("missing request line")
    method, target, version = parts
    headers = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            raise MalformedRequest("header without a colon")
        headers[name.strip().lower()] = value.strip()
    if version == "HTTP/1.0":
        headers.setdefault("connection", "close")
    length = whole_number(headers.get("content-length", "0"))
    if length is None or length > _MAX_BODY_BYTES:
        raise MalformedRequest("invalid Content-Length")
    after = end + 4 + length
    if len(buffer) < after:
        return None
    body = bytes(buffer[end + 4 : after])
    del buffer[:after]
    path, _, query = target.partition("?")
    return Request(method, unquote(path), query, headers, body)
