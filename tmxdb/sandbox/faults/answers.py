"""What each fault does: from a healthy answer, or from nothing, to the one that is sent.

The names here are those of `--fault`; `docs/sandbox.md` has them as a table.
"""

from __future__ import annotations

import gzip
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from email.utils import formatdate
from typing import TypeAlias

from tmxdb.sandbox.catalogue.draws import noise
from tmxdb.sandbox.faults import bodies
from tmxdb.sandbox.faults.rule import BadFault, Rule
from tmxdb.sandbox.wire.messages import Manner, Request, Response, answer, html_answer, problem

Serve: TypeAlias = Callable[[Request], Response]
Make: TypeAlias = Callable[[Rule, Request, Serve, float], Response]


@dataclass(frozen=True)
class Fault:
    """`make(rule, request, serve, seconds_left)` gives the answer; `areas` is where it makes sense."""

    make: Make
    areas: tuple[str, ...]
    help: str


FAULTS: dict[str, Fault] = {}


def fault_named(rule: Rule) -> Fault:
    """The fault a rule names: a status from 400 to 599, or a name of `FAULTS`."""
    if rule.name.isdecimal() and 400 <= int(rule.name) <= 599:
        return Fault(_status, ("all",), "")
    if rule.name not in FAULTS:
        raise BadFault(
            f"fault {rule.text!r}: there is no {rule.name!r}; take a status (400 to 599) or {', '.join(FAULTS)}"
        )
    return FAULTS[rule.name]


def _fault(name: str, help: str, *areas: str) -> Callable[[Make], Make]:
    def register(make: Make) -> Make:
        FAULTS[name] = Fault(make, areas or ("all",), help)
        return make

    return register


def _marked(response: Response, rule: Rule) -> Response:
    return replace(response, fault=rule.name)


def _retry_after(response: Response, rule: Rule, seconds: float | None) -> Response:
    if seconds is None:
        return response
    if rule.retry_date:
        return response.with_headers(Retry_After=formatdate(math.ceil(time.time() + seconds), usegmt=True))
    return response.with_headers(Retry_After=str(math.ceil(seconds)))


def _status(rule: Rule, request: Request, serve: Serve, left_s: float) -> Response:
    response = problem("The sandbox was asked to fail here", int(rule.name))
    return _marked(_retry_after(response, rule, rule.retry_after_s), rule)


@_fault("storm", "429 for everybody from `at=` for `for=` seconds, Retry-After says how long it lasts")
def _storm(rule: Rule, request: Request, serve: Serve, left_s: float) -> Response:
    seconds = rule.retry_after_s if rule.retry_after_s is not None else min(left_s, 3600)
    return _marked(_retry_after(problem("Too many requests", 429), rule, seconds), rule)


# On the wire


def _sent(manner: Manner) -> Make:
    return lambda rule, request, serve, left_s: _marked(replace(serve(request), manner=manner), rule)


_fault("cut", "the length of the whole, half of the body, closed")(_sent(Manner(part=0.5, then="close")))
_fault("reset", "half of the body, then RST")(_sent(Manner(part=0.5, then="reset")))
_fault("refuse", "RST without an answer")(_sent(Manner(head=False, then="reset")))
_fault("drop", "closed without an answer")(_sent(Manner(head=False, then="close")))
_fault("hang", "no answer at all, connection open")(_sent(Manner(head=False, then="hang")))
_fault("stall", "half of the body, then nothing, connection open")(_sent(Manner(part=0.5, then="hang")))


@_fault("cut-silent", "no length given, half of the body, closed: only the content tells")
def _cut_silent(rule: Rule, request: Request, serve: Serve, left_s: float) -> Response:
    response = serve(request).with_headers(Content_Length=None, Connection="close")
    return _marked(replace(response, manner=Manner(part=0.5, then="close")), rule)


@_fault("slow", "dripping for `s=` seconds (5)")
def _slow(rule: Rule, request: Request, serve: Serve, left_s: float) -> Response:
    return _marked(replace(serve(request), manner=Manner(over_s=rule.seconds)), rule)


