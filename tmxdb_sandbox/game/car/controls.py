"""The inputs at each tick. Scripts and recorded runs are both converted to a Timeline, and compared with it.

Times are those of scripts: 0 is the first moment at which a driver can act. The next tick, 10 ms, is the first one that
is driven with that input.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import NamedTuple

TICK_MS = 10
KEYS = ("up", "down", "left", "right")
ANALOG = ("steer", "gas")
RESPAWN = "enter"


class Change(NamedTuple):
    """A control changes its value. Keys: 0 or 1. `steer` and `gas`: -65536 to 65536, right is positive."""

    time_ms: int
    control: str
    value: int


class ControlState(NamedTuple):
    """The controls at one moment, and how many times `enter` was pressed until then."""

    up: int = 0
    down: int = 0
    left: int = 0
    right: int = 0
    steer: int = 0
    gas: int = 0
    respawns: int = 0


RELEASED = ControlState()


class Timeline:
    """The controls over time, from changes in any order. Changes of one moment apply in the given order."""

    def __init__(self, changes: Iterable[Change] = ()) -> None:
        self.changes = sorted(changes, key=lambda change: change.time_ms)
        self._times: list[int] = []
        self._states: list[ControlState] = []
        self._times_of: dict[str, list[int]] = {}
        state, enter_value = RELEASED, 0
        for time_ms, control, value in self.changes:
            self._times_of.setdefault(control, []).append(time_ms)
            if control == RESPAWN:
                state = state._replace(respawns=state.respawns + (value > enter_value))
                enter_value = value
            else:
                state = state._replace(**{control: value})
            if self._times and self._times[-1] == time_ms:
                self._states[-1] = state
            else:
                self._times.append(time_ms)
                self._states.append(state)

    def __bool__(self) -> bool:
        return bool(self.changes)

    def at(self, time_ms: int) -> ControlState:
        """Return the controls at a moment."""
        index = bisect_right(self._times, time_ms)
        return self._states[index - 1] if index else RELEASED

    def changed_at(self, control: str, time_ms: int) -> int:
        """Return when the control got its value of that moment; -10 if it never changed."""
        times = self._times_of.get(control, [])
        index = bisect_right(times, time_ms)
        return times[index - 1] if index else -TICK_MS

    def first_difference(self, other: Timeline, begin_ms: int, end_ms: int) -> int | None:
        """Return the first moment in [begin_ms, end_ms) at which both differ; None if they are equal there."""
        moments = {begin_ms, *self._times, *other._times}
        for time_ms in sorted(moments):
            if begin_ms <= time_ms < end_ms and self.at(time_ms) != other.at(time_ms):
                return time_ms
        return None

    def shifted(self, shift_ms: int) -> Timeline:
        """Return the same changes, later by `shift_ms`."""
        return Timeline(change._replace(time_ms=change.time_ms + shift_ms) for change in self.changes)

    def text(self, until_ms: int, *, ranges: bool) -> str:
        """Return a script up to a moment: `FROM-TO press up`, or without `ranges` a line for each press and release."""
        lines: list[tuple[int, str]] = []
        down: dict[str, int] = {}
        for time_ms, control, value in self.changes:
            if time_ms > until_ms:
                break
            if control in ANALOG:
                lines.append((time_ms, f"{_seconds(time_ms)} {control} {value}"))
            elif bool(value) != (control in down):
                _press(lines, down, time_ms, control, value, ranges)
        if ranges:
            lines += [(begin_ms, f"{_seconds(begin_ms)} press {control}") for control, begin_ms in down.items()]
        return "".join(f"{line}\n" for _, line in sorted(lines, key=lambda line: line[0]))


def _press(
    lines: list[tuple[int, str]], down: dict[str, int], time_ms: int, control: str, value: int, ranges: bool
) -> None:
    if not ranges:
        lines.append((time_ms, f"{_seconds(time_ms)} {'press' if value else 'rel'} {control}"))
    if value:
        down[control] = time_ms
        return
    begin_ms = down.pop(control)
    if ranges:
        lines.append((begin_ms, f"{_seconds(begin_ms)}-{_seconds(time_ms)} press {control}"))


def _seconds(time_ms: int) -> str:
    return f"{time_ms // 1000}.{time_ms % 1000 // 10:02d}"
