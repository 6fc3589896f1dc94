"""Compares input scripts tick by tick: the script that was sent and the inputs that the game reports.

A game writes its inputs as ranges (`0.00-5.00 press up`) or as presses and releases (`0.00 press up`, `5.00 rel up`),
in seconds or in ms: docs/facts/tminterface.md#script-files. Both forms compare equal if they mean the same.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from tmxdb.capture.settings import TICK_MS
from tmxdb.game.state import GameInput

_LINE = re.compile(r"([\d:.]+)(?:-([\d:.]+))?\s+(press|rel|steer|gas)\s+(\S+)", re.ASCII)
_INSTANT_KEYS = frozenset(
    {"enter", "delete"}
)  # a respawn happens when the key goes down; how long it is held has no meaning
_MAX_TEXT = 10_000_000
_NO_START_MS = 100_000  # of stored times: docs/facts/tminterface.md#inputs-of-a-ghost
_NO_END = 2**31 // TICK_MS


@dataclass(frozen=True, slots=True)
class InputTimeline:
    """What a script does: the ticks at which each key goes down and up, and the (tick, value) changes of each axis."""

    keys: dict[str, tuple[tuple[int, int], ...]]
    axes: dict[str, tuple[tuple[int, int], ...]]


def compare_inputs(sent: str, reported: str, until_ms: int, *, shift_ms: int = 0, limit: int = 5) -> list[str]:
    """Return the first `limit` differences between two scripts before `until_ms`; empty if they are equal.

    `shift_ms`: how far the times in `reported` are ahead.
    """
    until = until_ms // TICK_MS
    ours, theirs = parse_script(sent, until), parse_script(reported, until, shift=shift_ms // TICK_MS)
    found = []
    for kind, sent_inputs, reported_inputs in (("key", ours.keys, theirs.keys), ("axis", ours.axes, theirs.axes)):
        for name in sorted({*sent_inputs, *reported_inputs}):
            for change in sorted(set(sent_inputs.get(name, ())) ^ set(reported_inputs.get(name, ()))):
                where = "only in the script" if change in sent_inputs.get(name, ()) else "only in the game"
                found.append(f"{kind} {name} {change[0] * TICK_MS} ms, {change[1]}: {where}")
    return found[:limit]


def events_as_script(events: Iterable[GameInput]) -> str:
    """Return the input events of a game as a script, in times of scripts.

    A stored time counts from that of the event `running`, and is a tick after that of the script
    (docs/facts/tminterface.md#inputs-of-a-ghost). Assumed: analog values have the sign of scripts.
    """
    events = tuple(events)
    start_ms = next((event.time_ms for event in events if event.control == "running"), _NO_START_MS)
    lines = []
    for event in events:
        time_ms = event.time_ms - start_ms - TICK_MS
        if event.control in ("steer", "gas"):
            lines.append(f"{max(0, time_ms)} {event.control} {event.value}")
        elif event.control not in ("running", "finish", "other"):
            lines.append(f"{max(0, time_ms)} {'press' if event.value else 'rel'} {event.control}")
    return "\n".join(lines)


def parse_script(text: str, until: int = _NO_END, *, shift: int = 0) -> InputTimeline:
    """Return the inputs of a script before tick `until`, with `shift` ticks subtracted. Other lines are ignored."""
    presses: dict[str, list[tuple[int, int]]] = defaultdict(list)  # key -> (tick, 1 down or 0 up)
    values: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for line in text[:_MAX_TEXT].splitlines():
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
    return InputTimeline(
        {key: spans for key, changes in presses.items() if (spans := _spans(key, changes, until))},
        {axis: steps for axis, changes in values.items() if (steps := _steps(changes, until))},
    )


def _spans(key: str, changes: list[tuple[int, int]], until: int) -> tuple[tuple[int, int], ...]:
    """Return when the key is down, as [from, to) in ticks before `until`. Adjacent spans are joined."""
    if key in _INSTANT_KEYS:
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
    """Return the changes of an axis before `until`. It starts at 0; the last of several values at one tick counts."""
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
    """Return the tick of a script time: ms without a point, else [[h:]m:]s.xx."""
    try:
        if "." not in text and ":" not in text:
            return int(text) // TICK_MS if len(text) <= 10 else None
        seconds = 0.0
        for part in text.split(":"):
            seconds = seconds * 60 + float(part)
        return round(seconds * 1000 / TICK_MS) if seconds < 2**31 / 1000 else None
    except ValueError:
        return None
