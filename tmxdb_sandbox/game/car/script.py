"""Read a script file as TMInterface does, skipping lines that cannot be read.

The syntax is docs/facts/tminterface.md#script-files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tmxdb_sandbox.game.car.controls import ANALOG, KEYS, RESPAWN, TICK_MS, Change

_LINE = re.compile(r"(?P<begin>[\d.:]+)(?:-(?P<end>[\d.:]+))?\s+(?P<verb>press|rel|steer|gas)\s+(?P<what>\S+)")
_TIME = re.compile(r"(?:(\d{1,9}):)?(\d{1,9})\.(\d{1,3})|(\d{1,9})")
_OTHER_KEYS = {"delete", "horn"}  # known, without effect on the car
_FULL = 65536


def read_script(text: str) -> tuple[list[Change], list[str]]:
    """Return the changes in the order of the lines, and a message for each line that was not understood."""
    changes: list[Change] = []
    errors: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        for part in line.partition("#")[0].split(";"):
            if not part.strip():
                continue
            found = list(_changes(part.strip()) or ())
            if not found and not _has_no_effect(part.strip()):
                errors.append(f"line {number}: {part.strip()[:80]!r} is not understood")
            changes += found
    return changes, errors


def _changes(part: str) -> Iterator[Change]:
    line = _LINE.fullmatch(part)
    if line is None:
        return
    begin_ms = _time_ms(line["begin"])
    end_ms = _time_ms(line["end"]) if line["end"] else None
    control, value = _control(line["verb"], line["what"])
    if control is None or begin_ms is None:
        return
    # Times between two ticks are never injected.
    if begin_ms % TICK_MS == 0:
        yield Change(begin_ms, control, value)
    if end_ms is not None and end_ms % TICK_MS == 0:
        yield Change(end_ms, control, 0)


def _control(verb: str, what: str) -> tuple[str | None, int]:
    if verb in ANALOG:
        if not re.fullmatch(r"-?\d{1,6}", what) or abs(int(what)) > _FULL:
            return None, 0
        return verb, int(what)
    return (what if what in (*KEYS, RESPAWN) else None), int(verb == "press")


def _time_ms(text: str) -> int | None:
    time = _TIME.fullmatch(text)
    if time is None:
        return None
    minutes, seconds, part, ms = time.groups()
    if ms is not None:
        return int(ms)
    return int(minutes or 0) * 60_000 + int(seconds) * 1000 + int(part.ljust(3, "0"))


def _has_no_effect(part: str) -> bool:
    """Return whether a valid line changes nothing: another key, or a time between two ticks."""
    line = _LINE.fullmatch(part)
    if line is None:
        return False
    control, _ = _control(line["verb"], line["what"])
    return (control is not None and _time_ms(line["begin"]) is not None) or line["what"] in _OTHER_KEYS
