"""Faults whose content a careful client rejects."""

from __future__ import annotations

import gzip
import json
import struct
import zlib
from dataclasses import replace
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, urlencode

from tmxdb_sandbox.catalogue.draws import fraction, noise
from tmxdb_sandbox.faults.fault import FaultContext
from tmxdb_sandbox.numbers import whole_number
from tmxdb_sandbox.wire.http_messages import Response, html_response, json_response, make_response

_MB = 1 << 20
_DEPTH = 100_000
_MAX_ID_DISTANCE = 5000  # how far to search for another file
_CURSORS = {"after", "before", "from"}
_WRONG_VALUES: list[Any] = [
    None, "text", -1, 10**30, 1.5, True, [], {"a": 1}, [[None]], "\x00\x1b[2J", "9" * 5000, float("nan")
]  # fmt: skip
_WRONG_SHAPES: list[Any] = [
    [], "text", 17, None, {}, {"Results": None}, {"More": 1, "Results": {"0": 1}}, {"More": True}
]  # fmt: skip


def redirect(context: FaultContext) -> Response:
    location = context.request.target if context.rule.to == "self" else context.rule.to
    return html_response(302, "Moved").with_headers(Location=location)


def html(context: FaultContext) -> Response:
    return html_response(200, "Something went wrong")


def empty(context: FaultContext) -> Response:
    return _with_body(context.healthy, b"")


def gzipped(context: FaultContext) -> Response:
    return gzipped_unlabelled(context).with_headers(Content_Encoding="gzip")


def gzipped_unlabelled(context: FaultContext) -> Response:
    response = context.healthy
    return _with_body(response, gzip.compress(response.body, 1, mtime=0))


def bomb(context: FaultContext) -> Response:
    return _with_body(context.healthy.with_headers(Content_Encoding="gzip"), _bomb(context.rule.mb))


def huge(context: FaultContext) -> Response:
    """Return the correct body followed by zeros."""
    response = context.healthy
    return _with_body(response, response.body.ljust(round(context.rule.mb * _MB), b"\0"))


def not_gbx(context: FaultContext) -> Response:
    return make_response(200, noise(5000, context.request.target), "application/gbx")


def flip(context: FaultContext) -> Response:
    """Change one byte after the magic. The format has no checksum, so the change may be undetectable."""
    response = context.healthy
    body = bytearray(response.body)
    body[3 + int(fraction("flip", context.request.target) * (len(body) - 3))] ^= 0x55
    return _with_body(response, bytes(body))


def wrong_file(context: FaultContext) -> Response:
    """Return the file with the nearest other id, or the correct response if there is no other or no id."""
    head, _, last = context.request.path.rpartition("/")
    item = whole_number(last)
    if item is None:
        return context.healthy
    for distance in range(1, _MAX_ID_DISTANCE):
        for other in (item - distance, item + distance):
            response = context.serve(replace(context.request, path=f"{head}/{other}"))
            if response.status == 200:
                return response
    return context.healthy


def json_deep(context: FaultContext) -> Response:
    text = '{"More":false,"Results":' + "[" * _DEPTH + "]" * _DEPTH + "}"
    return make_response(200, text.encode(), "application/json; charset=utf-8")


def json_huge(context: FaultContext) -> Response:
    """Return the rows of the page many times over."""
    rows = json.dumps(_page(context.healthy)["Results"])[1:-1] or "{}"
    times = max(1, int(context.rule.mb * _MB / (len(rows) + 1)))
    text = '{"More":false,"Results":[' + ",".join([rows] * times) + "]}"
    return make_response(200, text.encode(), "application/json; charset=utf-8")


def json_types(context: FaultContext) -> Response:
    """Put a value of a wrong type into one field of each row: over all rows, into every field."""
    page = _page(context.healthy)
    for number, row in enumerate(page["Results"]):
        name = list(row)[number % len(row)]
        row[name] = _WRONG_VALUES[(number // len(row) + number) % len(_WRONG_VALUES)]
    return json_response(page)


def json_shape(context: FaultContext) -> Response:
    return json_response(_WRONG_SHAPES[int(fraction("shape", context.request.target) * len(_WRONG_SHAPES))])


def page_again(context: FaultContext) -> Response:
    pairs = [(name, value) for name, value in parse_qsl(context.request.query) if name.lower() not in _CURSORS]
    page = _page(context.serve(replace(context.request, query=urlencode(pairs))))
    return json_response({**page, "More": True})


def _with_body(response: Response, body: bytes) -> Response:
    return replace(response, body=body).with_headers(Content_Length=str(len(body)))


def _page(healthy: Response) -> dict[str, Any]:
    """Return the JSON of a healthy list, or an empty page if the response is an error."""
    page = json.loads(healthy.body) if healthy.status == 200 else {}
    return page if "Results" in page else {"More": False, "Results": []}


@lru_cache(maxsize=4)
def _bomb(mb: float) -> bytes:
    """Return a gzip stream of zeros. Each flushed megabyte compresses to the same thousand bytes."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = compressor.compress(bytes(_MB)) + compressor.flush(zlib.Z_FULL_FLUSH)
    end = compressor.flush(zlib.Z_FINISH)
    count = max(1, round(mb))
    # RFC 1952: a header of ten bytes; CRC-32 and size at the end. The CRC is 0: a client that checks it has already
    # decompressed everything.
    return b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + block * count + end + struct.pack("<LL", 0, count * _MB & 0xFFFFFFFF)
