"""The parser for fault rules such as `503:3%:first=1:on=files`."""

from __future__ import annotations

import math
from dataclasses import dataclass

AREAS = ("all", "api", "tracks", "replays", "files", "record", "track")


class InvalidFaultRule(ValueError):
    """The text is not a valid rule. The message says why and what to write instead."""


@dataclass(frozen=True)
class HttpFaultRule:
    """When a fault happens.

    With `first=K`, `share` is a share of the items: the chosen ones fail at their first K attempts and never again.
    Without it, `share` is the probability of each attempt.
    """

    text: str
    name: str
    share: float = 1.0
    first: int | None = None  # only the first K attempts of each item
    after: int = 0  # not the first K requests that match
    times: int | None = None  # at most this many times in total
    on: tuple[str, ...] = ()  # areas; empty: the default areas of the fault
    item: int | None = None  # only this track or replay id
    at_s: float = 0.0  # start, in seconds since the faults were set, or since the last request exempted by `after`
    for_s: float = math.inf  # duration
    retry_after_s: float | None = None
    retry_date: bool = False  # Retry-After as a date
    seconds: float = 5.0  # duration of `slow`
    mb: float = 64.0  # size of large bodies
    to: str = "http://another-host.invalid/"  # target of `redirect`


def parse_rule(text: str) -> HttpFaultRule:
    """Parse `NAME[:SHARE%][:key=value]…`. Whether NAME exists is not checked here."""
    name, *rest = text.strip().split(":")
    if not name:
        raise InvalidFaultRule(f"fault {text!r} has no name. Write it as 503:3% or cut:2%:first=1")
    fields: dict[str, object] = {}
    while rest:
        part = rest.pop(0)
        key, equals, value = part.partition("=")
        if part.endswith("%"):
            fields["share"] = _number(text, part[:-1], at_most=100) / 100
        elif key == "to" and equals:  # a URL contains colons, so it is always the last key
            fields["to"], rest = ":".join([value, *rest]), []
        elif equals and key in _READERS:
            field, read = _READERS[key]
            fields[field] = read(text, value)
            if key == "retry-date":
                fields["retry_date"] = True
        else:
            keys = ", ".join([*_READERS, "to"])
            raise InvalidFaultRule(f"fault {text!r}: {part!r} is not a share like 3% and not one of {keys} with =VALUE")
    return HttpFaultRule(text, name.lower(), **fields)  # type: ignore[arg-type]


def _number(text: str, value: str, *, at_most: float = 1e9) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not 0 <= number <= at_most:
        raise InvalidFaultRule(f"fault {text!r}: {value!r} is not a number from 0 to {at_most:g}")
    return number


def _integer(text: str, value: str) -> int:
    return int(_number(text, value))


def _areas(text: str, value: str) -> tuple[str, ...]:
    areas = tuple(value.split("+"))
    for area in areas:
        if area not in AREAS:
            known = ", ".join(AREAS)
            raise InvalidFaultRule(f"fault {text!r}: unknown area {area!r}. Known areas: {known}; combine them with +")
    return areas


_READERS = {
    "first": ("first", _integer),
    "after": ("after", _integer),
    "times": ("times", _integer),
    "on": ("on", _areas),
    "id": ("item", _integer),
    "at": ("at_s", _number),
    "for": ("for_s", _number),
    "retry-after": ("retry_after_s", _number),
    "retry-date": ("retry_after_s", _number),
    "s": ("seconds", _number),
    "mb": ("mb", _number),
}
