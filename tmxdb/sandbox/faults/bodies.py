"""Answers whose content a careful client refuses."""

from __future__ import annotations

import gzip
import json
import struct
import zlib
from dataclasses import replace
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, urlencode

from tmxdb.sandbox.catalogue.draws import fraction, noise
from tmxdb.sandbox.faults.case import Case
from tmxdb.sandbox.wire.messages import Response, answer, html_answer, json_answer

_MB = 1 << 20
_DEPTH = 100_000
_NEIGHBOURS = 5000  # how far to look for another file
_CURSORS = {"after", "before", "from"}
_ODD: list[Any] = [None, "text", -1, 10**30, 1.5, True, [], {"a": 1}, [[None]], "\x00\x1b[2J", "9" * 5000, float("nan")]
_SHAPES: list[Any] = [[], "text", 17, None, {}, {"Results": None}, {"More": 1, "Results": {"0": 1}}, {"More": True}]


def redirect(case: Case) -> Response:
    location = case.request.target if case.rule.to == "self" else case.rule.to
    return html_answer(302, "Moved").with_headers(Location=location)


def html(case: Case) -> Response:
    return html_answer(200, "Something went wrong")


def empty(case: Case) -> Response:
    return _with_body(case.healthy, b"")


def gzipped(case: Case) -> Response:
    return gzipped_unsaid(case).with_headers(Content_Encoding="gzip")


def gzipped_unsaid(case: Case) -> Response:
    response = case.healthy
    return _with_body(response, gzip.compress(response.body, 1, mtime=0))


def bomb(case: Case) -> Response:
    return _with_body(case.healthy.with_headers(Content_Encoding="gzip"), _bomb(case.rule.mb))


def huge(case: Case) -> Response:
    """The right body, and zeros behind it."""
    response = case.healthy
    return _with_body(response, response.body.ljust(round(case.rule.mb * _MB), b"\0"))


def not_gbx(case: Case) -> Response:
    return answer(200, noise(5000, case.request.target), "application/gbx")


def flip(case: Case) -> Response:
    """One byte behind the magic: in a format without checksums it may pass unseen."""
    response = case.healthy
    body = bytearray(response.body)
    body[3 + int(fraction("flip", case.request.target) * (len(body) - 3))] ^= 0x55
    return _with_body(response, bytes(body))


def wrong_file(case: Case) -> Response:
    """The file with the nearest id; the right one if there is no other."""
    head, _, last = case.request.path.rpartition("/")
    for step in range(1, _NEIGHBOURS):
        for other in (int(last) - step, int(last) + step):
            response = case.serve(replace(case.request, path=f"{head}/{other}"))
            if response.status == 200:
                return response
    return case.healthy


def json_deep(case: Case) -> Response:
    text = '{"More":false,"Results":' + "[" * _DEPTH + "]" * _DEPTH + "}"
    return answer(200, text.encode(), "application/json; charset=utf-8")


def json_huge(case: Case) -> Response:
    """The rows of the page over and over."""
    rows = json.dumps(_page(case.healthy)["Results"])[1:-1] or "{}"
    times = max(1, int(case.rule.mb * _MB / (len(rows) + 1)))
    text = '{"More":false,"Results":[' + ",".join([rows] * times) + "]}"
    return answer(200, text.encode(), "application/json; charset=utf-8")


def json_types(case: Case) -> Response:
    """Every field in turn holds, in one row or another, something that it never should."""
    page = _page(case.healthy)
    for number, row in enumerate(page["Results"]):
        name = list(row)[number % len(row)]
        row[name] = _ODD[(number // len(row) + number) % len(_ODD)]
    return json_answer(page)


def json_shape(case: Case) -> Response:
    return json_answer(_SHAPES[int(fraction("shape", case.request.target) * len(_SHAPES))])


def page_again(case: Case) -> Response:
    pairs = [(name, value) for name, value in parse_qsl(case.request.query) if name.lower() not in _CURSORS]
    page = _page(case.serve(replace(case.request, query=urlencode(pairs))))
    return json_answer({**page, "More": True})


def _with_body(response: Response, body: bytes) -> Response:
    return replace(response, body=body).with_headers(Content_Length=str(len(body)))


def _page(healthy: Response) -> dict[str, Any]:
    """The JSON of a healthy list; an empty page if it was a refusal."""
    page = json.loads(healthy.body) if healthy.status == 200 else {}
    return page if "Results" in page else {"More": False, "Results": []}


@lru_cache(maxsize=4)
def _bomb(mb: float) -> bytes:
    """A gzip stream of zeros: each megabyte, flushed, packs to the same thousand bytes."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    piece = packer.compress(bytes(_MB)) + packer.flush(zlib.Z_FULL_FLUSH)
    end = packer.flush(zlib.Z_FINISH)
    count = max(1, round(mb))
    # RFC 1952: ten bytes of head; CRC-32 and size at the end. The CRC is left out: whoever reads that far has
    # already unpacked everything.
    return b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + piece * count + end + struct.pack("<LL", 0, count * _MB & 0xFFFFFFFF)
