"""Bodies that a careful client refuses."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, urlencode

from tmxdb.sandbox.catalogue.draws import fraction
from tmxdb.sandbox.wire.messages import Request, Response, answer, json_answer

_MB = 1 << 20
_DEPTH = 100_000
_JSON = "application/json; charset=utf-8"
_CURSORS = {"after", "before", "from"}


@lru_cache(maxsize=4)
def bomb(mb: float) -> bytes:
    """A gzip stream of zeros: a flushed megabyte packs to the same thousand bytes each time."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    piece = packer.compress(bytes(_MB)) + packer.flush(zlib.Z_FULL_FLUSH)
    end = packer.flush(zlib.Z_FINISH)
    count = max(1, round(mb))
    # RFC 1952: ten bytes of head; CRC-32 and size at the end. The CRC is not computed: whoever reads that
    # far has already unpacked everything.
    return b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + piece * count + end + struct.pack("<LL", 0, count * _MB & 0xFFFFFFFF)


def huge(body: bytes, mb: float) -> bytes:
    """`body` and then zeros."""
    return body + bytes(max(0, round(mb * _MB) - len(body)))


def flipped(body: bytes, key: str) -> bytes:
    """One byte behind the magic changed: a file without checksums may or may not notice."""
    if len(body) < 4:
        return body
    place = 3 + int(fraction("flip", key) * (len(body) - 3))
    return body[:place] + bytes([body[place] ^ 0x55]) + body[place + 1 :]


def neighbour(request: Request, serve: Callable[[Request], Response]) -> Response:
    """The file of the nearest other id that has one."""
    head, _, last = request.path.rpartition("/")
    for step in range(1, 200):
        for other in (int(last) - step, int(last) + step):
            response = serve(replace(request, path=f"{head}/{other}"))
            if response.status == 200:
                return response
    return serve(request)


def deep_json() -> Response:
    return answer(200, b'{"More":false,"Results":' + b"[" * _DEPTH + b"]" * _DEPTH + b"}", _JSON)


def huge_json(healthy: Response, mb: float) -> Response:
    """The rows of the page over and over."""
    page = _page(healthy)
    rows = json.dumps(page["Results"]).strip("[]") or "{}"
    times = max(1, int(mb * _MB / (len(rows) + 1)))
    return answer(200, b'{"More":false,"Results":[' + b",".join([rows.encode()] * times) + b"]}", _JSON)


def odd_json(healthy: Response) -> Response:
    """Every field of each row in turn holds something that it never should."""
    page = _page(healthy)
    odd: list[Any] = [
        None,
        "text",
        -1,
        10**30,
        1.5,
        True,
        [],
        {"a": 1},
        [[None]],
        "\x00\x1b[2J",
        "9" * 5000,
        float("nan"),
    ]
    for number, row in enumerate(page["Results"]):
        if row:
            name = list(row)[number % len(row)]
            row[name] = odd[(number // len(row) + number) % len(odd)]
    return json_answer(page)


def shapeless_json(request: Request) -> Response:
    shapes: list[Any] = [
        [],
        "text",
        17,
        None,
        {},
        {"Results": None},
        {"More": "yes", "Results": {"0": 1}},
        {"More": True},
    ]
    return json_answer(shapes[int(fraction("shape", request.target) * len(shapes))])


def first_page(request: Request, serve: Callable[[Request], Response]) -> Response:
    """As if no cursor had come, and more to follow."""
    pairs = [(name, value) for name, value in parse_qsl(request.query) if name.lower() not in _CURSORS]
    page = _page(serve(replace(request, query=urlencode(pairs))))
    return json_answer({**page, "More": True})


def _page(healthy: Response) -> dict[str, Any]:
    """The JSON of a healthy answer; an empty page if it was a refusal."""
    page = json.loads(healthy.body) if healthy.status == 200 else {}
    return page if "Results" in page else {"More": False, "Results": []}
