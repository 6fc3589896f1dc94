"""Convert inputs into a TMInterface script that drives the run again.

The rules are those of donadigo's `gbxtools/generate_input_file.py` and of the page "input extraction" on
donadigo.com/tminterface. Script times are multiples of one tick (10 ms). Time 0 is the first tick on which the
driver can act; a replay stores it as 10 ms.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tmxdb.errors import GbxError
from tmxdb.gbx.replay_parts.inputs import ANALOG_CONTROLS, KEY_OF, RESPAWN, InputEvent

_DRIVES = ("Accelerate", "Brake", "Gas", "Steer")
"""Beginnings of the names of controls that drive a car, in all games."""
_TICK_MS = 10
_ANALOG_COMMAND = {"Steer": "steer", "Gas": "gas"}
_SECOND_KEY_FLAG = 1 << 16
_NOT_INVERTED = "_FakeDontInverseAxis"


@dataclass(frozen=True, slots=True)
class RespawnRule:
    """How respawns are driven: with `key`, and at least `after_ms` after the last of `checkpoints_ms` before them.

    A respawn right at a checkpoint may come before the game has counted it, and then returns to the one before.
    """

    key: str = "enter"
    after_ms: int = 0
    checkpoints_ms: tuple[int, ...] = ()

    def applied(self, events: tuple[InputEvent, ...]) -> tuple[InputEvent, ...]:
        """Return the events with respawns at the times of this rule."""
        if not self.after_ms:
            return events
        return tuple(
            event._replace(time_ms=self._allowed(event.time_ms)) if event.control == RESPAWN and event.value else event
            for event in events
        )

    def _allowed(self, time_ms: int) -> int:
        before = max((at_ms for at_ms in self.checkpoints_ms if at_ms <= time_ms), default=None)
        return time_ms if before is None else max(time_ms, before + self.after_ms)


AS_RECORDED = RespawnRule()


def to_script(
    events: tuple[InputEvent, ...],
    race_time_ms: int | None,
    *,
    offset_ms: int = 0,
    respawns: RespawnRule = AS_RECORDED,
) -> str:
    """Return one line for each command, in the order of time; empty without inputs.

    `offset_ms`, a multiple of 10, is added to the time of every event, but not to the end of the race.

    A key that is never released is held up to `race_time_ms`; without a race time it is only pressed. Left out are
    the horn, the marks of the game, and keys that were pressed and released before the race.

    Raise GbxError if the car was driven with a control that a script cannot have, such as `Steer (analog)`.
    """
    _check_controls(events)
    commands = _commands(respawns.applied(events), race_time_ms, offset_ms, KEY_OF | {RESPAWN: respawns.key})
    lines = sorted(commands, key=lambda line: line[0])
    return "".join(f"{text}\n" for _, text in lines)


def _check_controls(events: tuple[InputEvent, ...]) -> None:
    known = ANALOG_CONTROLS | KEY_OF.keys()
    for control in sorted({event.control for event in events} - known):
        if control.startswith(_DRIVES):
            raise GbxError(
                "gbx.unsupported",
                f"the car was driven with the control {control!r}, whose values are not known. Use another replay.",
            )


def _commands(
    events: tuple[InputEvent, ...], race_time_ms: int | None, offset_ms: int, keys: Mapping[str, str]
) -> Iterator[tuple[int, str]]:
    """Yield (time, line) of every command."""
    sign = 1 if any(event.control == _NOT_INVERTED for event in events) else -1
    times_ms = [_script_time(event) + offset_ms for event in events]
    next_ms = _next_times_of_same_control(events, times_ms)
    for number, event in enumerate(events):
        if event.control in ANALOG_CONTROLS:
            time_ms = max(0, times_ms[number])
            yield time_ms, f"{_seconds(time_ms)} {_ANALOG_COMMAND[event.control]} {sign * event.value}"
        elif _is_press(event):
            end_ms = next_ms[number] if next_ms[number] is not None else race_time_ms
            yield from _press(keys[event.control], times_ms[number], end_ms)


def _press(key: str, begin_ms: int, end_ms: int | None) -> Iterator[tuple[int, str]]:
    if begin_ms < 0:
        if end_ms is not None and end_ms < 0:
            return
        begin_ms = 0
    span = _seconds(begin_ms)
    if end_ms is not None and end_ms > begin_ms:
        span += f"-{_seconds(end_ms)}"
    yield begin_ms, f"{span} press {key}"


def _is_press(event: InputEvent) -> bool:
    if event.control not in KEY_OF or not event.value:
        return False
    return not event.control.endswith("Real") or event.value >= _SECOND_KEY_FLAG


def _next_times_of_same_control(events: tuple[InputEvent, ...], times_ms: list[int]) -> list[int | None]:
    """Return for each event the script time of the next event of its control; None for the last one."""
    latest: dict[str, int] = {}
    following: list[int | None] = []
    for event, time_ms in zip(reversed(events), reversed(times_ms), strict=True):
        following.append(latest.get(event.control))
        latest[event.control] = time_ms
    return following[::-1]


def _script_time(event: InputEvent) -> int:
    """Return the time rounded towards 0 to a tick, minus one tick; for a respawn between two ticks, only rounded."""
    rounded_ms = int(event.time_ms / _TICK_MS) * _TICK_MS
    if event.control == RESPAWN and event.time_ms % _TICK_MS:
        return rounded_ms
    return rounded_ms - _TICK_MS


def _seconds(time_ms: int) -> str:
    return f"{time_ms // 1000}.{time_ms % 1000 // 10:02}"
