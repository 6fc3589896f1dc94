"""Scripts tick by tick: what was sent and what the game says back, written in two ways, compared as what they mean.

A game writes its inputs as ranges (`0.00-5.00 press up`) or as presses and releases (`0.00 press up`, `5.00 rel up`),
in seconds or in ms (TMInterface fact sheet, (a) message 23 and (d) "script lines").
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass

from tmxdb.capture.settings import TICK_MS

_LINE = re.compile(r"([\d:.]+)(?:-([\d:.]+))?\s+(press|rel|steer|gas)\s+(\S+)", re.ASCII)
_MOMENTS = frozenset({"enter"})  # a respawn happens when the key goes down; how long it is held means nothing
_LONGEST_TEXT = 10_000_000
_FOR_EVER = 2**31 // TICK_MS


@dataclass(frozen=True, slots=True)
class Pressed:
    """What a script does: for each key the ticks at which it goes down and up, for each axis (tick, value) changes."""

    keys: dict[str, tuple[tuple[int, int], ...]]
    axes: dict[str, tuple[tuple[int, int], ...]]


def differences(sent: str, said: str, until_ms: int, *, shift_ms: int = 0, at_most: int = 5) -> list[str]:
    """What `said`, the game's own words, has otherwise than the script `sent` before `until_ms`; empty: the same.

    `shift_ms`: what the times in `said` are ahead.
    """
    until = until_ms // TICK_MS
    ours, theirs = parse(sent, until), parse(said, until, shift=shift_ms // TICK_MS)
    found = []
    for kind, mine, other in (("key", ours.keys, theirs.keys), ("axis", ours.axes, theirs.axes)):
        for name in sorted({*mine, *other}):
            for tick in sorted(set(mine.get(name, ())) ^ set(other.get(name, ()))):
                whose = "sent, not said" if tick in mine.get(name, ()) else "said, not sent"
                found.append(f"{kind} {name} {tick[0] * TICK_MS} ms, {tick[1]}: {whose}")
    return found[:at_most]


def parse(text: str, until: int = _FOR_EVER, *, shift: int = 0) -> Pressed:
    """The meaning of a script, times less `shift` ticks, before tick `until`. What is no input is passed over."""
    presses: dict[str, list[tuple[int, int]]] = defaultdict(list)  # key -> (tick, 1 down or 0 up)
    values: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for line in text[:_LONGEST_TEXT].splitlines():
        match = _LINE.fullmatch(line.split("#", 1)[0].strip())
        if match is None:
            continue
        begin, end, verb, what = match.groups()
        from_tick, to_tick = _tick(begin), None if end is None else _tick(end)
        if from_tick is None or (end is not None and to_tick is None):
            continue
        from_tick, to_tick = from_tick - shift, None if to_tick is None else to_tick - shift
        if verb in ("steer", "gas"):
            if re.fullmatch(r"-?\d{1,6}", what, re.ASCII):
                values[verb].append((from_tick, int(what)))
                if to_tick is not None:
                    values[verb].append((to_tick, 0))
        elif verb == "rel":
            presses[what].append((from_tick, 0))
        else:
            presses[what].append((from_tick, 1))
            if to_tick is not None:
                presses[what].append((to_tick, 0))
    return Pressed(
        {key: spans for key, changes in presses.items() if (spans := _spans(key, changes, until))},
        {axis: steps for axis, changes in values.items() if (steps := _steps(changes, until))},
    )


def _spans(key: str, changes: list[tuple[int, int]], until: int) -> tuple[tuple[int, int], ...]:
    """When the key is down, [from, to) in ticks, before `until`; spans that touch are one, unless each is a moment."""
    if key in _MOMENTS:
        return tuple((tick, tick) for tick in sorted({tick for tick, down in changes if down and tick < until}))
    spans: list[tuple[int, int]] = []
    down_at: int | None = None
    for tick, down in sorted(changes):  # at the same tick a release comes first
        if down and down_at is None:
            down_at = tick
        elif not down and down_at is not None:
            spans.append((down_at, tick))
            down_at = None
    if down_at is not None:
        spans.append((down_at, until))
    joined: list[tuple[int, int]] = []
    for begin, end in spans:
        end = min(end, until)
        if begin >= end:
            continue
        if joined and joined[-1][1] == begin:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((begin, end))
    return tuple(joined)


def _steps(changes: list[tuple[int, int]], until: int) -> tuple[tuple[int, int], ...]:
    """The changes of an axis before `until`: of several at one tick the last one counts; it began at 0."""
    at: dict[int, int] = {}
    for tick, value in changes:
        if tick < until:
            at[tick] = value
    steps: list[tuple[int, int]] = []
    latest = 0
    for tick in sorted(at):
        if at[tick] != latest:
            latest = at[tick]
            steps.append((tick, latest))
    return tuple(steps)


def _tick(text: str) -> int | None:
    """A time of a script: ms without a point, else [[h:]m:]s.xx."""
    try:
        if "." not in text and ":" not in text:
            return int(text) // TICK_MS if len(text) <= 10 else None
        seconds = 0.0
        for part in text.split(":"):
            seconds = seconds * 60 + float(part)
        return round(seconds * 1000 / TICK_MS) if seconds < 2**31 / 1000 else None
    except ValueError:
        return None
