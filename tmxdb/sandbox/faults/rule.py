"""The text of a fault, `503:3%:first=1:on=files`, read and checked."""

from __future__ import annotations

import math
from dataclasses import dataclass

AREAS = ("all", "api", "tracks", "replays", "files", "record", "track")


class BadFault(ValueError):
    """The text is no fault; the message says why and what to write."""


@dataclass(frozen=True)
class Rule:
    """When a fault happens.

    With `first=K` the share is of the items: the unlucky ones fail at their first K tries and then
    never again. Without it each try takes its chance anew.
    """

    text: str
    name: str
    share: float = 1.0
    first: int | None = None  # only the first K tries of each item
    times: int | None = None  # so often altogether
    on: tuple[str, ...] = ()  # areas; empty: wherever this fault makes sense
    item: int | None = None  # only this track or replay id
    at_s: float = 0.0  # only from then …
    for_s: float = math.inf  # … so long, counted from when the faults were set
    retry_after_s: float | None = None
    retry_date: bool = False  # Retry-After as a date
    seconds: float = 5.0  # for slow
    mb: float = 64.0  # for bodies that are large
    to: str = "http://another-host.invalid/"  # for redirect


def parse_rule(text: str) -> Rule:
    """`NAME[:SHARE%][:key=value]…`. Whether NAME is known is not looked at here."""
    name, *rest = text.strip().split(":")
    if not name:
        raise BadFault(f"fault {text!r} has no name: write it as 503:3% or cut:2%:first=1")
    fields: dict[str, object] = {}
    while rest:
        part = rest.pop(0)
        key, equals, value = part.partition("=")
        if part.endswith("%"):
            fields["share"] = _number(text, part[:-1], at_most=100) / 100
        elif key == "to" and equals:  # an address has colons itself, so it is always the last
            fields["to"], rest = ":".join([value, *rest]), []
        elif equals and key in _READERS:
            field, read = _READERS[key]
            fields[field] = read(text, value)
            if key == "retry-date":
                fields["retry_date"] = True
        else:
            keys = ", ".join([*_READERS, "to"])
            raise BadFault(f"fault {text!r}: {part!r} is neither a share like 3% nor one of {keys} with =VALUE")
    return Rule(text, name.lower(), **fields)  # type: ignore[arg-type]


def _number(text: str, value: str, *, at_most: float = 1e9) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not 0 <= number <= at_most:
        raise BadFault(f"fault {text!r}: {value!r} is no number from 0 to {at_most:g}")
    return number


def _whole(text: str, value: str) -> int:
    return int(_number(text, value))


def _areas(text: str, value: str) -> tuple[str, ...]:
    areas = tuple(value.split("+"))
    for area in areas:
        if area not in AREAS:
            raise BadFault(f"fault {text!r}: there is no area {area!r}, only {', '.join(AREAS)} (several with +)")
    return areas


_READERS = {
    "first": ("first", _whole),
    "times": ("times", _whole),
    "on": ("on", _areas),
    "id": ("item", _whole),
    "at": ("at_s", _number),
    "for": ("for_s", _number),
    "retry-after": ("retry_after_s", _number),
    "retry-date": ("retry_after_s", _number),
    "s": ("seconds", _number),
    "mb": ("mb", _number),
}
