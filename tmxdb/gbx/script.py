"""Inputs as a TMInterface script that drives the run again.

The rules are those of donadigo's `gbxtools/generate_input_file.py` and of the web page "input extraction" on
donadigo.com/tminterface. Script times are ms, a multiple of 10, and 0 is the first moment that the driver can act at,
which a replay stores as 10 ms.
"""

from __future__ import annotations

from collections.abc import Iterator

from .inputs import ANALOG_CONTROLS, RESPAWN, InputEvent

_KEYS = {
    "Accelerate": "up",
    "AccelerateReal": "up",
    "Brake": "down",
    "BrakeReal": "down",
    "SteerLeft": "left",
    "SteerRight": "right",
    RESPAWN: "enter",
}
_TICK_MS = 10
_ANALOG_COMMAND = {"Steer": "steer", "Gas": "gas"}
_SECOND_KEY_FLAG = 1 << 16
_NOT_INVERTED = "_FakeDontInverseAxis"


def to_script(events: tuple[InputEvent, ...], race_time_ms: int | None, *, offset_ms: int = 0) -> str:
    """One line for each command, in the order of time; empty if there is nothing to replay.

    `offset_ms`, a multiple of 10, is added to the time of every event; the end of the race stays where it is.

    A key that nobody let go is held up to `race_time_ms`, and without one it is only pressed. Horn and the marks of
    the game are left out; so are analog values, keys that were let go, of course, and keys pressed and released
    before the race.
    """
    lines = sorted(_commands(events, race_time_ms, offset_ms), key=lambda line: line[0])
    return "".join(f"{text}\n" for _, text in lines)


def _commands(events: tuple[InputEvent, ...], race_time_ms: int | None, offset_ms: int) -> Iterator[tuple[int, str]]:
    """(time, line) of every command."""
    sign = 1 if any(event.control == _NOT_INVERTED for event in events) else -1
    times_ms = [_script_time(event) + offset_ms for event in events]
    next_ms = _times_of_the_next_of_its_kind(events, times_ms)
    for number, event in enumerate(events):
        if event.control in ANALOG_CONTROLS:
            time_ms = max(0, times_ms[number])
            yield time_ms, f"{_seconds(time_ms)} {_ANALOG_COMMAND[event.control]} {sign * event.value}"
        elif _is_press(event):
            end_ms = next_ms[number] if next_ms[number] is not None else race_time_ms
            yield from _press(event, times_ms[number], end_ms)


def _press(event: InputEvent, begin_ms: int, end_ms: int | None) -> Iterator[tuple[int, str]]:
    if begin_ms < 0:
        if end_ms is not None and end_ms < 0:
            return
        begin_ms = 0
    span = _seconds(begin_ms)
    if end_ms is not None and end_ms > begin_ms:
        span += f"-{_seconds(end_ms)}"
    yield begin_ms, f"{span} press {_KEYS[event.control]}"


def _is_press(event: InputEvent) -> bool:
    if event.control not in _KEYS or not event.value:
        return False
    return not event.control.endswith("Real") or event.value >= _SECOND_KEY_FLAG


def _times_of_the_next_of_its_kind(events: tuple[InputEvent, ...], times_ms: list[int]) -> list[int | None]:
    """For each event the script time of the next one of its control, None if it is the last."""
    latest: dict[str, int] = {}
    following: list[int | None] = []
    for event, time_ms in zip(reversed(events), reversed(times_ms), strict=True):
        following.append(latest.get(event.control))
        latest[event.control] = time_ms
    return following[::-1]


def _script_time(event: InputEvent) -> int:
    """Rounded towards 0 to a tick, one tick earlier; a respawn between two ticks is not moved."""
    rounded_ms = int(event.time_ms / _TICK_MS) * _TICK_MS
    if event.control == RESPAWN and event.time_ms % _TICK_MS:
        return rounded_ms
    return rounded_ms - _TICK_MS


def _seconds(time_ms: int) -> str:
    return f"{time_ms // 1000}.{time_ms % 1000 // 10:02}"