@_fault("endless", "no length given, a body that never ends")
def _endless(rule: Rule, request: Request, serve: Serve, left_s: float) -> Response:
    response = serve(request).with_headers(Content_Length=None, Connection="close")
    return _marked(replace(response, manner=Manner(then="endless")), rule)


@_fault("wrong-length", "a length smaller than the body; closed behind it")
def _wrong_length(rule: Rule, request: Request, serve: Serve, left_s: float) -> Response:
    response = serve(request)
    response = response.with_headers(Content_Length=str(len(response.body) * 2 // 3))
    return _marked(replace(response, manner=Manner(then="close")), rule)


@_fault("garbage", "bytes that are not HTTP, closed")
def _garbage(rule: Rule, request: Request, serve: Serve, left_s: float) -> Response:
    return Response(200, noise(200, request.target), manner=Manner(bare=True, then="close"), fault=rule.name)


@_fault("redirect", "302 to another host, or `to=file:///etc/passwd`, or `to=self` for ever")
def _redirect(rule: Rule, request: Request, serve: Serve, left_s: float) -> Response:
    location = request.target if rule.to == "self" else rule.to
    return _marked(html_answer(302, "Moved").with_headers(Location=location), rule)


# In the body


def _body(name: str, help: str, make: Callable[[Rule, Request, Serve], Response], *areas: str) -> None:
    _fault(name, help, *areas)(lambda rule, request, serve, left_s: _marked(make(rule, request, serve), rule))


def _with_body(response: Response, body: bytes) -> Response:
    return replace(response, body=body).with_headers(Content_Length=str(len(body)))


_body(
    "html",
    "an HTML error page with status 200",
    lambda rule, request, serve: html_answer(200, "Something went wrong"),
)
_body("empty", "status 200, no bytes", lambda rule, request, serve: _with_body(serve(request), b""))
_body(
    "gzip",
    "the right body, gzipped, and said so",
    lambda rule, request, serve: _with_body(
        (healthy := serve(request)).with_headers(Content_Encoding="gzip"),
        gzip.compress(healthy.body, 1, mtime=0),
    ),
)
_body(
    "gzip-unsaid",
    "the right body, gzipped, and not said so",
    lambda rule, request, serve: _with_body(healthy := serve(request), gzip.compress(healthy.body, 1, mtime=0)),
)
_body(
    "bomb",
    "a small gzip body that unpacks to `mb=` megabytes (64)",
    lambda rule, request, serve: _with_body(serve(request).with_headers(Content_Encoding="gzip"), bodies.bomb(rule.mb)),
)
_body(
    "huge",
    "`mb=` megabytes (64) of body, honestly announced",
    lambda rule, request, serve: _with_body(healthy := serve(request), bodies.huge(healthy.body, rule.mb)),
)
_body(
    "not-gbx",
    "random bytes as a GBX file",
    lambda rule, request, serve: answer(200, noise(5000, request.target), "application/gbx"),
    "files",
)
_body(
    "flip",
    "one byte of the file changed",
    lambda rule, request, serve: _with_body(healthy := serve(request), bodies.flipped(healthy.body, request.target)),
    "files",
)
_body(
    "wrong-file",
    "the file of another replay or track",
    lambda rule, request, serve: bodies.neighbour(request, serve),
    "files",
)
_body("json-deep", "lists within lists, 100,000 deep", lambda rule, request, serve: bodies.deep_json(), "api")
_body(
    "json-huge",
    "`mb=` megabytes (64) of valid rows",
    lambda rule, request, serve: bodies.huge_json(serve(request), rule.mb),
    "api",
)
_body(
    "json-types",
    "the right rows with wrong types in them",
    lambda rule, request, serve: bodies.odd_json(serve(request)),
    "api",
)
_body(
    "json-shape",
    "valid JSON, but no list of results",
    lambda rule, request, serve: bodies.shapeless_json(request),
    "api",
)
_body(
    "page-again",
    "the first page again, whatever the cursor",
    lambda rule, request, serve: bodies.first_page(request, serve),
    "api",
)
