"""All faults by name. `tmxdb sandbox --list-faults` and docs/reference/sandbox.md show this table."""

from __future__ import annotations

import math

from tmxdb_sandbox.faults import bodies, delivery
from tmxdb_sandbox.faults.fault import FaultContext, HttpFault
from tmxdb_sandbox.faults.rule import HttpFaultRule, InvalidFaultRule
from tmxdb_sandbox.numbers import whole_number
from tmxdb_sandbox.wire.http_messages import Response, problem_response

_UNLIMITED_RETRY_AFTER_S = 60.0  # the Retry-After of a storm without an end
_API, _FILES = ("api",), ("files",)


def _status(context: FaultContext) -> Response:
    response = problem_response("The sandbox was asked to fail here", int(context.rule.name))
    return context.with_retry_after(response, context.rule.retry_after_s)


def _storm(context: FaultContext) -> Response:
    seconds = context.rule.retry_after_s
    if seconds is None:
        seconds = context.remaining_s if math.isfinite(context.remaining_s) else _UNLIMITED_RETRY_AFTER_S
    return context.with_retry_after(problem_response("Too many requests", 429), seconds)


STATUS = HttpFault("this status, with `retry-after=SECONDS` or `retry-date=SECONDS` from now", _status)

FAULTS = {
    "storm": HttpFault("429 for all clients from `at=` for `for=` seconds; Retry-After is the remaining time", _storm),
    # delivery
    "cut": HttpFault("half of the body, then the connection closes", delivery.cut),
    "cut-silent": HttpFault("no Content-Length, half of the body, then the connection closes", delivery.cut_silent),
    "wrong-length": HttpFault(
        "a Content-Length smaller than the body, then the connection closes", delivery.wrong_length
    ),
    "reset": HttpFault("half of the body, then RST", delivery.reset),
    "refuse": HttpFault("RST without a response", delivery.refuse),
    "drop": HttpFault("the connection closes without a response", delivery.drop),
    "hang": HttpFault("no response, the connection stays open", delivery.hang),
    "stall": HttpFault("half of the body, then nothing; the connection stays open", delivery.stall),
    "slow": HttpFault("the body in small chunks over `s=` seconds (default 5)", delivery.slow),
    "endless": HttpFault("no Content-Length and a body without an end", delivery.endless),
    "garbage": HttpFault("bytes that are not HTTP, then the connection closes", delivery.garbage),
    # headers and body
    "redirect": HttpFault(
        "302 to `to=` another host, `to=file:///etc/passwd`, or `to=self` for a redirect loop", bodies.redirect
    ),
    "html": HttpFault("an HTML error page with status 200", bodies.html),
    "empty": HttpFault("status 200 and an empty body", bodies.empty),
    "gzip": HttpFault("the correct body, gzipped, with Content-Encoding", bodies.gzipped),
    "gzip-unsaid": HttpFault("the correct body, gzipped, without Content-Encoding", bodies.gzipped_unlabelled),
    "bomb": HttpFault("a small gzip body that decompresses to `mb=` MB (default 64)", bodies.bomb),
    "huge": HttpFault("a body of `mb=` MB (default 64) with a correct Content-Length", bodies.huge),
    "not-gbx": HttpFault("random bytes as a GBX file", bodies.not_gbx, _FILES),
    "flip": HttpFault("one byte of the file changed", bodies.flip, _FILES),
    "wrong-file": HttpFault("the file of another replay or track", bodies.wrong_file, _FILES),
    "json-deep": HttpFault("lists nested 100,000 deep", bodies.json_deep, _API),
    "json-huge": HttpFault("`mb=` MB (default 64) of valid rows", bodies.json_huge, _API),
    "json-types": HttpFault("one field of each row with a wrong type", bodies.json_types, _API),
    "json-shape": HttpFault("valid JSON that is not a list of results", bodies.json_shape, _API),
    "page-again": HttpFault("the first page for every cursor, always with `More`", bodies.page_again, _API),
}


def fault_of(rule: HttpFaultRule) -> HttpFault:
    """Return the fault that a rule names: a status or an entry of `FAULTS`. Raise InvalidFaultRule for others."""
    if 400 <= (whole_number(rule.name) or 0) <= 599:
        return STATUS
    if rule.name not in FAULTS:
        known = ", ".join(FAULTS)
        raise InvalidFaultRule(
            f"fault {rule.text!r}: unknown fault {rule.name!r}. Use a status from 400 to 599 or one of {known}"
        )
    return FAULTS[rule.name]
