"""All faults by name. `tmxdb sandbox --list-faults` and docs/sandbox.md show this table."""

from __future__ import annotations

import math

from tmxdb.sandbox.faults import bodies, wire
from tmxdb.sandbox.faults.case import Case, Fault
from tmxdb.sandbox.faults.rule import BadFault, Rule
from tmxdb.sandbox.wire.messages import Response, problem

_LONG_S = 60.0  # the Retry-After of a storm that does not end
_API, _FILES = ("api",), ("files",)


def _status(case: Case) -> Response:
    response = problem("The sandbox was asked to fail here", int(case.rule.name))
    return case.with_retry_after(response, case.rule.retry_after_s)


def _storm(case: Case) -> Response:
    left_s = case.left_s if math.isfinite(case.left_s) else _LONG_S
    seconds = case.rule.retry_after_s if case.rule.retry_after_s is not None else left_s
    return case.with_retry_after(problem("Too many requests", 429), seconds)


STATUS = Fault("this status, with `retry-after=SECONDS` or `retry-date=SECONDS` from now", _status)

FAULTS = {
    "storm": Fault("429 for everybody from `at=` for `for=` seconds, with the time left as Retry-After", _storm),
    # on the wire
    "cut": Fault("half of the body, then closed", wire.cut),
    "cut-silent": Fault("no length given, half of the body, then closed", wire.cut_silent),
    "wrong-length": Fault("a length smaller than the body, then closed", wire.wrong_length),
    "reset": Fault("half of the body, then RST", wire.reset),
    "refuse": Fault("RST without an answer", wire.refuse),
    "drop": Fault("closed without an answer", wire.drop),
    "hang": Fault("no answer, the connection stays open", wire.hang),
    "stall": Fault("half of the body, then nothing, the connection stays open", wire.stall),
    "slow": Fault("the body in drips, over `s=` seconds (5)", wire.slow),
    "endless": Fault("no length given, a body without an end", wire.endless),
    "garbage": Fault("bytes that are not HTTP, then closed", wire.garbage),
    # in head and body
    "redirect": Fault("302 to `to=` another host, `to=file:///etc/passwd`, or `to=self` for ever", bodies.redirect),
    "html": Fault("an HTML error page with status 200", bodies.html),
    "empty": Fault("status 200 and no bytes", bodies.empty),
    "gzip": Fault("the right body, gzipped, and said so", bodies.gzipped),
    "gzip-unsaid": Fault("the right body, gzipped, and not said so", bodies.gzipped_unsaid),
    "bomb": Fault("a small gzip body that unpacks to `mb=` megabytes (64)", bodies.bomb),
    "huge": Fault("`mb=` megabytes (64) of body, honestly announced", bodies.huge),
    "not-gbx": Fault("random bytes as a GBX file", bodies.not_gbx, _FILES),
    "flip": Fault("one byte of the file changed", bodies.flip, _FILES),
    "wrong-file": Fault("the file of another replay or track", bodies.wrong_file, _FILES),
    "json-deep": Fault("lists within lists, 100,000 deep", bodies.json_deep, _API),
    "json-huge": Fault("`mb=` megabytes (64) of rows that are right by themselves", bodies.json_huge, _API),
    "json-types": Fault("one field of each row of a wrong type", bodies.json_types, _API),
    "json-shape": Fault("valid JSON that is no list of results", bodies.json_shape, _API),
    "page-again": Fault("the first page, whatever the cursor, and `More`", bodies.page_again, _API),
}


def fault_of(rule: Rule) -> Fault:
    """The fault that a rule names: a status, or one of the table. BadFault if there is none."""
    if rule.name.isdecimal() and 400 <= int(rule.name) <= 599:
        return STATUS
    if rule.name not in FAULTS:
        known = ", ".join(FAULTS)
        raise BadFault(f"fault {rule.text!r}: there is no {rule.name!r}; take a status (400 to 599) or one of {known}")
    return FAULTS[rule.name]
