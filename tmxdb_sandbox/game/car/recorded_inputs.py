"""The inputs of a recorded run, from ghost entries to script times (docs/facts/tminterface.md#inputs-of-a-ghost).

Implemented a second time on purpose: comparing with it checks the script that tmxdb writes.
"""

from __future__ import annotations

from collections.abc import Sequence

from tmxdb.gbx import InputEvent
from tmxdb_sandbox.game.car.controls import RESPAWN, Change

_KEY_OF = {
    "Accelerate": "up",
    "AccelerateReal": "up",
    "Brake": "down",
    "BrakeReal": "down",
    "SteerLeft": "left",
    "SteerRight": "right",
    "Steer left": "left",
    "Steer right": "right",
    "Respawn": RESPAWN,
}
_AXIS_OF = {"Steer": "steer", "Gas": "gas"}
_UNFINISHED = 0xFFFFFFFF


def recorded_changes(events: Sequence[InputEvent], race_time_ms: int) -> list[Change]:
    """Return the changes of all controls, in script times."""
    mirrored = any(event.control == "_FakeDontInverseAxis" for event in events)
    changes: list[Change] = []
    for index, event in enumerate(events):
        if event.control in _AXIS_OF:
            value = event.value if mirrored else -event.value
            changes.append(Change(max(0, _script_ms(event)), _AXIS_OF[event.control], value))
        elif event.control in _KEY_OF and event.value:
            if event.control.endswith("Real") and event.value >> 16 != 1:
                continue
            changes += _key_changes(event, _end_ms(events[index + 1 :], event.control, race_time_ms))
    return changes


def _key_changes(event: InputEvent, end_ms: int | None) -> list[Change]:
    """Return a key's press, and its release at the next entry of its name if that is later."""
    key, begin_ms = _KEY_OF[event.control], _script_ms(event)
    if begin_ms < 0:
        if end_ms is not None and end_ms < 0:
            return []
        begin_ms = 0
    down = [Change(begin_ms, key, 1)]
    return [*down, Change(end_ms, key, 0)] if end_ms is not None and end_ms > begin_ms else down


def _end_ms(later: Sequence[InputEvent], control: str, race_time_ms: int) -> int | None:
    for event in later:
        if event.control == control:
            return _script_ms(event)
    return None if race_time_ms == _UNFINISHED else race_time_ms


def _script_ms(event: InputEvent) -> int:
    """Truncate toward zero to a tick, then go one tick back; for a respawn only if it was on a tick."""
    tick = abs(event.time_ms) // 10 * (1 if event.time_ms >= 0 else -1)
    if event.control == "Respawn" and event.time_ms % 10 != 0:
        return tick * 10
    return tick * 10 - 10
